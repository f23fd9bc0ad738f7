#include "fs/siblings.h"

#include <algorithm>

namespace fs {
namespace {

// How far apart two names may be and still be neighbours: directories between them are passed over.
constexpr std::size_t kNear = 8;
// The same once a program is known to go through them all.
constexpr std::size_t kSlack = 64;
constexpr std::size_t kLeastReach = 4;
// Who has not looked for so long has gone, or waits for something else than us …
constexpr core::Duration kPatience = std::chrono::seconds{1};
// … and after so long is somebody else.
constexpr core::Duration kMemory = std::chrono::seconds{5};

/// Never below zero.
std::size_t minus(std::size_t a, std::size_t b) { return a > b ? a - b : 0; }

}  // namespace

std::size_t Siblings::Account::allows(std::size_t first, std::size_t useful) const {
  return minus(first + 2 * useful + std::min(hits, given), given);
}

/// Looking at the same few names again and again proves nothing: what was of use is at most what
/// lies between the first and the furthest.
std::size_t Siblings::Place::useful() const {
  return std::min(account.hits + account.misses, head - start + 1);
}

bool Siblings::Place::asked_for(std::size_t position) const {
  return position >= asked.from && position < asked.to;
}

bool Siblings::Place::holds(std::size_t position) const {
  const std::size_t slack = useful() < 2 ? kNear : kSlack;
  return asked_for(position) ||
         (position >= minus(head, slack) && position <= std::max(head, asked.to) + slack);
}

Siblings::Range Siblings::Place::ahead(std::size_t names, std::size_t most) const {
  const std::size_t good = useful();
  if (good < 2) {
    return {};
  }
  const std::size_t from = std::max(asked.to, head + 1);
  const std::size_t to =
      std::min({names, head + 1 + std::min(most, reach), from + account.allows(kFirst, good)});
  return {from, std::max(from, to)};
}

Siblings::Place& Siblings::place_of(std::size_t position, core::SteadyTime now) {
  Place* oldest = &places_.front();
  Place* nearest = nullptr;
  const auto distance = [position](const Place& place) {
    return std::max(minus(place.head, position), minus(position, place.head));
  };
  for (Place& place : places_) {
    place.used = place.used && now - place.last_look <= kMemory;
    if (place.used && place.holds(position) &&
        (nearest == nullptr || distance(place) < distance(*nearest))) {
      nearest = &place;
    }
    if (oldest->used && (!place.used || place.last_look < oldest->last_look)) {
      oldest = &place;
    }
  }
  if (nearest != nullptr) {
    return *nearest;
  }
  *oldest = Place{};
  oldest->used = true;
  oldest->start = position;
  oldest->head = position;
  return *oldest;
}

void Siblings::looked(std::size_t position, bool known, core::SteadyTime now) {
  Place& place = place_of(position, now);
  place.last_look = now;
  place.start = std::min(place.start, position);
  place.head = std::max(place.head, position);
  const bool hit = place.asked_for(position);
  for (Account* account : {&place.account, &all_}) {
    account->hits += hit ? 1 : 0;
    account->misses += !hit && !known ? 1 : 0;
  }
  if (hit && known) {
    place.reach = std::min(place.reach + 1, kMostAhead);
  } else if (hit) {
    place.reach = std::max(std::min(place.reach, place.asked.to - position) / 2, kLeastReach);
    place.asked = {position + 1, position + 1};
  }
}

Siblings::Range Siblings::next(core::SteadyTime now) {
  for (Place& place : places_) {
    if (!place.used || now - place.last_look > kPatience) {
      continue;
    }
    Range range = place.ahead(names_, most_ahead_);
    range.to = std::min({range.to, range.from + minus(kMostInFlight, in_flight_),
                         range.from + all_.allows(kFirstOfAll, all_.hits + all_.misses)});
    if (range.empty()) {
      continue;
    }
    if (range.from > place.asked.to) {
      place.asked.from = range.from;
    }
    place.asked.to = range.to;
    place.account.given += range.size();
    all_.given += range.size();
    in_flight_ += range.size();
    return range;
  }
  return {};
}

}  // namespace fs
