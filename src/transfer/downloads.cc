#include "transfer/downloads.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>

#include "cache/block_cache.h"
#include "transfer/alarms.h"
#include "transfer/fetch_to_file.h"
#include "transfer/fetches.h"
#include "transfer/metrics.h"
#include "transfer/read_pattern.h"
#include "transfer/request_rate.h"

namespace transfer {
namespace {

using core::ErrorKind;
using model::ByteRange;

// A reader that has not read for this long does not narrow the windows of the others.
constexpr core::Duration kIdle = std::chrono::seconds{2};
// A read that met the failure of somebody else's request asks again; a bound all the same.
constexpr int kMostTries = 3;
// What the kernel read ahead in vain it asks for again at once, page by page. All of those get the
// same answer: each one tried anew would take its time again, and some would give short reads.
constexpr core::Duration kAskedAgain = std::chrono::milliseconds{250};

/// Divides what may be prefetched among those who read sequentially now: half of the
/// cache, since each also holds the block that it is reading.
class WindowShare {
 public:
  WindowShare(std::uint64_t window_bytes, std::uint64_t budget_bytes)
      : window_(window_bytes), together_(budget_bytes / 2) {}

  std::uint64_t of(std::uint64_t reader, bool sequential, core::SteadyTime now) {
    const core::MutexLock lock(mutex_);
    if (now - swept_ >= kIdle) {
      swept_ = now;
      std::erase_if(active_, [now](const auto& entry) { return now - entry.second >= kIdle; });
    }
    if (sequential) {
      active_[reader] = now;
    }
    return std::min(window_, together_ / std::max<std::size_t>(1, active_.size()));
  }
  void leave(std::uint64_t reader) {
    const core::MutexLock lock(mutex_);
    active_.erase(reader);
  }

 private:
  const std::uint64_t window_;
  const std::uint64_t together_;
  core::Mutex mutex_{core::LockRank::Leaf};
  std::map<std::uint64_t, core::SteadyTime> active_ GUARDED_BY(mutex_);
  core::SteadyTime swept_ GUARDED_BY(mutex_);
};

/// The WholeSum of all who read a version, which lasts as long as any of its bytes are here: what
/// was read in part, and damaged, is found out by whoever brings the rest. A damaged one is for
/// those who have it, since the blocks of its version are forgotten.
std::shared_ptr<WholeSum> sum_of(cache::VersionBlocks& blocks, cache::BlockCache& all,
                                 core::Metric& damaged) {
  const model::ObjectVersion& version = blocks.version();
  return std::static_pointer_cast<WholeSum>(blocks.companion([&] {
    return std::make_shared<WholeSum>(version.size, [&all, &damaged, key = version.key] {
      damaged.add();
      all.forget(key);
    });
  }));
}

/// What the readers of one mount have in common.
struct Shared {
  Shared(store::ObjectStore& s, core::Clock& c, core::Metrics& metrics,
         const DownloadOptions& options)
      : store(s),
        clock(c),
        rate(options.rate),
        counters(metrics),
        windows(options.window_bytes, options.cache_bytes),
        blocks(options.cache_bytes),
        alarms(c),
        fetches(s, c, alarms, counters, options) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() {
    closing = true;
    fetches.close();
    alarms.close();  // what rings may look at a fetch
  }

  [[nodiscard]] bool may_run_ahead(std::uint64_t bytes) const {
    return rate == nullptr || rate->take_bytes(bytes);
  }

  store::ObjectStore& store;
  core::Clock& clock;
  RequestRate* const rate;  ///< or none
  const Counters counters;
  WindowShare windows;
  cache::BlockCache blocks;
  Alarms alarms;
  Fetches fetches;
  std::atomic<std::uint64_t> next_reader = 1;
  std::atomic<bool> closing = false;
};

struct Failure {
  ByteRange range;
  core::Error error;
  core::SteadyTime until;
};

/// The part of a reader that requests under way may outlive it with.
struct ReaderState {
  core::Mutex mutex{core::LockRank::Reader};
  ReadPattern pattern GUARDED_BY(mutex);
  std::optional<Failure> failure GUARDED_BY(mutex);  ///< the last
};

/// One read that has to wait. Answered once, by whoever comes first: bytes, failure, deadline,
/// stop.
class PendingRead : public std::enable_shared_from_this<PendingRead> {
 public:
  PendingRead(Shared& shared, std::shared_ptr<cache::VersionBlocks> blocks,
              std::shared_ptr<WholeSum> sum, core::OpContext context, ByteRange range,
              Reader::Done done)
      : shared_(shared),
        blocks_(std::move(blocks)),
        sum_(std::move(sum)),
        context_(std::move(context)),
        range_(range),
        done_(std::move(done)) {}

