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

/// One file, one thread that writes it. Whoever waits shares a transaction with all who came while
/// the one before was written. Content itself lies in files beside (transfer/kept_files.h).
///
/// Threads: any. The calls that return a status, never to be made under a lock, block until
/// the change is durable; the others wait for nothing, are written with the next transaction, and what they say may
/// be lost in a crash without harm. Errors: NoSpace (nothing was changed; the caller may try
/// again), Io.
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
  core::Status keep(const KeptFile& file);
  /// The same, and `other` is not kept any more; both or neither.
  core::Status replace(const KeptFile& file, std::uint64_t other);
  core::Status keep_all(const std::vector<KeptFile>& files);
  /// `number` is not needed any more; `then` is called once that is durable, in another thread.
  void drop(std::uint64_t number, std::function<void()> then);
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
  void post(Change change, std::function<void()> then = {});
  void run();
  void write(std::vector<Waiting> batch);

  const JournalCounters counters_;
  JournalTables tables_;  ///< of the thread that writes, once it runs
  JournalTables::Contents found_;

  core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar wake_;
  core::CondVar finished_;
  std::vector<Waiting> queued_ GUARDED_BY(mutex_);
  std::uint64_t next_number_ GUARDED_BY(mutex_) = 1;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::jthread writer_;
};

}  // namespace state
