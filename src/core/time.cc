#include "core/time.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <utility>

namespace core {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Civil {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  unsigned weekday = 0;
};

Civil civil(WallTime time) {
  using namespace std::chrono;
  const auto seconds_part = floor<seconds>(time);
  const auto day_part = floor<days>(seconds_part);
  const year_month_day ymd{day_part};
  const hh_mm_ss hms{seconds_part - day_part};
  return {static_cast<int>(ymd.year()),
          static_cast<int>(static_cast<unsigned>(ymd.month())),
          static_cast<int>(static_cast<unsigned>(ymd.day())),
          static_cast<int>(hms.hours().count()),
          static_cast<int>(hms.minutes().count()),
          static_cast<int>(hms.seconds().count()),
          weekday{day_part}.c_encoding()};
}

std::optional<WallTime> from_civil(const Civil& c) {
  using namespace std::chrono;
  const year_month_day ymd{year{c.year}, month{static_cast<unsigned>(c.month)},
                           day{static_cast<unsigned>(c.day)}};
  // Nanoseconds reach 292 years either way, and differences must fit as well.
  if (!ymd.ok() || c.year < 1900 || c.year > 2200 || c.hour < 0 || c.hour > 23 || c.minute < 0 ||
      c.minute > 59 || c.second < 0 || c.second > 60) {
    return std::nullopt;
  }
  return WallTime{sys_days{ymd}.time_since_epoch() + hours{c.hour} + minutes{c.minute} +
                  seconds{c.second}};
}

/// Reads exactly `digits` digits at `at`; false if they are not there.
bool read_digits(std::string_view text, std::size_t at, std::size_t digits, int& value) {
  if (text.size() < at + digits) {
    return false;
  }
  unsigned number = 0;
  bool good = true;
  for (const char c : text.substr(at, digits)) {
    const auto digit = static_cast<unsigned>(c) - '0';
    good &= digit <= 9;
    number = number * 10 + digit;
  }
  value = static_cast<int>(number);
  return good;
}

/// A non-negative decimal number with an optional fraction at the start of `text`, which loses it.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || value < 0) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

BootClock::time_point BootClock::now() noexcept {
  timespec ts{};
  ::clock_gettime(CLOCK_BOOTTIME, &ts);
  return time_point{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
}

WallTime wall_from_unix(std::int64_t seconds, std::int64_t nanoseconds) {
  return WallTime{std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanoseconds}};
}

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::string format_http_date(WallTime time) {
  const Civil c = civil(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[c.weekday], c.day,
                     kMonths[static_cast<std::size_t>(c.month - 1)], c.year, c.hour, c.minute,
                     c.second);
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  // "Wed, 28 Dec 2022 10:27:41 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  Civil c;
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (text.substr(8, 3) == kMonths[i]) {
      c.month = static_cast<int>(i) + 1;
    }
  }
  if (c.month == 0 || !read_digits(text, 5, 2, c.day) || !read_digits(text, 12, 4, c.year) ||
      !read_digits(text, 17, 2, c.hour) || !read_digits(text, 20, 2, c.minute) ||
      !read_digits(text, 23, 2, c.second)) {
    return std::nullopt;
  }
  return from_civil(c);
}

std::string format_iso8601(WallTime time) {
  const Civil c = civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour,
                     c.minute, c.second);
}

std::optional<WallTime> parse_iso8601(std::string_view text) {
  Civil c;
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z' || !read_digits(text, 0, 4, c.year) ||
      !read_digits(text, 5, 2, c.month) || !read_digits(text, 8, 2, c.day) ||
      !read_digits(text, 11, 2, c.hour) || !read_digits(text, 14, 2, c.minute) ||
      !read_digits(text, 17, 2, c.second)) {
    return std::nullopt;
  }
  std::int64_t nanoseconds = 0;
  if (text.size() > 20) {
    if (text[19] != '.' || text.size() > 30) {
      return std::nullopt;
    }
    std::int64_t scale = 100'000'000;
    for (const char digit : text.substr(20, text.size() - 21)) {
      if (digit < '0' || digit > '9') {
        return std::nullopt;
      }
      nanoseconds += (digit - '0') * scale;
      scale /= 10;
    }
  }
  const auto whole = from_civil(c);
  return whole ? std::optional(*whole + std::chrono::nanoseconds{nanoseconds}) : std::nullopt;
}

std::string format_compact(WallTime time) {
  const Civil c = civil(time);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute,
                     c.second);
}

std::optional<WallTime> parse_compact(std::string_view text) {
  Civil c;
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z' || !read_digits(text, 0, 4, c.year) ||
      !read_digits(text, 4, 2, c.month) || !read_digits(text, 6, 2, c.day) ||
      !read_digits(text, 9, 2, c.hour) || !read_digits(text, 11, 2, c.minute) ||
      !read_digits(text, 13, 2, c.second)) {
    return std::nullopt;
  }
  return from_civil(c);
}

std::optional<Duration> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {{{"ms", 1e6},
                                                                                 {"us", 1e3},
                                                                                 {"ns", 1},
                                                                                 {"s", 1e9},
                                                                                 {"m", 60e9},
                                                                                 {"h", 3600e9},
                                                                                 {"d", 86400e9}}};
  if (text.empty()) {
    return std::nullopt;
  }
  double total = 0;
  bool first = true;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) {
      return std::nullopt;
    }
    if (text.empty() && first) {
      total = *number * 1e9;
      break;
    }
    bool known = false;
    for (const auto& [unit, nanoseconds] : kUnits) {
      if (text.starts_with(unit)) {
        text.remove_prefix(unit.size());
        total += *number * nanoseconds;
        known = true;
        break;
      }
    }
    if (!known) {
      return std::nullopt;
    }
    first = false;
  }
  if (total > 9e18) {
    return std::nullopt;
  }
  return Duration{static_cast<Duration::rep>(total)};
}

std::string format_duration(Duration duration) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (milliseconds < 0) {
    return "-" + format_duration(-duration);
  }
  if (milliseconds < 1000) {
    return fmt::format("{}ms", milliseconds);
  }
  const auto seconds = milliseconds / 1000;
  if (seconds < 60) {
    return fmt::format("{}s", seconds);
  }
  if (seconds < 3600) {
    return fmt::format("{}m {}s", seconds / 60, seconds % 60);
  }
  return fmt::format("{}h {}m", seconds / 3600, seconds % 3600 / 60);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 17> kUnits = {
      {{"", 1},
       {"B", 1},
       {"K", 1024.0},
       {"k", 1024.0},
       {"KiB", 1024.0},
       {"KB", 1e3},
       {"kB", 1e3},
       {"M", 1048576.0},
       {"MiB", 1048576.0},
       {"MB", 1e6},
       {"G", 1073741824.0},
       {"GiB", 1073741824.0},
       {"GB", 1e9},
       {"T", 1099511627776.0},
       {"TiB", 1099511627776.0},
       {"TB", 1e12},
       {"m", 1048576.0}}};
  const auto number = take_number(text);
  if (!number) {
    return std::nullopt;
  }
  if (text.starts_with(' ')) {
    text.remove_prefix(1);
  }
  for (const auto& [unit, factor] : kUnits) {
    if (text == unit) {
      const double bytes = std::floor(*number * factor);
      if (bytes > 9.2e18) {
        return std::nullopt;
      }
      return static_cast<std::uint64_t>(bytes);
    }
  }
  return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {"B",   "KiB", "MiB",
                                                             "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace core
