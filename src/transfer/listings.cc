#include "transfer/listings.h"

#include <algorithm>
#include <optional>
#include <stop_token>
#include <utility>

#include "core/mutex.h"
#include "transfer/list_parts.h"

namespace transfer {

/// What requests under way share with their listing.
struct Listing::State : std::enable_shared_from_this<State> {
  State(store::ObjectStore& s, RequestRate* r, ListingRoom* pages, store::ListQuery query,
        Stamp when)
      : store(s), rate(r), room(pages), stamp(std::move(when)), parts(std::move(query)) {}

  /// Waits for the next page, or asks for it.
  core::Result<Page> await(const core::OpContext& own);
  /// Sends what may run ahead. Called without the lock.
  void start();
  /// The next request to run ahead, if there is room for what it brings.
  std::optional<ListParts::Request> next(const Asked& asked) REQUIRES(mutex);
  /// Gives back the room of pages that were taken.
  void give_room_back() REQUIRES(mutex);
  void send(const ListParts::Request& request, std::optional<RequestRate::Permit> permit);

  store::ObjectStore& store;
  RequestRate* const rate;
  ListingRoom* const room;
  const Stamp stamp;
  std::stop_source stop;
  core::Mutex mutex{core::LockRank::Reader};
  core::CondVar changed;
  ListParts parts GUARDED_BY(mutex);
  core::OpContext context GUARDED_BY(mutex);  ///< of requests that run ahead
  std::size_t on_their_way GUARDED_BY(mutex) = 0;
  std::size_t held_room GUARDED_BY(mutex) = 0;
  bool in_room GUARDED_BY(mutex) = false;
  bool closed GUARDED_BY(mutex) = false;
};

void ListingRoom::join() {
  const core::MutexLock lock(mutex_);
  ++listings_;
}

void ListingRoom::leave() {
  const core::MutexLock lock(mutex_);
  --listings_;
}

bool ListingRoom::take(std::size_t held) {
  const core::MutexLock lock(mutex_);
  const std::size_t share = std::max<std::size_t>(1, most_ / std::max<std::size_t>(1, listings_));
  if (taken_ >= most_ || held >= share) {
    return false;
  }
  ++taken_;
  return true;
}

void ListingRoom::give_back(std::size_t pages) {
  const core::MutexLock lock(mutex_);
  taken_ -= pages;
}

std::size_t ListingRoom::taken() const {
  const core::MutexLock lock(mutex_);
  return taken_;
}

std::optional<ListParts::Request> Listing::State::next(const Asked& asked) {
  if (closed || (room != nullptr && !room->take(held_room))) {
    return std::nullopt;
  }
  auto request = parts.next(asked);
  if (room != nullptr) {
    if (request) {
      ++held_room;
    } else {
      room->give_back(1);
    }
  }
  return request;
}

void Listing::State::give_room_back() {
  if (room != nullptr && held_room > parts.pages()) {
    room->give_back(held_room - parts.pages());
    held_room = parts.pages();
  }
}

void Listing::State::start() {
  for (;;) {
    const Asked asked = stamp();
    std::optional<ListParts::Request> request;
    {
      const core::MutexLock lock(mutex);
      request = next(asked);
      if (!request) {
        return;
      }
      ++on_their_way;
    }
    std::optional<RequestRate::Permit> permit = rate != nullptr ? rate->try_take() : std::nullopt;
    if (rate != nullptr && !permit) {
      const core::MutexLock lock(mutex);
      parts.withdrawn(request->part);
      give_room_back();
      --on_their_way;
      changed.notify_all();
      return;
    }
    send(*request, std::move(permit));
  }
}

void Listing::State::send(const ListParts::Request& request,
                          std::optional<RequestRate::Permit> permit) {
  core::OpContext own;
  {
    const core::MutexLock lock(mutex);
    own = context;
  }
  auto held = std::make_shared<std::optional<RequestRate::Permit>>(std::move(permit));
  store.start_list(
      own, request.query,
      [self = shared_from_this(), part = request.part, held](core::Result<store::ListPage> page) {
        held->reset();
        {
          const core::MutexLock lock(self->mutex);
          if (page) {
            self->parts.answered(part, *std::move(page));
          } else {
            self->parts.failed(part);
            self->give_room_back();
          }
          // From here on the listing may end, and the store with it, but for this.
          if (self->closed) {
            --self->on_their_way;
            self->changed.notify_all();
            return;
          }
        }
        self->start();
        const core::MutexLock lock(self->mutex);
        --self->on_their_way;
        self->changed.notify_all();
      });
}

Listing::Listing(store::ObjectStore& store, RequestRate* rate, ListingRoom* room,
                 store::ListQuery query, Stamp stamp)
    : state_(std::make_shared<State>(store, rate, room, std::move(query), std::move(stamp))) {}

Listing::~Listing() {
  state_->stop.request_stop();
  const core::MutexLock lock(state_->mutex);
  state_->closed = true;
  while (state_->on_their_way > 0) {
    state_->changed.wait(state_->mutex);
  }
  if (state_->room != nullptr) {
    state_->room->give_back(state_->held_room);
    if (state_->in_room) {
      state_->room->leave();
    }
  }
}

void Listing::run_ahead(const core::OpContext& context, std::size_t most_pages) {
  {
    const core::MutexLock lock(state_->mutex);
    state_->context = context;
    state_->context.stop = state_->stop.get_token();
    state_->context.cause = core::Cause::Prefetch;
    state_->parts.run_ahead(most_pages);
    if (state_->room != nullptr && !state_->in_room) {
      state_->in_room = true;
      state_->room->join();
    }
  }
  state_->start();
}

core::Result<Listing::Page> Listing::next(const core::OpContext& context) {
  auto page = state_->await(context);
  state_->start();  // taking one allows more
  return page;
}

core::Result<Listing::Page> Listing::State::await(const core::OpContext& own) {
  const std::stop_callback wake(own.stop, [this] {
    const core::MutexLock lock(mutex);
    changed.notify_all();
  });
  std::optional<ListParts::Request> request;
  while (!request) {
    const Asked asked = stamp();
    const core::MutexLock lock(mutex);
    if (auto page = parts.take()) {
      give_room_back();
      return *std::move(page);
    }
    if (own.stopped()) {
      return core::fail(core::ErrorKind::Cancelled, "told to stop while waiting for a listing");
    }
    request = parts.ask(asked);
    if (!request) {
      changed.wait(mutex);
    }
  }
  auto page = store.list(own, request->query);
  const core::MutexLock lock(mutex);
  if (!page) {
    parts.failed(request->part);
    return std::move(page).error();
  }
  parts.answered(request->part, *std::move(page));
  auto first = parts.take();
  give_room_back();
  return *std::move(first);
}

}  // namespace transfer
