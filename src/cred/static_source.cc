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

Fetched EnvironmentSource::fetch_row(std::size_t row, const core::OpContext& context) const {
  const sign::Credentials& values = values_[row];
  const EnvironmentNames& names = kEnvironmentNames[row];
  const bool id_missing = values.access_key_id.empty();
  if (id_missing && values.access_key_secret.empty()) {
    return not_configured(core::format("{} is not set", names.access_key_id));
  }
  if (id_missing || values.access_key_secret.empty()) {
    return permanent(
        core::fail(core::ErrorKind::InvalidArgument,
                   core::format("{} is set but {} is not",
                                id_missing ? names.access_key_secret : names.access_key_id,
                                id_missing ? names.access_key_id : names.access_key_secret)));
  }
  return StaticSource(values, core::format("environment ({})", names.access_key_id), clock_)
      .fetch(context);
}

Fetched EnvironmentSource::fetch(const core::OpContext& context) {
  for (const std::size_t row : order_) {
    if (auto fetched = fetch_row(row, context);
        fetched || fetched.error().kind != FetchFailure::Class::NotConfigured) {
      return fetched;
    }
  }
  const EnvironmentNames& preferred = kEnvironmentNames[order_.front()];
  return not_configured(core::format("no key pair is in the environment ({} and {})",
                                     preferred.access_key_id, preferred.access_key_secret));
}

}  // namespace cred
