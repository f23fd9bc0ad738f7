#include "core/task_group.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "core/mutex.h"

namespace core {

/// What a group has in common with its turns on the pool, which may come after the group's end.
class TaskGroup::Crew : public std::enable_shared_from_this<Crew> {
 public:
  Crew(Post post, OpContext context, std::size_t width)
      : post_(std::move(post)),
        width_(std::max<std::size_t>(1, width)),
        context_(std::move(context)) {
    context_.stop = stop_.get_token();
  }

  void start(Task task) {
    {
      const MutexLock lock(mutex_);
      if (stop_.stop_requested() && !failure_) {
        failure_ = fail(ErrorKind::Cancelled, "stopped");
      }
      if (failure_) {
        return;
      }
      queue_.push_back(std::move(task));
      if (turns_ == width_) {
        return;
      }
      ++turns_;
    }
    post_turn();
  }

  Status wait(bool helping) {
    for (;;) {
      Task mine;
      {
        const MutexLock lock(mutex_);
        while (!(helping && may_run()) && (running_ > 0 || !queue_.empty())) {
          changed_.wait(mutex_);
        }
        if (queue_.empty()) {
          return failure_ ? Status(*failure_) : Status();
        }
        mine = take();
      }
      run(std::move(mine));
    }
  }

  /// Stops what runs and drops what has not begun, which is a failure of its own.
  void cancel(const char* why) {
    std::deque<Task> dropped;  // destroyed without the lock: tasks own things
    {
      const MutexLock lock(mutex_);
      if (!failure_ && !queue_.empty()) {
        failure_ = fail(ErrorKind::Cancelled, why);
      }
      dropped.swap(queue_);
      changed_.notify_all();
    }
    stop_.request_stop();
  }

 private:
  /// The right to run one task on the pool; a pool that drops it ends the group.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<Crew> crew) : crew_(std::move(crew)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (!taken_) {
        crew_->cancel("shutting down");
      }
    }
    void come() {
      taken_ = true;
      crew_->come();
    }

   private:
    const std::shared_ptr<Crew> crew_;
    bool taken_ = false;
  };

  void post_turn() {
    post_([turn = std::make_shared<Turn>(shared_from_this())] { turn->come(); });
  }

  void come() {
    Task mine;
    {
      const MutexLock lock(mutex_);
      if (!may_run()) {
        --turns_;
        return;
      }
      mine = take();
    }
    run(std::move(mine));
    {
      const MutexLock lock(mutex_);
      if (queue_.empty()) {
        --turns_;
        return;
      }
    }
    post_turn();  // at the end of the pool's queue: others come before the next task
  }

  /// A thread that waits may have taken the last task, or the last of the width.
  [[nodiscard]] bool may_run() const REQUIRES(mutex_) {
    return !queue_.empty() && running_ < width_;
  }

  Task take() REQUIRES(mutex_) {
    Task task = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    return task;
  }

  void run(Task task) {
    Status status = task(context_);
    task = nullptr;  // what it owns ends before its group does
    if (!status) {
      {
        const MutexLock lock(mutex_);
        if (!failure_) {
          failure_ = std::move(status).error();
        }
      }
      cancel("stopped");
    }
    const MutexLock lock(mutex_);
    --running_;
    changed_.notify_all();
  }

  const Post post_;
  const std::size_t width_;
  std::stop_source stop_;
  OpContext context_;
  Mutex mutex_{LockRank::Leaf};
  CondVar changed_;
  std::deque<Task> queue_ GUARDED_BY(mutex_);
  std::size_t turns_ GUARDED_BY(mutex_) = 0;  ///< posted or under way
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> failure_ GUARDED_BY(mutex_);
};

TaskGroup::TaskGroup(Post post, const OpContext& context, std::size_t width)
    : crew_(std::make_shared<Crew>(std::move(post), context, width)),
      on_stop_(context.stop, [crew = crew_.get()] { crew->cancel("stopped"); }) {}

TaskGroup::TaskGroup(ThreadPool& pool, const OpContext& context, std::size_t width)
    : TaskGroup([&pool](std::function<void()> turn) { pool.post(std::move(turn)); }, context,
                width) {
  pool_ = &pool;
}

TaskGroup::~TaskGroup() {
  crew_->cancel("stopped");
  (void)wait();
}

void TaskGroup::start(Task task) { crew_->start(std::move(task)); }

Status TaskGroup::wait() { return crew_->wait(pool_ != nullptr && pool_->owns_this_thread()); }

}  // namespace core
