#pragma once
// Range requests that fill blocks of the cache.
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <vector>

#include "cache/block_cache.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "store/object_store.h"
#include "transfer/alarms.h"
#include "transfer/download_options.h"
#include "transfer/hedge_rule.h"
#include "transfer/metrics.h"
#include "transfer/request_queue.h"
#include "transfer/whole_sum.h"

namespace transfer {

/// A range is a request that no thread waits for; only what fails at first is tried again on one.
/// One that somebody waits for and that is late is asked for once more (HedgeRule), on another
/// connection. What comes by that lies apart until it is complete; if it comes first, the first
/// request is stopped, and its claim is filled once that has ended: no two write to one block.
/// Threads: any. Bytes go from the store's thread straight into the block; that thread also answers
/// whoever waited for them.
class Fetches {
 public:
  using Urgency = RequestQueue::Urgency;
  /// On whose behalf something runs ahead.
  struct Owner {
    std::uint64_t reader = 0;
    std::uint64_t stream = 0;  ///< 0 in cancel(): all of the reader's
  };
  struct Work {
    std::shared_ptr<cache::VersionBlocks> blocks;
    Urgency urgency = Urgency::Foreground;
    std::uint64_t operation = 0;  ///< OpContext::id
    Owner owner;
    std::shared_ptr<WholeSum> sum;  ///< of the version
    std::function<void()> failed;   ///< called if it fails, unless it was cancelled; may be empty
    /// What the head of the first answer says of the object, or why there is none; called once, by
    /// any thread; may be empty.
    std::function<void(core::Result<store::ObjectMeta>)> told;
    std::stop_token stop;  ///< ends it
  };

  /// `alarms` is closed after this and before it ends.
  Fetches(store::ObjectStore& store, core::Clock& clock, Alarms& alarms, const Counters& counters,
          const DownloadOptions& options);
  Fetches(const Fetches&) = delete;
  Fetches& operator=(const Fetches&) = delete;
  ~Fetches();

  void start(Work work, cache::Fill fill);
  /// Somebody waits for these now.
  void promote(const std::vector<std::uint64_t>& fills);
  /// Ends those of `fills` that were foreground; what runs ahead may go on.
  void cancel_foreground(const std::vector<std::uint64_t>& fills);
  /// Ends what runs ahead for `owner` and nobody waits for; nearly complete ranges may finish.
  void cancel(Owner owner);
  /// Cancels everything and waits for it; what is started later ends at once.
  void close();

  /// For requests beside the blocks: same connections, same order. `id` as RequestQueue::post.
  [[nodiscard]] RequestQueue& queue() { return queue_; }
  [[nodiscard]] std::uint64_t next_plain_id();

 private:
  struct Fetch;
  struct Pending;

  using FetchPtr = std::shared_ptr<Fetch>;
  void begin(const FetchPtr& fetch, RequestQueue::SlotPtr slot);
  /// What the first request did not bring, with patience. Blocks.
  void bring_rest(const FetchPtr& fetch);
  void conclude(const FetchPtr& fetch, core::Result<store::ObjectMeta> meta);
  /// The head of the first answer is here, or will not come.
  void note_answer(Fetch& fetch);

  /// Looks after it later, and again and again until it has ended or is asked for once more.
  void watch(const FetchPtr& fetch);
  void look_after(const FetchPtr& fetch, std::uint64_t received_before);
  [[nodiscard]] bool may_hedge();
  void hedge(const FetchPtr& fetch);
  void send_hedge(const FetchPtr& fetch, model::ByteRange rest, RequestQueue::SlotPtr slot);

  void end(const std::shared_ptr<Fetch>& fetch, core::Status status);
  void cancel(const std::vector<std::shared_ptr<Fetch>>& doomed);

  store::ObjectStore& store_;
  core::Clock& clock_;
  Alarms& alarms_;
  const core::Duration request_timeout_;
  RequestRate* const rate_;
  const Counters counters_;

  core::Mutex mutex_{core::LockRank::Reader};
  std::map<std::uint64_t, std::shared_ptr<Fetch>> fetches_ GUARDED_BY(mutex_);
  HedgeRule hedge_rule_ GUARDED_BY(mutex_);
  std::uint64_t next_plain_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  RequestQueue queue_;
};

}  // namespace transfer
