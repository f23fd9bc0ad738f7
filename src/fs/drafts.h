#pragma once
// Who owns what programs have written: every staged file and its way to the bucket begin and end
// here, off the namespace lock, and what there is of them is counted as it changes.
#include <cstdint>
#include <memory>
#include <set>

#include "core/gate.h"
#include "core/thread_pool.h"
#include "fs/node.h"
#include "state/journal.h"
#include "transfer/uploads.h"

namespace fs {

class Drafts {
 public:
  /// All outlive it. `ahead`: content may go to the bucket while it is written.
  Drafts(transfer::StagingArea& area, transfer::Uploads& uploads, core::ThreadPool& pool,
         state::Journal* journal, bool ahead)
      : area_(area), uploads_(uploads), pool_(pool), journal_(journal), ahead_(ahead) {}
  Drafts(const Drafts&) = delete;
  Drafts& operator=(const Drafts&) = delete;
  /// Waits until what was sent of unpublished content is thrown away.
  ~Drafts();

  /// An empty staged file that is nobody's yet. On disk: not under Mount::mutex. Errors: NoSpace,
  /// Io.
  core::Result<std::shared_ptr<transfer::LayeredFile>> create();
  /// Whether `bytes` more may be staged now.
  [[nodiscard]] bool has_room(std::uint64_t bytes) const {
    return area_.used_bytes() + bytes <= area_.limit_bytes();
  }

  // All below under Mount::mutex.

  /// DraftEvent::Staged, with the file.
  void begin(const NodePtr& node, std::shared_ptr<transfer::LayeredFile> content);
  /// Any other event. A staged file that ends is closed on the pool, for that may take long.
  void apply(const NodePtr& node, DraftEvent event);
  /// The staged file is empty, whatever was in it.
  void emptied(const NodePtr& node);
  /// DraftEvent::Publish, at that time.
  void publish(const NodePtr& node, core::WallTime now);
  /// DraftEvent::Failed, with why.
  void fail(const NodePtr& node, core::Error error);
  /// The same of what an earlier daemon kept: nothing of it is in the bucket.
  void adopt(const NodePtr& node, std::shared_ptr<transfer::LayeredFile> content);
  /// A try to publish it failed, and may have made that all the same.
  void sent(const NodePtr& node, store::ObjectMeta meta);
  /// Something was written through a staged file: takes note of its length and time.
  void wrote(const NodePtr& node);
  /// The content has a name on this host.
  void named(const NodePtr& node, std::shared_ptr<transfer::KeptFile> kept);
  /// It is safe there, and the journal has it under that number, and nothing else of the file;
  /// `inside`: the content too.
  void made_safe(const NodePtr& node, std::uint64_t number, bool inside);
  /// Gives a claimed node other content, which the bucket has nothing of. What was promised stays
  /// as it is.
  void replace(const NodePtr& node, std::shared_ptr<transfer::LayeredFile> content);
  /// It is another thing than the journal says.
  void outdated(const NodePtr& node) { node->draft.safe_ = false; }

  /// Nodes with unpublished content.
  [[nodiscard]] const std::set<NodePtr>& unpublished() const { return unpublished_; }
  struct Totals {
    std::uint64_t bytes = 0;  ///< unpublished
    std::uint64_t publishing = 0;
    std::uint64_t failed = 0;
  };
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  void count(const Draft& draft, std::uint64_t sign);
  /// Begins the way of content that is all published, or empty.
  void set_out(Draft& draft);
  /// The bucket has it, or nobody wants it any more.
  void strike(Draft& draft, state::Journal::When when);
  /// Ends what it is given in another thread: that may take long.
  template <class Ended>
  void end(Ended ended);

  transfer::StagingArea& area_;
  transfer::Uploads& uploads_;
  core::ThreadPool& pool_;
  state::Journal* const journal_;
  const bool ahead_;
  core::Gate ending_;
  std::set<NodePtr> unpublished_;
  Totals totals_;
};

}  // namespace fs