  /// Asks, brings what nobody brings yet, and returns how far ahead that reaches.
  std::uint64_t ask(std::uint64_t ahead_until, std::uint64_t piece_bytes,
                    const Fetches::Owner& owner, const std::function<void()>& failed) {
    ++tries_;
    auto asked = blocks_->ask(range_, ahead_until, piece_bytes,
                              [self = shared_from_this()](auto result, bool own) {
                                self->complete(std::move(result), own);
                              });
    remember(asked.waiter);
    shared_.fetches.promote(asked.awaited);
    for (cache::Fill& fill : asked.fills) {
      Fetches::Work work;
      work.blocks = blocks_;
      work.sum = sum_;
      work.operation = context_.id;
      const bool needed = fill.range().first < range_.last;
      if (!needed) {
        work.urgency = Fetches::Urgency::Background;
        work.owner = owner;
        work.failed = failed;
      }
      shared_.fetches.start(std::move(work), std::move(fill));
    }
    return asked.reached;
  }

  /// To be called once, after the first ask().
  void heed_limits() {
    const std::weak_ptr<PendingRead> weak = weak_from_this();
    const auto expire = [weak](ErrorKind kind, const char* why) {
      if (const auto self = weak.lock()) {
        self->give_up(core::fail(kind, why));
      }
    };
    if (context_.stop.stop_possible()) {
      on_stop_.emplace(context_.stop, [expire] { expire(ErrorKind::Cancelled, "read stopped"); });
    }
    if (context_.deadline != core::SteadyTime::max()) {
      const auto alarm = shared_.alarms.set(context_.deadline, [expire] {
        expire(ErrorKind::Timeout, "read: no answer before the deadline");
      });
      core::MutexLock lock(mutex_);
      alarm_ = alarm;
      lock.unlock();
      if (answered_) {
        shared_.alarms.cancel(alarm);
      }
    }
  }

 private:
  using StopCallback = std::stop_callback<std::function<void()>>;

  void complete(core::Result<cache::Slices> result, bool own) {
    if (!result && !own && tries_ < kMostTries && !answered_ && !shared_.closing) {
      // The failure of a request that somebody else made for reasons of his own.
      ask(0, range_.size(), {}, {});
      return;
    }
    answer(std::move(result));
  }

  /// True for the first who calls, who then has to finish().
  bool claim() { return !answered_.exchange(true); }

  void answer(core::Result<cache::Slices> result) {
    if (claim()) {
      let_go();
      finish(std::move(result));
    }
  }

  void give_up(core::Error error) {
    if (!claim()) {
      return;
    }
    if (const auto waiter = let_go()) {
      // First, so that what nobody needs frees its connection before the caller goes on.
      shared_.fetches.cancel_foreground(blocks_->abandon(waiter));
    }
    finish(std::move(error));
  }

  std::shared_ptr<cache::Waiter> let_go() {
    const core::MutexLock lock(mutex_);
    return std::exchange(waiter_, nullptr);
  }

  void finish(core::Result<cache::Slices> result) {
    std::optional<Alarms::Id> alarm;
    {
      const core::MutexLock lock(mutex_);
      alarm = alarm_;
    }
    if (alarm) {
      shared_.alarms.cancel(*alarm);
    }
    std::exchange(done_, nullptr)(std::move(result));
  }

  void remember(const std::shared_ptr<cache::Waiter>& waiter) {
    {
      const core::MutexLock lock(mutex_);
      waiter_ = waiter;
    }
    if (answered_) {  // in between
      if (const auto late = let_go()) {
        shared_.fetches.cancel_foreground(blocks_->abandon(late));
      }
    }
  }

