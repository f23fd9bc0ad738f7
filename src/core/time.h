#pragma once
// The two clocks' points in time, and the spellings that services use.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace core {

using namespace std::chrono_literals;
using Duration = std::chrono::nanoseconds;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// CLOCK_BOOTTIME: never set, and goes on during suspend.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};
using SteadyTime = BootClock::time_point;

WallTime wall_from_unix(std::int64_t seconds, std::int64_t nanoseconds = 0);
std::int64_t unix_seconds(WallTime time);

/// "Wed, 28 Dec 2022 10:27:41 GMT" (RFC 1123, as in HTTP's Date).
std::string format_http_date(WallTime time);
std::optional<WallTime> parse_http_date(std::string_view text);
/// "2024-01-02T03:04:05Z"; parsing also takes a fraction ("…05.000Z").
std::string format_iso8601(WallTime time);
std::optional<WallTime> parse_iso8601(std::string_view text);
/// "20240102T030405Z" (signature version 4).
std::string format_compact(WallTime time);
std::optional<WallTime> parse_compact(std::string_view text);

/// "30s", "1h30m", "250ms", plain numbers are seconds.
std::optional<Duration> parse_duration(std::string_view text);
/// "1h 2m 3s": for people.
std::string format_duration(Duration duration);
/// "64MiB", "100k", "1GB", plain numbers are bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// "12.3 MiB": for people.
std::string format_size(std::uint64_t bytes);

}  // namespace core
