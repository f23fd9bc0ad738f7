#pragma once
// What is safe on this host and goes to the bucket in time of its own.
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/mutex.h"
#include "fs/content.h"

namespace fs {

/// Uploads content in the background, a few files at once, each a moment after its last change and
/// again, later and later, where that failed. Gives way to whoever wants to work on a file that is
/// just uploaded. What is still waiting at the end of its life is uploaded by the next daemon.
/// Threads: any; add() may be called under Mount::mutex.
class Pending {
 public:
  Pending(Mount& mount, Content& content);
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending();

  /// The content of `node` is to go to the bucket.
  void add(const NodePtr& node);
  /// Makes nodes of what an earlier daemon could not upload, and uploads it. Before anybody else
  /// uses the mount.
  void take_over();

 private:
  struct Entry {
    core::SteadyTime due;
    unsigned tries = 0;
  };
  void run();
  void upload(const NodePtr& node, unsigned tries);
  /// Something that is due, if there is room for it; else when to look again.
  NodePtr next(unsigned& tries, core::SteadyTime& wake) REQUIRES(mutex_);
  void again(const NodePtr& node, unsigned tries);
  void insert(const NodePtr& node, Entry entry) REQUIRES(mutex_);
  void remove(const NodePtr& node) REQUIRES(mutex_);
  using Contents = std::map<std::uint64_t, std::shared_ptr<transfer::LayeredFile>>;
  struct Taken {
    std::shared_ptr<transfer::LayeredFile> content;
    std::shared_ptr<transfer::KeptFile> name;
  };
  /// `inside`: what the journal has, by number.
  core::Result<Taken> content_of(const state::KeptFile& file, Contents& inside);
  core::Status take_over(const state::KeptFile& file, Contents& inside);

  Mount& mount_;
  Content& content_;
  std::stop_source stop_;

  core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar changed_;
  std::map<NodePtr, Entry> waiting_ GUARDED_BY(mutex_);
  std::set<std::pair<core::SteadyTime, NodePtr>> due_ GUARDED_BY(mutex_);  ///< the same, by time
  unsigned running_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace fs
