#include "transfer/fetches.h"

#include <atomic>
#include <optional>
#include <utility>

#include "core/digest.h"
#include "core/format.h"
#include "core/log.h"
#include "transfer/request_rate.h"

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

/// Keeps what a second request brings until that is known to be needed.
class SpareSink final : public store::Sink {
 public:
  explicit SpareSink(model::ByteRange range) : range_(range) {}

  void on_meta(const store::ObjectMeta& meta) override {
    meta_ = meta;
    bytes_.reserve(range_.size());
  }
  core::Status on_data(core::ByteView data) override {
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return {};
  }
  [[nodiscard]] bool complete() const { return bytes_.size() == range_.size(); }

  /// Hands on what lies behind `first`, which is not before the range.
  core::Result<store::ObjectMeta> give(std::uint64_t first, store::Sink& to) const {
    if (first < range_.last) {
      to.on_meta(meta_);
      TRY(to.on_data(core::ByteView(bytes_).subspan(first - range_.first)));
    }
    return meta_;
  }

 private:
  const model::ByteRange range_;
  store::ObjectMeta meta_;
  std::vector<std::byte> bytes_;
};

}  // namespace

/// A request under way. In this order: the fetch ends before its slot does, after which close() may
/// return.
struct Fetches::Pending {
  RequestQueue::SlotPtr slot;
  FetchPtr fetch;
};

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

  /// Somebody waits for its bytes, or for what its head says.
  [[nodiscard]] bool awaited() const {
    return fill.wanted() || (work.urgency == Urgency::Foreground && work.told && !has_told);
  }
  /// False: it has ended, so that it is too late.
  bool keep_look(const Alarms::Id& look) {
    const core::MutexLock lock(mutex);
    next_look = look;
    return !ended;
  }
  bool keep_spare(std::shared_ptr<const SpareSink> bytes) {
    const core::MutexLock lock(mutex);
    spare = std::move(bytes);
    return !ended;
  }
  bool has_ended() {
    const core::MutexLock lock(mutex);
    return ended;
  }
  struct Rest {
    std::optional<Alarms::Id> look;
    std::shared_ptr<const SpareSink> spare;  ///< complete, or nothing
  };
  /// What was kept; nothing is from now on.
  Rest close() {
    const core::MutexLock lock(mutex);
    ended = true;
    return {next_look, std::move(spare)};
  }

  const Work work;
  std::atomic<bool> has_told = false;
  const std::uint64_t id;
  cache::Fill fill;
  std::stop_source stop;
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  core::OpContext context;          ///< of the requests; set when the first begins
  core::SteadyTime begun;           ///< likewise
  std::shared_ptr<BlockSink> sink;  ///< likewise
  bool answered = false;            ///< or it is too late to tell; of whoever has the sink
  std::atomic<bool> hedged = false;

  core::Mutex mutex{core::LockRank::Leaf};
  std::optional<Alarms::Id> next_look GUARDED_BY(mutex);
  std::shared_ptr<const SpareSink> spare GUARDED_BY(mutex);
  bool ended GUARDED_BY(mutex) = false;
};

Fetches::Fetches(store::ObjectStore& store, core::Clock& clock, Alarms& alarms,
                 const Counters& counters, const DownloadOptions& options)
    : store_(store),
      clock_(clock),
      alarms_(alarms),
      request_timeout_(options.request_timeout),
      rate_(options.rate),
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
  fetch->begun = clock_.steady_now();
  fetch->context.deadline = fetch->begun + request_timeout_;
  fetch->context.stop = fetch->stop.get_token();
  fetch->context.id = fetch->work.operation;
  fetch->context.cause = ahead ? core::Cause::Prefetch : core::Cause::Foreground;
  if (fetch->work.sum->damaged()) {
    conclude(fetch, core::fail(core::ErrorKind::Corrupt,
                               "the object is damaged, as an earlier read showed"));
    return;
  }
  counters_.range_requests.add();
  fetch->sink =
      std::make_shared<BlockSink>(fetch->fill, *fetch->work.sum, counters_, ahead,
                                  [this, own = fetch.get()](const store::ObjectMeta& meta) {
                                    note_answer(*own);
                                    own->tell(meta);
                                  });
  {
    const core::MutexLock lock(mutex_);
    hedge_rule_.sent();
  }
  watch(fetch);
  auto pending = std::make_shared<Pending>(Pending{std::move(slot), fetch});
  store_.start_read(
      fetch->context, fetch->work.blocks->version(), fetch->fill.range(), fetch->sink,
      [this, pending = std::move(pending)](core::Result<store::ObjectMeta> meta, bool again) {
        const FetchPtr& own = pending->fetch;
        if (!meta && again && !own->context.stopped()) {
          own->tell(meta);
          queue_.go_on(pending->slot, [this, own] { bring_rest(own); });
        } else {
          conclude(own, std::move(meta));
        }
      });
}

