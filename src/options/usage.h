#pragma once
#include <string>
#include <utility>

#include "core/result.h"

namespace options {

/// What somebody asked for cannot be meant; `message` is for people.
inline core::Error usage(std::string message) {
  return core::fail(core::ErrorKind::InvalidArgument, std::move(message));
}

}  // namespace options
