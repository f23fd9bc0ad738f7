#include "cred/passwd_file.h"

#include <optional>

#include "core/format.h"
#include "core/text.h"
#include "cred/failure.h"
#include "cred/local_lease.h"
#include "cred/private_file.h"

namespace cred {
namespace {

core::Error invalid(std::string message) {
  return core::fail(core::ErrorKind::InvalidArgument, std::move(message));
}

GivenCredentials pair_of(std::string_view id, std::string_view secret) {
  return {{std::string(id), core::Secret(std::string(secret)), {}}, std::nullopt};
}

core::Result<GivenCredentials> find_pair(std::string_view text, std::string_view bucket) {
  std::optional<GivenCredentials> ours;
  std::optional<GivenCredentials> general;
  int number = 0;
  for (const std::string_view whole : core::split(text, '\n')) {
    ++number;
    const std::string_view line = core::trim(whole);
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    const auto parts = core::split(line, ':');
    if (parts.size() != 2 && parts.size() != 3) {
      return invalid(
          core::format("line {} is not of the form [BUCKET:]ACCESS-KEY-ID:SECRET", number));
    }
    const bool named = parts.size() == 3;
    if (named && parts[0] != bucket) {
      continue;
    }
    auto& place = named ? ours : general;
    if (place) {
      return invalid(core::format("line {} is the second one for {}", number,
                                  named ? "this bucket" : "every bucket"));
    }
    place = pair_of(parts[parts.size() - 2], parts.back());
  }
  if (!ours && !general) {
    return invalid(
        bucket.empty()
            ? std::string("no line is for every bucket")
            : core::format("no line is for the bucket {}, and none for every one", bucket));
  }
  return ours ? *std::move(ours) : *std::move(general);
}

}  // namespace

Fetched PasswdFile::fetch(const core::OpContext& /*context*/) {
  const auto readers = path_.starts_with("/etc/") ? Readers::Group : Readers::Owner;
  const auto text = read_private_file(path_, readers);
  if (!text) {
    core::Error error = text.error().within(describe());
    return error.kind == core::ErrorKind::NotFound ? not_configured(std::move(error.message))
                                                   : unusable(std::move(error));
  }
  auto pair = find_pair(text->reveal(), bucket_);
  if (!pair) {
    return unusable(std::move(pair).error().within(describe()));
  }
  auto lease = local_lease(*std::move(pair), clock_);
  if (!lease) {
    return unusable(std::move(lease).error().within(describe()));
  }
  return *std::move(lease);
}

}  // namespace cred
