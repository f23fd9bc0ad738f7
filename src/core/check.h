#pragma once

namespace core {
/// Logs the broken invariant and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace core

/// An invariant of our own: if it does not hold, going on would do harm.
#define CORE_CHECK(condition)                               \
  do {                                                      \
    if (!(condition)) {                                     \
      ::core::check_failed(#condition, __FILE__, __LINE__); \
    }                                                       \
  } while (false)