  Shared& shared_;
  const std::shared_ptr<cache::VersionBlocks> blocks_;
  const std::shared_ptr<WholeSum> sum_;
  const core::OpContext context_;
  const ByteRange range_;
  Reader::Done done_;  ///< taken by whoever sets answered_
  std::atomic<bool> answered_ = false;
  std::atomic<int> tries_ = 0;
  core::Mutex mutex_{core::LockRank::Leaf};
  std::shared_ptr<cache::Waiter> waiter_ GUARDED_BY(mutex_);
  std::optional<Alarms::Id> alarm_ GUARDED_BY(mutex_);
  std::optional<StopCallback> on_stop_;  ///< written once, before the owner lets go
};

class PrefetchingReader final : public Reader {
 public:
  PrefetchingReader(Shared& shared, const model::ObjectVersion& version)
      : shared_(shared),
        id_(shared.next_reader++),
        blocks_(shared.blocks.open(version)),
        sum_(sum_of(*blocks_, shared.blocks, shared.counters.objects_damaged)) {}
  PrefetchingReader(const PrefetchingReader&) = delete;
  PrefetchingReader& operator=(const PrefetchingReader&) = delete;
  ~PrefetchingReader() override {
    shared_.windows.leave(id_);
    shared_.fetches.cancel(Fetches::Owner{id_, 0});
  }

  void read(const core::OpContext& context, std::uint64_t offset, std::size_t size,
            Done done) override {
    const std::uint64_t end = blocks_->version().size;
    if (offset >= end || size == 0) {
      done(cache::Slices{});
      return;
    }
    const ByteRange range{offset, std::min<std::uint64_t>(end, offset + size)};
    if (auto failure = recent_failure(range)) {
      done(*std::move(failure));
      return;
    }
    const ReadPattern::Plan plan = this->plan(range);
    for (const std::uint64_t stream : plan.abandoned) {
      shared_.fetches.cancel(Fetches::Owner{id_, stream});
    }
    const Fetches::Owner owner{id_, plan.stream};
    for (const ByteRange& step : plan.steps) {
      start_ahead(context, blocks_->claim_ahead(step, step.size()).fills, owner);
    }
    auto slices = blocks_->get(range);
    if (slices) {
      shared_.counters.reads_from_memory.add();
      if (!plan.ahead.empty()) {
        run_ahead(context, plan, owner);
      }
      done(std::move(*slices));
      return;
    }
    shared_.counters.reads_waited.add();
    if (context.stopped() || shared_.clock.steady_now() >= context.deadline) {
      done(core::fail(context.stopped() ? ErrorKind::Cancelled : ErrorKind::Timeout,
                      "read: given up before it began"));
      return;
    }
    // The last thing that happens to `this`: an answer may be followed by its end.
    const auto state = state_;
    const auto read = std::make_shared<PendingRead>(shared_, blocks_, sum_, context, range,
                                                    remembering(range, std::move(done)));
    const std::uint64_t reached =
        read->ask(plan.ahead.last, plan.piece_bytes, owner, on_failure(state, plan.stream));
    if (!plan.ahead.empty()) {
      const core::MutexLock lock(state->mutex);
      state->pattern.reached(plan.stream, reached);
    }
    read->heed_limits();
  }

 private:
  std::optional<core::Error> recent_failure(ByteRange range) {
    const core::MutexLock lock(state_->mutex);
    auto& failure = state_->failure;
    if (failure && shared_.clock.steady_now() >= failure->until) {
      failure.reset();
    }
    const bool within =
        failure && failure->range.first <= range.first && range.last <= failure->range.last;
    return within ? std::optional(failure->error) : std::nullopt;
  }

  /// `done`, before which a failure of the read of `range` is noted.
  Done remembering(ByteRange range, Done done) {
    return [state = state_, &clock = shared_.clock, range,
            done = std::move(done)](core::Result<cache::Slices> result) mutable {
      if (!result && result.error().kind != ErrorKind::Cancelled) {
        const core::SteadyTime until = clock.steady_now() + kAskedAgain;
        const core::MutexLock lock(state->mutex);
        state->failure = Failure{range, result.error(), until};
      }
      done(std::move(result));
    };
  }

