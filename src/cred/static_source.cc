#include "cred/static_source.h"

#include "core/format.h"
#include "cred/failure.h"
#include "cred/validate.h"

namespace cred {

Fetched StaticSource::fetch(const core::OpContext& /*context*/) {
  if (auto valid = validate(credentials_); !valid) {
    return permanent(std::move(valid).error().within(name_));
  }
  return Lease{credentials_, std::nullopt, clock_.steady_now()};
}

Fetched EnvironmentSource::fetch(const core::OpContext& context) {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const sign::Credentials& values = values_[i];
    const EnvironmentNames& names = kEnvironmentNames[i];
    if (values.access_key_id.empty() && values.access_key_secret.empty()) {
      continue;
    }
    if (values.access_key_id.empty() || values.access_key_secret.empty()) {
      const bool id_missing = values.access_key_id.empty();
      return permanent(
          core::fail(core::ErrorKind::InvalidArgument,
                     core::format("{} is set but {} is not",
                                  id_missing ? names.access_key_secret : names.access_key_id,
                                  id_missing ? names.access_key_id : names.access_key_secret)));
    }
    return StaticSource(values, core::format("environment ({})", names.access_key_id), clock_)
        .fetch(context);
  }
  return not_configured(core::format("neither {} nor {} is set", kEnvironmentNames[0].access_key_id,
                                     kEnvironmentNames[1].access_key_id));
}

}  // namespace cred
