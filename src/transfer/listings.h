#pragma once
#include <functional>
#include <memory>

#include "core/mutex.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/list_parts.h"
#include "transfer/request_rate.h"

namespace transfer {

/// How many pages may be on their way, or here and not read yet, ahead of the readers of all
/// listings of a mount. Each listing may have its share of them. Threads: any.
class ListingRoom {
 public:
  explicit ListingRoom(std::size_t most_pages) : most_(most_pages) {}
  ListingRoom(const ListingRoom&) = delete;
  ListingRoom& operator=(const ListingRoom&) = delete;
  ~ListingRoom() = default;

  /// What a page of a thousand names takes until it is read, about.
  static constexpr std::uint64_t kPageBytes = std::uint64_t{512} << 10U;

  void join();
  void leave();
  /// Room for one page more of a listing that has `held` of them; false: not now.
  bool take(std::size_t held);
  void give_back(std::size_t pages);
  [[nodiscard]] std::size_t taken() const;

 private:
  const std::size_t most_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::size_t listings_ GUARDED_BY(mutex_) = 0;
  std::size_t taken_ GUARDED_BY(mutex_) = 0;
};

/// A listing under way: its pages in the order of their keys, by one request after another or, for
/// whoever reads on, by many at once (list_parts.h).
/// Threads: one at a time. Its end stops the requests and waits for that.
class Listing {
 public:
  using Asked = ListParts::Asked;
  using Page = ListParts::Page;
  /// Called for each request before it is sent, by any thread.
  using Stamp = std::function<Asked()>;
  /// `rate` and `room` bound the requests that run ahead; they may be null. `query` has no
  /// continuation token.
  Listing(store::ObjectStore& store, RequestRate* rate, ListingRoom* room, store::ListQuery query,
          Stamp stamp);
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;
  ~Listing();

  /// Waits for the next page, until one whose next_token is empty. Errors: those of
  /// ObjectStore::list; after one the same page may be asked for again.
  core::Result<Page> next(const core::OpContext& context);
  /// The reader reads on: what follows, up to so many pages, may be asked for before he does.
  void run_ahead(const core::OpContext& context, std::size_t most_pages = ListParts::kMostAhead);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace transfer
