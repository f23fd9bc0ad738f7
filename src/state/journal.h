#pragma once
// What this mount has promised and not done yet, safe on disk before anybody is told of it.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/metrics.h"
#include "core/mutex.h"
#include "core/result.h"
#include "core/time.h"
#include "state/journal_tables.h"

namespace state {

struct JournalCounters {
  explicit JournalCounters(core::Metrics& metrics)
      : changes(metrics["journal.changes"]),
        transactions(metrics["journal.transactions"]),
        failures(metrics["journal.failures"]),
        uploads(metrics["journal.uploads"]) {}
  core::Metric& changes;       ///< written
  core::Metric& transactions;  ///< that they took
  core::Metric& failures;      ///< transactions that could not be written
  core::Metric& uploads;       ///< multipart uploads begun and not ended
};

/// One file, written by one thread at a time: the first that waits, for all who came while the
/// transaction before was written. Content lies in it where it is small, so that one wait for the
/// disk does for both; else in files beside (transfer/kept_files.h).
///
/// Threads: any. The calls that return a status, never to be made under a lock, block until
/// the change is durable; the others wait for nothing, are written with the next transaction or a
/// moment later, and what they say may be lost in a crash without harm. Errors: NoSpace (nothing
/// was changed; the caller may try again), Io.
class Journal {
 public:
  /// Errors: those of JournalTables::open().
  static core::Result<std::unique_ptr<Journal>> open(const std::string& path,
                                                     const Identity& identity,
                                                     core::Metrics& metrics);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  /// Writes what is queued.
  ~Journal();

  /// What an earlier daemon left.
  [[nodiscard]] const JournalTables::Contents& found() const { return found_; }

  /// A number that no file of content has had.
  std::uint64_t new_number();

  /// Also in place of what was said of the same number.
  /// No `content`: it is as it was, or not inside.
  core::Status keep(const KeptFile& file, const std::string* content = nullptr);
  /// The same, and `other` is not kept any more; both or neither.
  core::Status replace(const KeptFile& file, const std::string* content, std::uint64_t other);
  struct Renamed {
    std::uint64_t number = 0;
    std::string key;
  };
  /// All or none. Those that are not kept any more are left out.
  core::Status rename_all(const std::vector<Renamed>& renamed);
  /// Soon: without waiting for others, since the next daemon had better not act on it.
  enum class When : std::uint8_t { Soon, Anytime };
  /// `number` is not needed any more; `then` is called once that is durable, in another thread.
  void drop(std::uint64_t number, When when, std::function<void()> then);
  /// What was queued before the call is durable upon return.
  core::Status settle();
  /// What an earlier daemon left inside. Errors: Corrupt; what `visit` returns.
  core::Status visit_contents(const JournalTables::Visit& visit);
  void note_failure(std::uint64_t number, std::string error);

  core::Status begin_upload(const KeptUpload& upload);
  void note_part(std::string key, std::string id, KeptPart part);
  /// Completed or aborted.
  void end_upload(std::string key, std::string id);

 private:
  using Change = std::function<core::Status(JournalTables&)>;
  struct Outcome {
    bool done = false;
    core::Status status;
  };
  /// A change, and where to tell of it: nowhere, or to somebody who waits.
  struct Waiting {
    Change change;
    Outcome* outcome = nullptr;  ///< guarded by mutex_
    std::function<void()> then;  ///< once it is durable
  };
  explicit Journal(core::Metrics& metrics) : counters_(metrics) {}
  core::Status wait_for(Change change);
  void post(Change change, When when, std::function<void()> then = {});
  void run();
  /// What is queued; the caller is to write it.
  std::vector<Waiting> take_queued() REQUIRES(mutex_);
  void write(std::vector<Waiting> batch);

  const JournalCounters counters_;
  JournalTables tables_;  ///< of whoever has taken what is queued
  JournalTables::Contents found_;

  core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar wake_;  ///< of the thread that writes what nobody waits for
  core::CondVar finished_;
  std::vector<Waiting> queued_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  std::uint64_t next_number_ GUARDED_BY(mutex_) = 1;
  core::SteadyTime due_ GUARDED_BY(mutex_) = core::SteadyTime::max();  ///< of what is queued
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::jthread writer_;
};

}  // namespace state
