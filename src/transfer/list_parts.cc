#include "transfer/list_parts.h"

#include <algorithm>
#include <array>
#include <utility>

namespace transfer {
namespace {

// How many keys to ask for where few are expected, if any. The last of a directory's names may have
// been behind a full page.
constexpr unsigned kToMakeSure = 50;

/// The first and the last key of a page, objects and common prefixes together.
struct Ends {
  std::string_view first;
  std::string_view last;
};

Ends ends_of(const store::ListPage& page) {
  Ends ends;
  if (!page.objects.empty()) {
    ends = {page.objects.front().key.text(), page.objects.back().key.text()};
  }
  if (!page.common_prefixes.empty()) {
    const std::string_view first = page.common_prefixes.front();
    const std::string_view last = page.common_prefixes.back();
    ends.first = page.objects.empty() ? first : std::min(ends.first, first);
    ends.last = std::max(ends.last, last);
  }
  return ends;
}

/// The characters that names are made of, by kind; a name that goes on does so within its kind.
constexpr std::array<std::string_view, 4> kKinds = {
    "0123456789", "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"};

/// Whether two names that end so may count in hexadecimal digits.
bool are_hexadecimal(std::string_view first, std::string_view last) {
  const auto has_letters = [](std::string_view text) {
    return text.find_first_not_of("0123456789abcdef-") == std::string_view::npos &&
           text.find_first_of("abcdef") != std::string_view::npos;
  };
  return has_letters(first) || has_letters(last);
}

/// What may follow `c`.
std::string_view followers(char c, bool hexadecimal) {
  for (const std::string_view kind : kKinds) {
    const auto at = kind.find(c);
    if (at == std::string_view::npos || (hexadecimal && kind.size() == 10)) {
      continue;
    }
    return kind.substr(at + 1);
  }
  return {};
}

/// `most` of them, evenly.
std::vector<std::string> thinned(std::vector<std::string> points, std::size_t most) {
  if (points.size() <= most) {
    return points;
  }
  std::vector<std::string> some;
  for (std::size_t i = 1; i <= most; ++i) {
    some.push_back(std::move(points[i * points.size() / (most + 1)]));
  }
  return some;
}

}  // namespace

std::vector<std::string> split_points(std::string_view first, std::string_view last,
                                      const std::optional<std::string>& upto,
                                      std::size_t prefix_bytes) {
  const std::string_view f = first.substr(std::min(prefix_bytes, first.size()));
  const std::string_view l = last.substr(std::min(prefix_bytes, last.size()));
  const auto differ = std::mismatch(f.begin(), f.end(), l.begin(), l.end());
  auto place = static_cast<std::size_t>(differ.second - l.begin());
  const bool hexadecimal =
      are_hexadecimal(f.substr(std::min(place, f.size())), l.substr(std::min(place, l.size())));
  std::vector<std::string> points;
  for (; points.empty() && place < l.size(); --place) {  // below zero it is beyond all
    for (const char c : followers(l[place], hexadecimal)) {
      std::string point(last.substr(0, prefix_bytes + place));
      point += c;
      if (!upto || point < *upto) {
        points.push_back(std::move(point));
      }
    }
  }
  return points;
}

ListParts::ListParts(store::ListQuery query) : query_(std::move(query)) {
  Part all;
  all.id = next_id_++;
  all.after = query_.start_after;
  parts_.push_back(std::move(all));
}

ListParts::Parts::iterator ListParts::find(std::uint64_t part) {
  return std::find_if(parts_.begin(), parts_.end(),
                      [part](const Part& one) { return one.id == part; });
}

std::size_t ListParts::allowed() const { return std::min(most_ahead_, 2 * taken_ + 1); }

std::size_t ListParts::open_parts() const {
  return static_cast<std::size_t>(std::count_if(
      parts_.begin(), parts_.end(), [](const Part& one) { return !one.ended && !one.failed; }));
}

ListParts::Request ListParts::request(Part& part, const Asked& asked) {
  part.asked = asked;
  part.in_flight = true;
  ++in_flight_;
  Request request{part.id, query_};
  request.query.continuation_token = part.token;
  request.query.start_after = part.token.empty() ? part.after : std::string();
  request.query.max_keys = part.spent ? kToMakeSure : query_.max_keys;
  return request;
}

std::optional<ListParts::Request> ListParts::next(const Asked& asked) {
  if (in_flight_ >= kMostInFlight || in_flight_ + waiting_ >= allowed()) {
    return std::nullopt;
  }
  const auto part = std::find_if(parts_.begin(), parts_.end(), [](const Part& one) {
    return !one.in_flight && !one.ended && !one.failed;
  });
  return part == parts_.end() ? std::nullopt : std::optional(request(*part, asked));
}

std::optional<ListParts::Request> ListParts::ask(const Asked& asked) {
  if (parts_.empty() || parts_.front().in_flight || parts_.front().ended ||
      !parts_.front().pages.empty()) {
    return std::nullopt;
  }
  parts_.front().failed = false;
  return request(parts_.front(), asked);
}

void ListParts::cut(const Part& part, store::ListPage& page) {
  const auto outside = [&part](const std::string& key) {
    return (part.token.empty() && !part.after.empty() && key <= part.after) ||
           (part.upto && key > *part.upto);
  };
  const bool beyond = part.upto && ends_of(page).last > *part.upto;
  std::erase_if(page.objects, [&](const auto& object) { return outside(object.key.text()); });
  std::erase_if(page.common_prefixes, outside);
  if (beyond) {
    page.next_token.clear();
  }
}

void ListParts::split(Parts::iterator part, const store::ListPage& page) {
  const std::size_t open = open_parts();
  const std::size_t wanted = std::min(allowed(), kMostInFlight);
  const Ends ends = ends_of(page);
  auto points = split_points(ends.first, ends.last, part->upto, query_.prefix.size());
  part->spent = part->upto && points.empty();
  if (most_ahead_ == 0 || open >= wanted || in_vain_ > full_ / 2 + 4) {
    return;
  }
  Parts rest;
  for (std::string& point : thinned(std::move(points), wanted - open)) {
    if (!rest.empty()) {
      rest.back().upto = point;
    }
    Part one;
    one.id = next_id_++;
    one.after = std::move(point);
    rest.push_back(std::move(one));
  }
  if (!rest.empty()) {
    rest.back().upto = std::exchange(part->upto, rest.front().after);
    parts_.splice(std::next(part), rest);
  }
}

void ListParts::answered(std::uint64_t id, store::ListPage page) {
  const auto part = find(id);
  part->in_flight = false;
  --in_flight_;
  cut(*part, page);
  part->token = page.next_token;
  part->ended = page.next_token.empty();
  const bool shows = !page.objects.empty() || !page.common_prefixes.empty();
  in_vain_ += part->ended && !shows && !part->showed ? 1 : 0;
  part->showed = part->showed || shows;
  // So few keys say nothing of where names go on; if there are more, ask for as many as usual.
  const bool made_sure = std::exchange(part->spent, false);
  if (!part->ended && shows && !made_sure) {
    ++full_;
    split(part, page);
  }
  part->pages.push_back({std::move(page), part->asked});
  ++waiting_;
}

void ListParts::failed(std::uint64_t id) {
  const auto part = find(id);
  part->in_flight = false;
  part->failed = true;
  --in_flight_;
}

void ListParts::withdrawn(std::uint64_t id) {
  find(id)->in_flight = false;
  --in_flight_;
}

std::optional<ListParts::Page> ListParts::take() {
  if (parts_.empty() || parts_.front().pages.empty()) {
    return std::nullopt;
  }
  Part& part = parts_.front();
  Page page = std::move(part.pages.front());
  part.pages.pop_front();
  --waiting_;
  ++taken_;
  if (part.ended && part.pages.empty()) {
    parts_.pop_front();
    page.page.next_token = parts_.empty() ? "" : "more";
  }
  return page;
}

}  // namespace transfer
