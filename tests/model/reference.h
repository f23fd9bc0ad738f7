#pragma once
// What a POSIX file system does, in memory, as simply as it can be said: names lead to inodes.
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/result.h"

namespace model_test {

/// How an operation ends; nothing: well.
using Outcome = std::optional<core::ErrorKind>;

struct Inode {
  bool directory = false;
  std::string content;
  /// What a crash may leave of a file: the content that was acknowledged, if any was, and each that
  /// it had since (their hashes).
  bool acknowledged = false;
  std::set<std::size_t> states;
  std::map<std::string, std::shared_ptr<Inode>> names;
};
using InodePtr = std::shared_ptr<Inode>;

class Reference {
 public:
  Reference() { root_->directory = true; }

  /// The inode at `path`, or why there is none.
  [[nodiscard]] InodePtr find(const std::string& path, Outcome* why = nullptr) const;
  /// Makes a file, or finds the one that is there.
  Outcome open(const std::string& path, bool exclusive, InodePtr& file);
  Outcome mkdir(const std::string& path);
  Outcome unlink(const std::string& path);
  Outcome rmdir(const std::string& path);
  Outcome rename(const std::string& from, const std::string& to, bool replace);

  /// Every path with its inode, the root left out.
  [[nodiscard]] std::map<std::string, InodePtr> walk() const;

 private:
  struct Place {
    InodePtr directory;
    std::string name;
    InodePtr there;  ///< what has the name now
  };
  Outcome place(const std::string& path, Place& place) const;

  InodePtr root_ = std::make_shared<Inode>();
};

}  // namespace model_test