void Fetches::bring_rest(const FetchPtr& fetch) {
  fetch->answered = true;  // what comes after pauses tells nothing of the network
  const model::ByteRange range = fetch->fill.range();
  if (fetch->fill.received() == range.size()) {
    conclude(fetch, store::ObjectMeta());  // only what came behind it was broken
    return;
  }
  conclude(fetch, store_.read(fetch->context, fetch->work.blocks->version(),
                              {range.first + fetch->fill.received(), range.last}, *fetch->sink));
}

void Fetches::conclude(const FetchPtr& fetch, core::Result<store::ObjectMeta> meta) {
  const Fetch::Rest rest = fetch->close();
  if (rest.look) {
    alarms_.cancel(*rest.look);
  }
  if (fetch->hedged) {
    fetch->stop.request_stop();  // of the two, the one that still runs
  }
  if (rest.spare && !meta && meta.error().kind != core::ErrorKind::Corrupt) {
    counters_.hedges_won.add();
    meta = rest.spare->give(fetch->fill.range().first + fetch->fill.received(), *fetch->sink);
  }
  fetch->tell(meta);
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

void Fetches::note_answer(Fetch& fetch) {
  if (!std::exchange(fetch.answered, true)) {
    const core::Duration took = clock_.steady_now() - fetch.begun;
    const core::MutexLock lock(mutex_);
    hedge_rule_.answered(took);
  }
}

void Fetches::watch(const FetchPtr& fetch) {
  core::SteadyTime when = clock_.steady_now();
  {
    const core::MutexLock lock(mutex_);
    when += hedge_rule_.patience();
  }
  const auto look =
      alarms_.set(when, [this, weak = std::weak_ptr<Fetch>(fetch), now = fetch->fill.received()] {
        if (const auto alive = weak.lock()) {
          look_after(alive, now);
        }
      });
  if (!fetch->keep_look(look)) {
    alarms_.cancel(look);
  }
}

void Fetches::look_after(const FetchPtr& fetch, std::uint64_t received_before) {
  const bool late = fetch->fill.received() == received_before;
  if (late && fetch->awaited() && may_hedge()) {
    hedge(fetch);
  } else {
    watch(fetch);
  }
}

bool Fetches::may_hedge() {
  if (rate_ != nullptr && rate_->throttled_lately()) {
    return false;
  }
  const core::MutexLock lock(mutex_);
  return hedge_rule_.take();
}

void Fetches::hedge(const FetchPtr& fetch) {
  const model::ByteRange range = fetch->fill.range();
  const model::ByteRange rest{range.first + fetch->fill.received(), range.last};
  if (rest.empty()) {
    return;  // it came just now
  }
  fetch->hedged = true;
  queue_.start(next_plain_id(), Urgency::Foreground,
               [this, fetch, rest](RequestQueue::SlotPtr slot) {
                 send_hedge(fetch, rest, std::move(slot));
               });
}

void Fetches::send_hedge(const FetchPtr& fetch, model::ByteRange rest, RequestQueue::SlotPtr slot) {
  if (fetch->has_ended() || fetch->context.stopped()) {
    return;
  }
  core::OpContext context = fetch->context;
  context.cause = core::Cause::Foreground;
  counters_.hedges.add();
  auto pending = std::make_shared<Pending>(Pending{std::move(slot), fetch});
  const auto spare = std::make_shared<SpareSink>(rest);
  store_.start_read(
      context, fetch->work.blocks->version(), rest, spare,
      [pending = std::move(pending), spare](const core::Result<store::ObjectMeta>& meta, bool) {
        if (meta && spare->complete() && pending->fetch->keep_spare(spare)) {
          pending->fetch->stop.request_stop();  // what ends by that is concluded with these bytes
        }
      });
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
