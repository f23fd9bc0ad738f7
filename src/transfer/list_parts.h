#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "store/object_store.h"

namespace transfer {

/// One listing asked for by several requests at once: the key space is split where names have been
/// seen to go on, and the pages come out in the order of their keys. Pure: a function of what was
/// answered and taken.
///
/// A listing begins with one request. Once it may run ahead, each page taken allows two more ahead
/// of the reader; where a page shows that there is more behind it, the rest of its part of the key
/// space is split at names that differ from the page's last one at the place where the page's own
/// names differ, or at the next place before that. A split that meets nothing costs a request:
/// those are counted, and bounded by what was of use. Threads: one at a time.
class ListParts {
 public:
  /// When a page was asked for, in the reader's own reckoning too.
  struct Asked {
    core::SteadyTime at{};
    std::uint64_t ticket = 0;
  };
  struct Page {
    store::ListPage page;
    Asked asked;
  };

  static constexpr std::size_t kMostAhead = 64;  ///< pages that wait and requests, together
  static constexpr std::size_t kMostInFlight = 32;

  explicit ListParts(store::ListQuery query);

  struct Request {
    std::uint64_t part = 0;
    store::ListQuery query;
  };
  /// What to ask for ahead of the reader; nothing: not now. Every request has to be answered() or
  /// failed().
  std::optional<Request> next(const Asked& asked);
  void answered(std::uint64_t part, store::ListPage page);
  /// Running ahead failed: the reader has to ask for it himself, as ask() says.
  void failed(std::uint64_t part);
  /// It was not sent.
  void withdrawn(std::uint64_t part);

  /// The next page in order, if it is here: keys ascend from page to page, and its next_token is
  /// empty only in the last one.
  std::optional<Page> take();
  /// The reader waits, and nobody asks for what he waits for: he does.
  std::optional<Request> ask(const Asked& asked);
  /// From now on there may be requests that run ahead, for so many pages.
  void run_ahead(std::size_t most_pages = kMostAhead) {
    most_ahead_ = std::min(most_pages, kMostAhead);
  }
  /// Pages on their way, and here.
  [[nodiscard]] std::size_t pages() const { return in_flight_ + waiting_; }

 private:
  struct Part {
    std::uint64_t id = 0;
    std::string after;                ///< keys behind this …
    std::optional<std::string> upto;  ///< … up to this, which is in it; none: to the end
    std::string token;                ///< of the page to come; empty: begins at `after`
    bool in_flight = false;
    bool failed = false;
    bool ended = false;
    bool showed = false;  ///< anything
    bool spent = false;   ///< names like those shown do not go on in it
    Asked asked;
    std::deque<Page> pages;
  };
  using Parts = std::list<Part>;

  Parts::iterator find(std::uint64_t part);
  Request request(Part& part, const Asked& asked);
  /// Leaves of a page what belongs to the part.
  static void cut(const Part& part, store::ListPage& page);
  void split(Parts::iterator part, const store::ListPage& page);
  [[nodiscard]] std::size_t allowed() const;
  [[nodiscard]] std::size_t open_parts() const;

  const store::ListQuery query_;
  Parts parts_;
  std::uint64_t next_id_ = 1;
  std::size_t in_flight_ = 0;
  std::size_t waiting_ = 0;  ///< pages
  std::size_t taken_ = 0;
  std::size_t full_ = 0;     ///< pages with more behind them
  std::size_t in_vain_ = 0;  ///< splits that met nothing
  std::size_t most_ahead_ = 0;
};

/// Where names may go on behind `last`, up to `upto` (none: to the end): texts in order, each
/// behind `last` and before `upto`. `first` and `last` are the first and the last key of a page;
/// nothing before `prefix_bytes` is changed.
std::vector<std::string> split_points(std::string_view first, std::string_view last,
                                      const std::optional<std::string>& upto,
                                      std::size_t prefix_bytes);

}  // namespace transfer
