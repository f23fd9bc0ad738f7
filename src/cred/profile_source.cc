#include "cred/profile_source.h"

#include "core/format.h"
#include "core/text.h"
#include "cred/cli_profile.h"
#include "cred/failure.h"
#include "cred/ini_profile.h"
#include "cred/private_file.h"

namespace cred {

ProfileSource::ProfileSource(std::string path, std::string profile, Maker maker)
    : path_(std::move(path)), profile_(std::move(profile)), maker_(std::move(maker)) {}

std::string ProfileSource::describe() const {
  return profile_.empty() ? "file " + path_ : core::format("file {} [{}]", path_, profile_);
}

core::Status ProfileSource::read() {
  TRY_ASSIGN(core::Secret text, read_private_file(path_));
  if (inner_ && text_ && *text_ == text) {
    return {};
  }
  inner_.reset();
  const bool json = core::trim(text.reveal()).starts_with('{');
  TRY_ASSIGN(const SourceSpec spec,
             json ? parse_cli_profile(text, profile_)
                  : parse_ini_profile(text, profile_.empty() ? "default" : profile_));
  TRY_ASSIGN(inner_, maker_(spec));
  text_ = std::move(text);
  return {};
}

Fetched ProfileSource::fetch(const core::OpContext& context) {
  if (auto read_well = read(); !read_well) {
    core::Error error = std::move(read_well).error().within(describe());
    return error.kind == core::ErrorKind::NotFound ? not_configured(std::move(error.message))
                                                   : unusable(std::move(error));
  }
  auto fetched = inner_->fetch(context);
  if (!fetched) {
    fetched.error().error = std::move(fetched.error().error).within(describe());
    if (fetched.error().kind == FetchFailure::Class::NotConfigured) {
      fetched.error().kind = FetchFailure::Class::Permanent;  // the profile is there, and says so
    }
  }
  return fetched;
}

void ProfileSource::source_changed() {
  if (inner_) {
    inner_->source_changed();
  }
}

}  // namespace cred
