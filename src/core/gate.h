#pragma once
#include <optional>
#include <utility>

#include "core/mutex.h"

namespace core {

/// Counts work in flight; closing refuses newcomers and waits for the rest (Seastar's idea).
/// Threads: any.
class Gate {
 public:
  /// Held while the work lasts.
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(&gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() {
      if (gate_ != nullptr) {
        gate_->leave();
      }
    }

   private:
    Gate* gate_;
  };

  /// Nothing once the gate is closed.
  std::optional<Pass> enter() {
    const MutexLock lock(mutex_);
    if (closed_) {
      return std::nullopt;
    }
    ++inside_;
    return Pass(*this);
  }
  /// Refuses newcomers and returns when all have left.
  void close() {
    const MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) {
      changed_.wait(mutex_);
    }
  }
  [[nodiscard]] std::size_t inside() const {
    const MutexLock lock(mutex_);
    return inside_;
  }

 private:
  void leave() {
    const MutexLock lock(mutex_);
    --inside_;
    changed_.notify_all();
  }

  mutable Mutex mutex_{LockRank::Pool};
  CondVar changed_;
  std::size_t inside_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace core
