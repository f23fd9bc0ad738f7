#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/time.h"

namespace fs {

/// Recognises who looks at one name after another in a directory (`ls -l`, `tar`, `rsync`, `du`),
/// and says how far to run ahead. Pure: a function of the looks so far. Names are positions in the
/// order of the listing.
///
/// A program may go through several places at once: where the shell sorts by a locale, capitals and
/// small letters lie apart in the listing. A look belongs to a place if it is at what was asked for
/// there or a little beyond. Two looks that needed a request begin; from then on each one of use
/// allows two more that may turn out not to be, beyond a first handful. The same holds for the
/// directory as a whole, so that a program that takes pairs here and there soon costs no more.
///
/// What was asked for lasts a while only: where a look finds that it has expired, what lies behind
/// is asked for anew, and half as far ahead.
///
/// Threads: one at a time.
class Siblings {
 public:
  static constexpr std::size_t kMostInFlight = 256;
  /// Most that is asked for in vain at one place, and in all, besides twice what was of use.
  static constexpr std::size_t kFirst = 32;
  static constexpr std::size_t kFirstOfAll = 128;
  /// Most positions ahead of the furthest look.
  static constexpr std::size_t kMostAhead = 1024;

  struct Range {
    std::size_t from = 0;
    std::size_t to = 0;
    [[nodiscard]] std::size_t size() const { return to - from; }
    [[nodiscard]] bool empty() const { return to == from; }
    friend bool operator==(const Range&, const Range&) = default;
  };

  /// The listing has so many names by now. It only grows; another listing takes another Siblings.
  void grown(std::size_t names) { names_ = names; }
  /// Bounds how far ahead there may be asked; at most kMostAhead.
  void limit(std::size_t most_ahead) { most_ahead_ = most_ahead; }
  /// Somebody looked at a name. `known`: without a request, of his own or one that ran ahead.
  void looked(std::size_t position, bool known, core::SteadyTime now);
  /// What to ask for now; call again until it is empty, after each of the events. Every position
  /// has to be ended(), at once where there is nothing to ask.
  Range next(core::SteadyTime now);
  void ended(std::size_t positions = 1) { in_flight_ -= positions; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  /// What was asked for, and what it was good for.
  struct Account {
    std::size_t given = 0;  ///< all that was asked for
    std::size_t hits = 0;   ///< looks at these
    std::size_t misses = 0;
    /// How much more may be asked for, when so much was of use.
    [[nodiscard]] std::size_t allows(std::size_t first, std::size_t useful) const;
  };
  struct Place {
    std::size_t start = 0;
    std::size_t head = 0;  ///< the furthest look
    Range asked;           ///< the last ones without a gap
    Account account;
    std::size_t reach = kMostAhead;  ///< how far ahead what is asked for does not expire
    core::SteadyTime last_look{};
    bool used = false;

    [[nodiscard]] bool asked_for(std::size_t position) const;
    [[nodiscard]] bool holds(std::size_t position) const;
    [[nodiscard]] std::size_t useful() const;
    [[nodiscard]] Range ahead(std::size_t names, std::size_t most) const;
  };
  Place& place_of(std::size_t position, core::SteadyTime now);

  std::size_t names_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t most_ahead_ = kMostAhead;
  Account all_;
  std::array<Place, 8> places_;
};

}  // namespace fs
