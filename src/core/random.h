#pragma once
#include <cstdint>
#include <random>
#include <string>

#include "core/mutex.h"

namespace core {

/// Chance, seeded: the same seed gives the same draws. Not for keys or nonces that must not be
/// guessed; use random_hex for those.
/// Threads: any.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// Uniform in [0, 1).
  double unit() {
    const MutexLock lock(mutex_);
    return std::uniform_real_distribution<double>{0.0, 1.0}(engine_);
  }
  /// Uniform in [0, limit).
  std::uint64_t below(std::uint64_t limit) {
    const MutexLock lock(mutex_);
    return std::uniform_int_distribution<std::uint64_t>{0, limit - 1}(engine_);
  }

 private:
  Mutex mutex_{LockRank::Leaf};
  std::mt19937_64 engine_ GUARDED_BY(mutex_);
};

/// `bytes` unguessable bytes as lower-case hex.
std::string random_hex(std::size_t bytes);
/// A seed from the operating system.
std::uint64_t random_seed();

}  // namespace core
