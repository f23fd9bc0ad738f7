#include "transfer/fetches.h"

#include <atomic>
#include <optional>
#include <utility>

#include "core/digest.h"
#include "core/format.h"
#include "core/log.h"

namespace transfer {
namespace {

// Apart from the numbers of fills, which count from 1.
constexpr std::uint64_t kFirstPlainId = std::uint64_t{1} << 63U;

/// Takes the bytes into their block. Those that make the object whole it holds back until the
/// object's CRC-64 is right.
class BlockSink final : public store::Sink {
 public:
  using OnMeta = std::function<void(const store::ObjectMeta&)>;
  BlockSink(cache::Fill& fill, WholeSum& sum, const Counters& counters, bool ahead, OnMeta on_meta)
      : fill_(fill), sum_(sum), counters_(counters), ahead_(ahead), on_meta_(std::move(on_meta)) {}

  void on_meta(const store::ObjectMeta& meta) override {
    expected_ = meta.crc64;
    on_meta_(meta);
  }

  std::span<std::byte> room() override { return fill_.room(); }

  core::Status on_data(core::ByteView data) override {
    const auto size = static_cast<std::int64_t>(data.size());
    counters_.bytes_downloaded.add(size);
    if (ahead_) {
      counters_.bytes_prefetched.add(size);
    }
    if (expected_) {
      TRY(verify(data, *expected_));
    }
    return fill_.append(data);
  }

 private:
  core::Status verify(core::ByteView data, std::uint64_t expected) {
    crc64_ = core::crc64(data, crc64_);
    if (fill_.received() + data.size() != fill_.range().size()) {
      return {};
    }
    switch (sum_.add(fill_.range(), crc64_, expected)) {
      case WholeSum::Verdict::Incomplete:
        break;
      case WholeSum::Verdict::Right:
        counters_.objects_verified.add();
        break;
      case WholeSum::Verdict::Damaged:
        return core::fail(core::ErrorKind::Corrupt, "the object's bytes do not have its CRC-64");
    }
    return {};
  }

  cache::Fill& fill_;
  WholeSum& sum_;
  const Counters& counters_;
  const bool ahead_;
  const OnMeta on_meta_;
  std::optional<std::uint64_t> expected_;
  std::uint64_t crc64_ = 0;
};

}  // namespace

struct Fetches::Fetch {
  Fetch(Work w, cache::Fill f) : work(std::move(w)), id(f.id()), fill(std::move(f)) {}
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;
  ~Fetch() { tell(core::fail(core::ErrorKind::Cancelled, "the request was given up")); }

  /// The first that comes counts.
  void tell(core::Result<store::ObjectMeta> meta) {
    if (work.told && !has_told.exchange(true)) {
      work.told(std::move(meta));
    }
  }

