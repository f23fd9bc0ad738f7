#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/unique_fd.h"
#include "state/changes.h"
#include "state/memory_file.h"
#include "state/metrics.h"
#include "state/remembered.h"

namespace state {

/// What was learnt of objects, by key, so that it need not be asked for again, after a remount
/// neither. A cache: whoever reads compares ETag and time with what the bucket says today, and no
/// trouble with the file is an error. A file that is damaged, of another bucket or of another
/// schema is begun anew; one that cannot be had (somebody else holds it, a full disk) is tried
/// again every minute, and until then nothing is remembered. The log says so once.
///
/// Reads see all that was remembered and forgotten before them, written or not.
/// Threads: any. Only the reads and flush() touch the disk, and none waits for what is written.
class ObjectMemory {
 public:
  struct Limits {
    std::uint64_t most_objects = 1'000'000;  ///< 0: nothing is remembered, and no file made
    std::uint64_t most_bytes = std::uint64_t{512} << 20U;
    std::size_t most_queued = 16'384;  ///< beyond, what is to be remembered is dropped
  };
  /// `identity` names service, bucket and whatever else the answers depend on.
  static std::unique_ptr<ObjectMemory> open(const std::string& path, const std::string& identity,
                                            Limits limits, core::Clock& clock,
                                            core::Metrics& metrics);
  ObjectMemory(const ObjectMemory&) = delete;
  ObjectMemory& operator=(const ObjectMemory&) = delete;
  /// Writes what is queued.
  ~ObjectMemory();

  /// Objects and subdirectories ("name/") of a directory ("" or "a/b/"), from `first` to `last`,
  /// inclusive, in the order of a listing; nothing of what lies below the subdirectories.
  [[nodiscard]] std::vector<Remembered> between(std::string_view directory, std::string_view first,
                                                std::string_view last) const;
  [[nodiscard]] std::optional<Remembered> find(std::string_view key) const;
  [[nodiscard]] std::optional<Remembered> by_inode(std::uint64_t inode) const;
  /// No number above it was ever remembered in this file: whoever makes new ones begins behind.
  [[nodiscard]] std::uint64_t highest_inode() const;

  void remember(Remembered about);
  void forget(std::string_view key);
  /// `prefix` is empty or ends in '/': all that lies below, and the directory itself.
  void forget_tree(std::string_view prefix);
  /// Returns when all of the above is in the file, or was dropped.
  void flush();

 private:
  ObjectMemory(std::string path, std::string identity, Limits limits, core::Clock& clock,
               core::Metrics& metrics);
  using File = std::shared_ptr<MemoryFile>;

  // The thread that writes.
  void run();
  std::shared_ptr<const Changes> next_batch();
  void write(const Changes& changes);
  /// In place of the one that there is. With `distrust` what lies there is removed.
  File open_file(std::optional<core::Error> distrust);
  core::Result<File> begin(std::optional<core::Error> distrust);
  core::Status take_lock();
  void remove_file(const core::Error& why);
  void complain(std::string_view event, const core::Error& error);

  // Changes.
  template <class Forget>
  void forget_by(const Forget& forget);
  [[nodiscard]] bool hopeless() const REQUIRES(mutex_);
  void wake_writer(bool was_empty) const REQUIRES(mutex_);

  // Reads.
  [[nodiscard]] std::optional<Changes::Row> said(std::string_view key) const REQUIRES(mutex_);
  std::vector<Remembered> read(MemoryFile& file, Changes::Used range) const;
  std::vector<Remembered> checked(core::Result<MemoryFile::Rows> found) const;

  const std::string path_;
  const std::string identity_;
  const Limits limits_;
  core::Clock& clock_;
  Counters counters_;

  mutable core::Mutex mutex_{core::LockRank::Cache};
  mutable core::CondVar wake_;
  core::CondVar finished_;
  File file_ GUARDED_BY(mutex_);  ///< none: nothing is remembered
  core::SteadyTime try_again_ GUARDED_BY(mutex_);
  mutable Changes queued_ GUARDED_BY(mutex_);
  std::shared_ptr<const Changes> writing_ GUARDED_BY(mutex_);  ///< older than what is queued
  std::uint64_t batch_ GUARDED_BY(mutex_) = 1;                 ///< what is queued now
  std::uint64_t written_ GUARDED_BY(mutex_) = 0;               ///< the last batch that is done
  std::uint64_t wanted_ GUARDED_BY(mutex_) = 0;                ///< somebody waits for this one
  std::uint64_t highest_inode_ GUARDED_BY(mutex_) = 0;
  bool missed_forgets_ GUARDED_BY(mutex_) = false;   ///< an existing file is not to be trusted
  mutable bool damaged_ GUARDED_BY(mutex_) = false;  ///< a read found the file broken
  bool stopping_ GUARDED_BY(mutex_) = false;

  // Of the thread that writes, and of open() before it starts.
  core::UniqueFd lock_;
  bool quiet_ = false;  ///< the log has said what is the matter

  std::jthread writer_;
};

}  // namespace state
