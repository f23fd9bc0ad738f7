#include "fs/numbered.h"

#include <algorithm>
#include <charconv>

namespace fs {
namespace {

constexpr std::string_view kDigits = "0123456789";
// More are no count, but a date or a hash.
constexpr std::size_t kMostDigits = 9;
constexpr std::size_t kMostNumbers = 1'000'000'000;

}  // namespace

std::optional<NumberedName> NumberedName::of(std::string_view name) {
  std::size_t last = name.substr(0, name.rfind('.')).find_last_of(kDigits);
  if (last == std::string_view::npos) {
    last = name.find_last_of(kDigits);
  }
  if (last == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t before = name.find_last_not_of(kDigits, last);
  const std::size_t first = before == std::string_view::npos ? 0 : before + 1;
  const std::string_view digits = name.substr(first, last + 1 - first);
  if (digits.size() > kMostDigits || (digits.size() > 1 && digits.front() == '0')) {
    return std::nullopt;
  }
  NumberedName numbered{name.substr(0, first), 0, name.substr(last + 1)};
  std::from_chars(digits.data(), digits.data() + digits.size(), numbered.number);
  return numbered;
}

NumberedSiblings::Series& NumberedSiblings::series_of(const NumberedName& name) {
  const auto known = std::find_if(series_.begin(), series_.end(),
                                  [&](const auto& one) { return one.holds(name); });
  if (known != series_.end()) {
    return *known;
  }
  Series& oldest =
      *std::min_element(series_.begin(), series_.end(),
                        [](const auto& a, const auto& b) { return a.last_look < b.last_look; });
  oldest = Series{std::string(name.stem), std::string(name.ending), {}};
  oldest.numbers.grown(kMostNumbers);
  return oldest;
}

void NumberedSiblings::looked(std::string_view name, bool known, core::SteadyTime now) {
  const auto numbered = NumberedName::of(name);
  if (!numbered) {
    return;
  }
  Series& series = series_of(*numbered);
  series.last_look = now;
  series.numbers.looked(numbered->number, known, now);
}

std::vector<std::string> NumberedSiblings::next(core::SteadyTime now) {
  std::vector<std::string> names;
  for (Series& series : series_) {
    series.numbers.limit(most_ahead_);
    for (Siblings::Range range = series.numbers.next(now); !range.empty();
         range = series.numbers.next(now)) {
      for (std::size_t number = range.from; number < range.to; ++number) {
        names.push_back(series.stem + std::to_string(number) + series.ending);
      }
      // Whoever asks bounds what is on its way.
      series.numbers.ended(range.size());
    }
  }
  return names;
}

}  // namespace fs
