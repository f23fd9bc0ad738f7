#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "core/format.h"
#include "core/result.h"
#include "http/message.h"

namespace app {

/// What somebody asked for cannot be meant; `message` is for people.
inline core::Error usage(std::string message) {
  return core::fail(core::ErrorKind::InvalidArgument, std::move(message));
}

/// The server that `option` names. Errors: InvalidArgument, naming the option.
inline core::Result<http::Origin> origin_of(std::string_view option, const std::string& url) {
  auto origin = http::parse_origin(url);
  if (!origin) {
    return usage(core::format("--{}: {}", option, origin.error().message));
  }
  return *std::move(origin);
}

}  // namespace app
