#include "cred/validate.h"

#include <algorithm>

#include "core/format.h"

namespace cred {
namespace {

core::Status check(std::string_view what, std::string_view value, std::size_t limit) {
  if (value.size() > limit) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("the {} is longer than {} bytes", what, limit));
  }
  if (std::any_of(value.begin(), value.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    return core::fail(
        core::ErrorKind::InvalidArgument,
        core::format("the {} contains a blank, a line break or another character that no key has",
                     what));
  }
  return {};
}

}  // namespace

core::Status validate(const sign::Credentials& credentials) {
  if (credentials.access_key_id.empty()) {
    return core::fail(core::ErrorKind::InvalidArgument, "the access key id is empty");
  }
  if (credentials.access_key_secret.empty()) {
    return core::fail(core::ErrorKind::InvalidArgument, "the access key secret is empty");
  }
  TRY(check("access key id", credentials.access_key_id, 256));
  TRY(check("access key secret", credentials.access_key_secret.reveal(), 1024));
  // No length is documented; this is what servers take as one header.
  TRY(check("security token", credentials.token.reveal(), 16UL * 1024));
  return {};
}

}  // namespace cred
