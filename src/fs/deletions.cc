#include "fs/deletions.h"

#include <algorithm>
#include <utility>

#include "core/format.h"

namespace fs {
namespace {

// More than this is not promised before some of it has come true: a crash brings back what was not
// sent.
constexpr std::size_t kMostPending = 4'000;
// A request that takes longer than this says that the service is in no state to be trusted with
// more.
constexpr core::Duration kQuick = std::chrono::seconds{1};
// How long one request is tried before the names come back.
constexpr core::Duration kPatience = std::chrono::seconds{60};
constexpr std::size_t kMostRuns = 4;
constexpr std::size_t kMostFailures = 10'000;

}  // namespace

Deletions::~Deletions() {
  stop_.request_stop();
  gate_.close();
}

bool Deletions::may_follow(pid_t caller) const {
  const core::SteadyTime now = mount_.now();
  return bursts_.is_in_one(caller, now) && mount_.leaving.size() < kMostPending &&
         (sent_.empty() || now - *sent_.begin() <= kQuick);
}

void Deletions::add(Deletion deletion) {
  mount_.leaving.emplace(deletion.directory->number, deletion.name);
  bursts_.removed(deletion.caller, mount_.now());
  queue_.push_back(std::move(deletion));
  if (runs_ == 0) {
    start();
  }
}

void Deletions::start() {
  if (auto pass = gate_.enter()) {
    ++runs_;
    mount_.parts.pool.post(
        [this, inside = std::make_shared<core::Gate::Pass>(*std::move(pass))] { run(); });
  }
}

void Deletions::hurry() {
  if (!queue_.empty() && runs_ < kMostRuns) {
    start();
  }
}

void Deletions::waited_for(pid_t caller, bool removed) {
  const core::MutexLock lock(mount_.mutex);
  removed ? bursts_.removed(caller, mount_.now()) : bursts_.failed(caller);
}

void Deletions::run() {
  for (;;) {
    std::vector<Deletion> batch;
    const core::SteadyTime now = mount_.now();
    {
      const core::MutexLock lock(mount_.mutex);
      if (queue_.empty()) {
        --runs_;
        mount_.changed.notify_all();
        return;
      }
      batch = std::exchange(queue_, {});
      sent_.insert(now);
    }
    const core::Status done = send(batch);
    {
      const core::MutexLock lock(mount_.mutex);
      sent_.erase(sent_.find(now));
    }
    finish(std::move(batch), done);
  }
}

core::Status Deletions::send(const std::vector<Deletion>& batch) {
  core::OpContext context;
  context.deadline = mount_.now() + kPatience;
  context.stop = stop_.get_token();
  std::vector<model::ObjectKey> keys;
  keys.reserve(batch.size());
  for (const Deletion& deletion : batch) {
    keys.push_back(deletion.key);
  }
  mount_.counters.deletion_batches.add();
  return mount_.parts.store.remove_many(context, keys);
}

void Deletions::finish(std::vector<Deletion> batch, const core::Status& done) {
  if (done) {
    mount_.counters.deleted_behind.add(static_cast<std::int64_t>(batch.size()));
  } else {
    mount_.counters.deletion_failures.add(static_cast<std::int64_t>(batch.size()));
    mount_.report(
        "delete",
        core::format("{} and what followed it, {} in all", batch.front().key.text(), batch.size()),
        done.error());
  }
  for (const Deletion& deletion : batch) {
    if (deletion.key.text().ends_with('/')) {
      mount_.names.changed_tree(deletion.key.text());
      mount_.learnt.changed_tree(deletion.key.text());
    }
  }
  {
    const core::MutexLock lock(mount_.mutex);
    for (const Deletion& deletion : batch) {
      // Answers that were asked for before may show what is no more.
      mount_.name_changed(*deletion.directory, deletion.name, deletion.component);
      const auto key = mount_.key(*deletion.directory);
      if (done && key) {
        mount_.names.add_absent(*key, deletion.name, mount_.names.ticket());
      }
      mount_.leaving.erase({deletion.directory->number, deletion.name});
    }
    if (!done) {
      fail(batch, done.error());
    }
  }
  batch.clear();  // the claims end, which wakes who waits
}

void Deletions::fail(const std::vector<Deletion>& batch, const core::Error& error) {
  for (const Deletion& deletion : batch) {
    bursts_.failed(deletion.caller);
    if (failures_.size() < kMostFailures) {
      failures_.insert_or_assign(deletion.directory->number, error);
    }
  }
}

core::Status Deletions::settle(const core::OpContext& context, const NodePtr& directory) {
  const Waker waker(mount_, context);
  const core::MutexLock lock(mount_.mutex);
  hurry();
  const std::pair<InodeNumber, std::string> first{directory->number, std::string()};
  for (;;) {
    const auto at = mount_.leaving.lower_bound(first);
    if (at == mount_.leaving.end() || at->first != directory->number) {
      return take_failure(*directory);
    }
    TRY(mount_.wait(context));
  }
}

core::Status Deletions::take_failure(const Node& directory) {
  auto taken = failures_.extract(directory.number);
  if (taken.empty()) {
    return {};
  }
  return std::move(taken.mapped()).within("names removed from " + path_of(directory) + " are back");
}

core::Status Deletions::flush(const core::OpContext& context) {
  const Waker waker(mount_, context);
  const core::MutexLock lock(mount_.mutex);
  hurry();
  while (runs_ > 0) {
    TRY(mount_.wait(context));
  }
  return {};
}

}  // namespace fs
