#include "core/result.h"

#include <fmt/core.h>

namespace core {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound:
      return "NotFound";
    case ErrorKind::NoBucket:
      return "NoBucket";
    case ErrorKind::Exists:
      return "Exists";
    case ErrorKind::NotDirectory:
      return "NotDirectory";
    case ErrorKind::IsDirectory:
      return "IsDirectory";
    case ErrorKind::NotEmpty:
      return "NotEmpty";
    case ErrorKind::Denied:
      return "Denied";
    case ErrorKind::NotPermitted:
      return "NotPermitted";
    case ErrorKind::Unauthenticated:
      return "Unauthenticated";
    case ErrorKind::TokenRefused:
      return "TokenRefused";
    case ErrorKind::Changed:
      return "Changed";
    case ErrorKind::Throttled:
      return "Throttled";
    case ErrorKind::Unavailable:
      return "Unavailable";
    case ErrorKind::Timeout:
      return "Timeout";
    case ErrorKind::Cancelled:
      return "Cancelled";
    case ErrorKind::InvalidArgument:
      return "InvalidArgument";
    case ErrorKind::NameTooLong:
      return "NameTooLong";
    case ErrorKind::TooLarge:
      return "TooLarge";
    case ErrorKind::OutOfRange:
      return "OutOfRange";
    case ErrorKind::NoSpace:
      return "NoSpace";
    case ErrorKind::ReadOnly:
      return "ReadOnly";
    case ErrorKind::NoData:
      return "NoData";
    case ErrorKind::Unsupported:
      return "Unsupported";
    case ErrorKind::Busy:
      return "Busy";
    case ErrorKind::TooManyLinks:
      return "TooManyLinks";
    case ErrorKind::CrossDevice:
      return "CrossDevice";
    case ErrorKind::Corrupt:
      return "Corrupt";
    case ErrorKind::ClockSkewed:
      return "ClockSkewed";
    case ErrorKind::NoUpload:
      return "NoUpload";
    case ErrorKind::Protocol:
      return "Protocol";
    case ErrorKind::Io:
      return "Io";
    case ErrorKind::Internal:
      return "Internal";
  }
  return "Unknown";
}

std::string describe(const Error& error) {
  if (!error.remote) {
    return error.message;
  }
  std::string line = fmt::format("{} (HTTP {}", error.message, error.remote->status);
  if (!error.remote->code.empty()) {
    line += fmt::format(", {}", error.remote->code);
  }
  if (!error.remote->ec.empty()) {
    line += fmt::format(", EC {}", error.remote->ec);
  }
  if (!error.remote->request_id.empty()) {
    line += fmt::format(", request {}", error.remote->request_id);
  }
  return line + ")";
}

}  // namespace core
