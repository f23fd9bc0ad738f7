#pragma once
#include <memory>
#include <utility>

#include "core/mutex.h"

namespace core {

/// A published immutable value: readers take a reference, writers replace the whole.
/// (std::atomic<std::shared_ptr> of this standard library trips ThreadSanitizer.)
template <class T>
class Snapshot {
 public:
  Snapshot() = default;
  explicit Snapshot(std::shared_ptr<const T> value) : value_(std::move(value)) {}
  [[nodiscard]] std::shared_ptr<const T> load() const {
    const MutexLock lock(mutex_);
    return value_;
  }
  void store(std::shared_ptr<const T> value) {
    const MutexLock lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable Mutex mutex_{LockRank::Leaf};
  std::shared_ptr<const T> value_ GUARDED_BY(mutex_);
};

}  // namespace core
