#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/gate.h"
#include "core/mutex.h"
#include "state/changes.h"
#include "state/database.h"
#include "state/metrics.h"
#include "state/remembered.h"

namespace state {

/// The table of what was learnt: one file, one who writes, a few who read beside.
///
/// Least recently used goes first, counted in generations: one passes with each sixteenth of the
/// bound that is written, and a row that is read moves to the present one. So a row costs at most
/// one write a generation for being read, and no clock is asked.
/// Threads: between() and by_inode() from any; the rest from one.
class MemoryFile {
 public:
  struct Bound {
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
  };
  /// Nobody else may have the file open.
  /// Errors: Changed (of another bucket or another schema), Database's.
  static core::Result<std::unique_ptr<MemoryFile>> open(const std::string& path,
                                                        const std::string& identity, Bound bound,
                                                        Counters& counters);
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();

  struct Rows {
    std::vector<Remembered> rows;
    bool to_use = false;  ///< some are of an earlier generation
  };
  /// In the order of their names. A damaged row is left out. Errors: Database's.
  core::Result<Rows> between(std::string_view directory, std::string_view first,
                             std::string_view last);
  core::Result<Rows> by_inode(std::uint64_t inode);

  /// All or nothing. `highest_inode` outlives the row that had it.
  /// Errors: Database's; NoSpace also where making room did not help.
  core::Status apply(const Changes& changes, std::uint64_t highest_inode);
  [[nodiscard]] std::uint64_t highest_inode() const { return highest_inode_; }
  /// Waits for the reads under way; later ones find nothing.
  void close();

 private:
  struct Reader;
  class Lent;
  struct Writer;

  MemoryFile(Bound bound, Counters& counters);
  core::Status prepare(const std::string& path, const std::string& identity);
  core::Status check(const std::string& identity);
  core::Status write(const Changes& changes);
  core::Status write_row(std::string_view directory, std::string_view name, const Remembered* row,
                         std::int64_t& objects);
  core::Status evict(std::uint64_t count);
  core::Status within_transaction(const std::function<core::Status(std::int64_t& objects)>& work);
  core::Result<Rows> rows_of(Statement& statement);

  const Bound bound_;
  Counters& counters_;
  std::unique_ptr<Writer> writer_;
  std::int64_t objects_ = 0;  ///< rows in the table
  std::uint64_t highest_inode_ = 0;
  std::uint64_t written_ = 0;  ///< rows of this generation
  std::atomic<std::int64_t> generation_{1};

  core::Gate gate_;  ///< reads under way
  core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar returned_;
  std::vector<std::unique_ptr<Reader>> idle_ GUARDED_BY(mutex_);
};

}  // namespace state