  ReadPattern::Plan plan(ByteRange range) {
    const core::SteadyTime now = shared_.clock.steady_now();
    const std::uint64_t window = shared_.windows.of(id_, sequential_, now);
    const core::MutexLock lock(state_->mutex);
    auto plan = state_->pattern.on_read(range, blocks_->version().size, window);
    sequential_ = plan.sequential;
    std::uint64_t bytes = plan.ahead.size();
    for (const ByteRange& step : plan.steps) {
      bytes += step.size();
    }
    if (bytes > 0 && !shared_.may_run_ahead(bytes)) {
      plan.ahead = {};
      plan.steps.clear();
    }
    return plan;
  }

  static std::function<void()> on_failure(const std::shared_ptr<ReaderState>& state,
                                          std::uint64_t stream) {
    return [weak = std::weak_ptr<ReaderState>(state), stream] {
      if (const auto alive = weak.lock()) {
        const core::MutexLock lock(alive->mutex);
        alive->pattern.failed(stream);
      }
    };
  }

  void run_ahead(const core::OpContext& context, const ReadPattern::Plan& plan,
                 const Fetches::Owner& owner) {
    auto ahead = blocks_->claim_ahead(plan.ahead, plan.piece_bytes);
    {
      const core::MutexLock lock(state_->mutex);
      state_->pattern.reached(plan.stream, ahead.reached);
    }
    start_ahead(context, std::move(ahead.fills), owner);
  }

  void start_ahead(const core::OpContext& context, std::vector<cache::Fill> fills,
                   const Fetches::Owner& owner) {
    for (cache::Fill& fill : fills) {
      Fetches::Work work;
      work.blocks = blocks_;
      work.urgency = Fetches::Urgency::Background;
      work.sum = sum_;
      work.operation = context.id;
      work.owner = owner;
      work.failed = on_failure(state_, owner.stream);
      shared_.fetches.start(std::move(work), std::move(fill));
    }
  }

  Shared& shared_;
  const std::uint64_t id_;
  const std::shared_ptr<cache::VersionBlocks> blocks_;
  const std::shared_ptr<WholeSum> sum_;
  const std::shared_ptr<ReaderState> state_ = std::make_shared<ReaderState>();
  std::atomic<bool> sequential_ = false;
};

class BlockDownloads final : public Downloads {
 public:
  BlockDownloads(store::ObjectStore& store, core::Clock& clock, core::Metrics& metrics,
                 const DownloadOptions& options)
      : shared_(store, clock, metrics, options) {}

  std::unique_ptr<Reader> open(model::ObjectVersion version) override {
    return std::make_unique<PrefetchingReader>(shared_, version);
  }
  bool bring(const core::OpContext& context, const model::ObjectVersion& version,
             std::uint64_t bytes, Told told) override {
    const ByteRange range{0, std::min(bytes, version.size)};
    if (range.empty()) {
      return false;
    }
    const std::shared_ptr<cache::VersionBlocks> blocks = shared_.blocks.open(version);
    auto claimed = blocks->claim_ahead(range, range.size());
    if (claimed.fills.size() != 1 || claimed.fills.front().range() != range) {
      return false;  // what was claimed ends as cancelled
    }
    Fetches::Work work;
    work.blocks = blocks;
    work.sum = sum_of(*blocks, shared_.blocks, shared_.counters.objects_damaged);
    work.urgency = context.cause == core::Cause::Prefetch ? Fetches::Urgency::Background
                                                          : Fetches::Urgency::Foreground;
    work.operation = context.id;
    work.told = std::move(told);
    work.stop = context.cause == core::Cause::Prefetch ? context.stop : std::stop_token();
    shared_.fetches.start(std::move(work), std::move(claimed.fills.front()));
    return true;
  }
  core::Status fetch(const core::OpContext& context, const model::ObjectVersion& version,
                     int fd) override {
    return fetch_to_file(shared_.store, shared_.fetches, shared_.counters.bytes_downloaded, context,
                         version, fd);
  }
  void forget(const model::ObjectKey& key) override { shared_.blocks.forget(key); }
  [[nodiscard]] std::uint64_t cached_bytes() const override { return shared_.blocks.held_bytes(); }
  void give_back_idle() override { shared_.blocks.give_back_idle(); }

 private:
  Shared shared_;
};

}  // namespace

std::unique_ptr<Downloads> Downloads::create(store::ObjectStore& store, core::Clock& clock,
                                             core::Metrics& metrics, DownloadOptions options) {
  return std::make_unique<BlockDownloads>(store, clock, metrics, options);
}

}  // namespace transfer
