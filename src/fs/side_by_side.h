#pragma once
#include <memory>
#include <optional>
#include <utility>

#include "core/mutex.h"
#include "core/thread_pool.h"

namespace fs {

/// Runs `here` in this thread and `there` on the pool at the same time; both results.
template <class Here, class There>
auto side_by_side(core::ThreadPool& pool, Here here, There there) {
  using Other = decltype(there());
  struct Shared {
    core::Mutex mutex{core::LockRank::Leaf};
    core::CondVar changed;
    std::optional<Other> result GUARDED_BY(mutex);
  };
  const auto shared = std::make_shared<Shared>();
  pool.post([shared, work = std::move(there)] {
    Other result = work();
    const core::MutexLock lock(shared->mutex);
    shared->result.emplace(std::move(result));
    shared->changed.notify_all();
  });
  auto first = here();
  const core::MutexLock lock(shared->mutex);
  while (!shared->result) {
    shared->changed.wait(shared->mutex);
  }
  return std::pair(std::move(first), *std::move(shared->result));
}

}  // namespace fs
