#include "app/exit_code.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "core/format.h"
#include "core/log.h"

namespace app {
namespace {

using core::ErrorKind;

/// Codes of OSS and STS that say more than the kind of error they became. A row stands for every
/// code that begins so.
constexpr std::array<std::pair<std::string_view, Exit>, 12> kCodes = {{
    {"NoSuchBucket", Exit::Bucket},
    {"InvalidBucketName", Exit::Bucket},
    {"InvalidAccessKeyId", Exit::Credentials},
    {"InvalidSecurityToken", Exit::Credentials},
    {"SecurityToken", Exit::Credentials},
    {"SignatureDoesNotMatch", Exit::Credentials},
    {"EntityNotExist", Exit::Credentials},
    {"InactiveAccessKeyId", Exit::Credentials},
    {"NoPermission", Exit::Permission},
    {"RequestTimeTooSkewed", Exit::Credentials},
    {"SecondLevelDomainForbidden", Exit::Network},
    {"AuthorizationHeaderMalformed", Exit::Network},
}};

std::string_view advice_for(Exit exit) {
  switch (exit) {
    case Exit::Usage:
      return "see `stsfs mount --help`, or the manual page";
    case Exit::Credentials:
      return "`stsfs whoami` with the same options shows which credentials are used; they come "
             "from "
             "ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, a profile, or the source that an option "
             "names";
    case Exit::Permission:
      return "a mount needs oss:GetObject, and oss:PutObject, oss:DeleteObject and oss:ListObjects "
             "for what they are for, on this bucket and prefix";
    case Exit::Bucket:
      return "check the bucket's name, and that it belongs to the region of --endpoint";
    case Exit::Network:
      return "check --endpoint and --region, name resolution, firewall and --proxy";
    default:
      return {};
  }
}

}  // namespace

Exit classify(const core::Error& error) {
  if (error.remote) {
    const std::string& code = error.remote->code;
    const auto* const known = std::find_if(
        kCodes.begin(), kCodes.end(), [&](const auto& row) { return code.starts_with(row.first); });
    if (known != kCodes.end()) {
      return known->second;
    }
    // Which is refused in the words of a missing right, or of a wrong argument.
    if (error.remote->elsewhere) {
      return Exit::Network;
    }
  }
  switch (error.kind) {
    case ErrorKind::Unauthenticated:
    case ErrorKind::TokenRefused:
    case ErrorKind::ClockSkewed:
    case ErrorKind::InvalidArgument:
      return Exit::Credentials;
    case ErrorKind::Denied:
      return Exit::Permission;
    case ErrorKind::NoBucket:
    case ErrorKind::NotFound:
      return Exit::Bucket;
    case ErrorKind::Unavailable:
    case ErrorKind::Timeout:
    case ErrorKind::Throttled:
    case ErrorKind::Protocol:
    case ErrorKind::NotPermitted:
      return Exit::Network;
    default:
      return Exit::Failure;
  }
}

int refuse(Exit exit, std::string_view what, std::string_view advice) {
  // A service's words may hold anything; a terminal gets none of it.
  std::string text = "stsfs: " + core::escape_for_log(what) + '\n';
  if (!advice.empty()) {
    text += "  " + std::string(advice) + '\n';
  }
  std::fputs(text.c_str(), stderr);
  return static_cast<int>(exit);
}

int refuse(Exit exit, const core::Error& error) {
  return refuse(exit, core::describe(error), advice_for(exit));
}

}  // namespace app
