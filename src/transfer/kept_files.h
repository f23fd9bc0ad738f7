#pragma once
// Staged content that outlives the process: files that have a number for a name.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/mutex.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "transfer/staging.h"

namespace transfer {

/// The name of one staged file. Gone with its last owner, unless somebody has written down that
/// what it holds is needed: then it stays for the next process.
/// Threads: any.
class KeptFile {
 public:
  KeptFile(std::string path, std::uint64_t number, std::shared_ptr<StagedFile> content);
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;
  ~KeptFile();

  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// Content that was written before the call is safe when it returns.
  /// Errors: Io, and for good: the kernel forgets what it could not write, so that trying again
  /// would say that all is well.
  core::Status sync();
  [[nodiscard]] core::Status broken() const;
  /// It was written down that this file is needed, or is not any more; as often as the one, so
  /// often the other.
  void need() { ++needs_; }
  void release() { --needs_; }

 private:
  const std::string path_;
  const std::uint64_t number_;
  const std::shared_ptr<StagedFile> content_;
  std::atomic<int> needs_ = 0;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::optional<core::Error> broken_ GUARDED_BY(mutex_);
};

/// The folder of these files. Lies on the file system of the staging area.
/// Threads: any.
class KeptFiles {
 public:
  /// Makes it where it is missing.
  /// Errors: os_error's; Unsupported: this file system cannot give a name to a file without one.
  static core::Result<std::unique_ptr<KeptFiles>> open(const std::string& directory,
                                                       StagingArea& area);

  /// Gives `content` the name `number`, which no file has.
  core::Result<std::shared_ptr<KeptFile>> name(const std::shared_ptr<StagedFile>& content,
                                               std::uint64_t number);
  /// All names are safe upon return. After the content's sync() that costs little: where both are
  /// in one journal of the file system, that has been written.
  core::Status sync_names();
  struct Reopened {
    std::shared_ptr<StagedFile> content;
    std::shared_ptr<KeptFile> name;  ///< needed once
  };
  /// What an earlier process kept, `size` bytes at most: what is beyond was written after the last
  /// promise. Errors: NotFound, Io.
  core::Result<Reopened> reopen(std::uint64_t number, std::uint64_t size);
  /// Removes what nobody has written down: content that nobody was promised.
  void remove_all_but(const std::set<std::uint64_t>& numbers);
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  KeptFiles(std::string directory, core::UniqueFd folder, StagingArea& area)
      : directory_(std::move(directory)), folder_(std::move(folder)), area_(area) {}
  [[nodiscard]] std::string path_of(std::uint64_t number) const;

  const std::string directory_;
  const core::UniqueFd folder_;
  StagingArea& area_;
};

}  // namespace transfer