  const Work work;
  std::atomic<bool> has_told = false;
  const std::uint64_t id;
  cache::Fill fill;
  std::stop_source stop;
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  core::OpContext context;          ///< of the requests; set when the first begins
  std::shared_ptr<BlockSink> sink;  ///< likewise
};

Fetches::Fetches(store::ObjectStore& store, core::Clock& clock, const Counters& counters,
                 const DownloadOptions& options)
    : store_(store),
      clock_(clock),
      request_timeout_(options.request_timeout),
      counters_(counters),
      next_plain_(kFirstPlainId),
      queue_("download", options.connections) {}

Fetches::~Fetches() { close(); }

std::uint64_t Fetches::next_plain_id() {
  const core::MutexLock lock(mutex_);
  return next_plain_++;
}

void Fetches::start(Work work, cache::Fill fill) {
  auto fetch = std::make_shared<Fetch>(std::move(work), std::move(fill));
  {
    const core::MutexLock lock(mutex_);
    if (closed_) {
      return;  // the fill ends as cancelled, without the lock: `fetch` outlives it
    }
    fetches_.emplace(fetch->id, fetch);
  }
  if (fetch->work.stop.stop_possible()) {
    fetch->on_stop.emplace(fetch->work.stop, [this, weak = std::weak_ptr<Fetch>(fetch)] {
      if (const auto alive = weak.lock()) {
        cancel({alive});
      }
    });
  }
  queue_.start(fetch->id, fetch->work.urgency,
               [this, fetch](RequestQueue::SlotPtr slot) { begin(fetch, std::move(slot)); });
}

void Fetches::begin(const FetchPtr& fetch, RequestQueue::SlotPtr slot) {
  const bool ahead = fetch->work.urgency == Urgency::Background;
  fetch->context.deadline = clock_.steady_now() + request_timeout_;
  fetch->context.stop = fetch->stop.get_token();
  fetch->context.id = fetch->work.operation;
  fetch->context.cause = ahead ? core::Cause::Prefetch : core::Cause::Foreground;
  if (fetch->work.sum->damaged()) {
    conclude(fetch, core::fail(core::ErrorKind::Corrupt,
                               "the object is damaged, as an earlier read showed"));
    return;
  }
  counters_.range_requests.add();
  fetch->sink = std::make_shared<BlockSink>(
      fetch->fill, *fetch->work.sum, counters_, ahead,
      [own = fetch.get()](const store::ObjectMeta& meta) { own->tell(meta); });
  // In this order: the fetch ends before its slot does, after which close() may return.
  struct Pending {
    RequestQueue::SlotPtr slot;
    FetchPtr fetch;
  };
  auto pending = std::make_shared<Pending>(Pending{std::move(slot), fetch});
  store_.start_read(
      fetch->context, fetch->work.blocks->version(), fetch->fill.range(), fetch->sink,
      [this, pending = std::move(pending)](core::Result<store::ObjectMeta> meta, bool again) {
        const FetchPtr& own = pending->fetch;
        own->tell(meta);
        if (!meta && again && !own->context.stopped()) {
          queue_.go_on(pending->slot, [this, own] { bring_rest(own); });
        } else {
          conclude(own, std::move(meta));
        }
      });
}

void Fetches::bring_rest(const FetchPtr& fetch) {
  const model::ByteRange range = fetch->fill.range();
  if (fetch->fill.received() == range.size()) {
    conclude(fetch, store::ObjectMeta());  // only what came behind it was broken
    return;
  }
  conclude(fetch, store_.read(fetch->context, fetch->work.blocks->version(),
                              {range.first + fetch->fill.received(), range.last}, *fetch->sink));
}

void Fetches::conclude(const FetchPtr& fetch, core::Result<store::ObjectMeta> meta) {
  if (meta) {
    end(fetch, {});
    return;
  }
  if (meta.error().kind == core::ErrorKind::Corrupt) {
    fetch->work.sum->condemn();
  }
  const auto range = fetch->fill.range();
  end(fetch, std::move(meta).error().within(
                 core::format("read {} bytes at {} of {}", range.size(), range.first,
                              fetch->work.blocks->version().key.text())));
}

void Fetches::end(const std::shared_ptr<Fetch>& fetch, core::Status status) {
  {
    const core::MutexLock lock(mutex_);
    fetches_.erase(fetch->id);
  }
  const bool failed = !status && status.error().kind != core::ErrorKind::Cancelled;
  if (failed) {
    core::log(core::LogLevel::Debug, "range request failed",
              {{"operation", fetch->work.operation}, {"error", core::describe(status.error())}});
    if (fetch->work.failed) {
      fetch->work.failed();
    }
  }
  fetch->fill.finish(std::move(status));
}

void Fetches::promote(const std::vector<std::uint64_t>& fills) {
  for (const std::uint64_t id : fills) {
    queue_.promote(id);
  }
}

void Fetches::cancel_foreground(const std::vector<std::uint64_t>& fills) {
  std::vector<std::shared_ptr<Fetch>> doomed;
  {
    const core::MutexLock lock(mutex_);
    for (const std::uint64_t id : fills) {
      const auto at = fetches_.find(id);
      if (at != fetches_.end() && at->second->work.urgency == Urgency::Foreground) {
        doomed.push_back(at->second);
      }
    }
  }
  cancel(doomed);
}

void Fetches::cancel(Owner owner) {
  std::vector<std::shared_ptr<Fetch>> doomed;
  {
    const core::MutexLock lock(mutex_);
    for (const auto& [id, fetch] : fetches_) {
      const Owner& whose = fetch->work.owner;
      if (fetch->work.urgency == Urgency::Background && whose.reader == owner.reader &&
          (owner.stream == 0 || whose.stream == owner.stream)) {
        doomed.push_back(fetch);
      }
    }
  }
  std::erase_if(doomed, [](const auto& fetch) {
    // Breaking off costs a connection: more than the rest of a range that is half here.
    return fetch->fill.received() * 2 > fetch->fill.range().size() || fetch->fill.wanted();
  });
  counters_.prefetches_cancelled.add(static_cast<std::int64_t>(doomed.size()));
  cancel(doomed);
}

void Fetches::cancel(const std::vector<std::shared_ptr<Fetch>>& doomed) {
  for (const auto& fetch : doomed) {
    fetch->stop.request_stop();
    if (queue_.withdraw(fetch->id)) {
      end(fetch, core::fail(core::ErrorKind::Cancelled, "nobody waits for it any more"));
    }
  }
}

void Fetches::close() {
  std::vector<std::shared_ptr<Fetch>> all;
  {
    const core::MutexLock lock(mutex_);
    closed_ = true;
    for (const auto& [id, fetch] : fetches_) {
      all.push_back(fetch);
    }
  }
  cancel(all);
  queue_.close();
}

}  // namespace transfer
