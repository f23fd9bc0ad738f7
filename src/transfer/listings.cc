#include "transfer/listings.h"

#include <optional>
#include <stop_token>
#include <utility>

#include "core/mutex.h"
#include "transfer/list_parts.h"

namespace transfer {

/// What requests under way share with their listing.
struct Listing::State : std::enable_shared_from_this<State> {
  State(store::ObjectStore& s, RequestRate* r, store::ListQuery query, Stamp when)
      : store(s), rate(r), stamp(std::move(when)), parts(std::move(query)) {}

  /// Waits for the next page, or asks for it.
  core::Result<Page> await(const core::OpContext& own);
  /// Sends what may run ahead. Called without the lock.
  void start();
  void send(const ListParts::Request& request, std::optional<RequestRate::Permit> permit);

  store::ObjectStore& store;
  RequestRate* const rate;
  const Stamp stamp;
  std::stop_source stop;
  core::Mutex mutex{core::LockRank::Reader};
  core::CondVar changed;
  ListParts parts GUARDED_BY(mutex);
  core::OpContext context GUARDED_BY(mutex);  ///< of requests that run ahead
  std::size_t on_their_way GUARDED_BY(mutex) = 0;
  bool closed GUARDED_BY(mutex) = false;
};

void Listing::State::start() {
  for (;;) {
    const Asked asked = stamp();
    std::optional<ListParts::Request> request;
    {
      const core::MutexLock lock(mutex);
      if (closed || !(request = parts.next(asked))) {
        return;
      }
      ++on_their_way;
    }
    std::optional<RequestRate::Permit> permit = rate != nullptr ? rate->try_take() : std::nullopt;
    if (rate != nullptr && !permit) {
      const core::MutexLock lock(mutex);
      parts.withdrawn(request->part);
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

Listing::Listing(store::ObjectStore& store, RequestRate* rate, store::ListQuery query, Stamp stamp)
    : state_(std::make_shared<State>(store, rate, std::move(query), std::move(stamp))) {}

Listing::~Listing() {
  state_->stop.request_stop();
  const core::MutexLock lock(state_->mutex);
  state_->closed = true;
  while (state_->on_their_way > 0) {
    state_->changed.wait(state_->mutex);
  }
}

void Listing::run_ahead(const core::OpContext& context) {
  {
    const core::MutexLock lock(state_->mutex);
    state_->context = context;
    state_->context.stop = state_->stop.get_token();
    state_->context.cause = core::Cause::Prefetch;
    state_->parts.run_ahead();
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
  return *parts.take();
}

}  // namespace transfer
