#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

#include "core/op_context.h"
#include "core/result.h"
#include "core/thread_pool.h"

namespace core {

/// Tasks side by side, of which the first failure stops the rest. No task outlives its group, so
/// that a task may refer to what its caller owns; results go to places of their own:
///
///     std::vector<Receipt> receipts(parts.size());
///     TaskGroup group(pool, context, kAtOnce);
///     for (std::size_t i = 0; i < parts.size(); ++i) {
///       group.start([&, i](const OpContext& own) { return send(own, parts[i], receipts[i]); });
///     }
///     TRY(group.wait());
///
/// Groups on one pool take turns, task by task, and never hold more of its threads than it has. A
/// task may wait for a group on its own pool: where the pool has no thread to spare, the thread
/// that waits does the work. Pools whose tasks wait for each other in a circle stay forbidden.
/// Threads: a group belongs to one thread, but for start(); its tasks run on any of the pool's.
class TaskGroup {
 public:
  using Task = std::function<Status(const OpContext&)>;
  /// Runs what it is given, later, in another thread, or drops it unrun.
  using Post = std::function<void(std::function<void()>)>;

  /// At most `width` tasks run at once. Each gets `context`, stopped by a failure as well.
  TaskGroup(ThreadPool& pool, const OpContext& context, std::size_t width);
  /// On something else than a pool. What it drops counts as a failure: Cancelled.
  TaskGroup(Post post, const OpContext& context, std::size_t width);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  /// Stops what wait() was not called for, and waits for it.
  ~TaskGroup();

  /// After a failure or a stop, the task is dropped.
  void start(Task task);
  /// Returns when no task runs and none is left to run.
  ///
  /// Errors:  of the task that failed first in time, which is the one that stopped the others;
  ///          Cancelled: `context` was stopped, and tasks were dropped.
  /// Threads: blocks as long as a task that runs does; tasks see the stop and the deadline.
  [[nodiscard]] Status wait();

 private:
  class Crew;

  const std::shared_ptr<Crew> crew_;
  const std::stop_callback<std::function<void()>> on_stop_;  ///< of the caller
  const ThreadPool* pool_ = nullptr;                         ///< whose thread may have to help
};

}  // namespace core
