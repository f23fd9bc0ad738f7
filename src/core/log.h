#pragma once
// Events with fields. Levels mean: error, a human must act; warn, degraded but healing; info, a
// state changed; debug, a line an operation; trace, the wire.
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace core {

enum class LogLevel : std::uint8_t { Error, Warn, Info, Debug, Trace };
std::optional<LogLevel> parse_log_level(std::string_view text);
std::string_view to_string(LogLevel level);

/// One key=value of an event. There is none for core::Secret, on purpose.
struct LogField {
  std::string_view key;
  std::string value;
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <std::integral T>
  LogField(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, double v) : key(k), value(std::to_string(v)) {}
};

enum class LogTarget : std::uint8_t { Stderr, File, Syslog };

/// Sets where events go; before the first thread. Stderr at info until called.
/// Errors: the file cannot be opened (its mode becomes 0600 when it is created).
Status open_log(LogLevel level, LogTarget target, const std::string& file = {});
void set_log_level(LogLevel level);
[[nodiscard]] bool log_enabled(LogLevel level);
/// Writes one line: level, event, fields; control characters are escaped. Any thread.
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

/// `text` on one line, with control characters, quotes and blanks made harmless where `quote`.
std::string escape_for_log(std::string_view text);

}  // namespace core
