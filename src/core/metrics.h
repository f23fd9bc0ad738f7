#pragma once
// Counters and gauges by name. Each room that counts declares its names in one metrics.h of its
// own; docs/metrics.md lists them all.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/mutex.h"

namespace core {

/// A number that others may read while it changes.
class Metric {
 public:
  void add(std::int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// All metrics of one mount. Threads: any; a reference stays good for the registry's life.
class Metrics {
 public:
  /// The metric of that name, made at its first mention.
  Metric& operator[](std::string_view name);
  [[nodiscard]] std::map<std::string, std::int64_t> values() const;

 private:
  mutable Mutex mutex_{LockRank::Leaf};
  std::map<std::string, std::unique_ptr<Metric>, std::less<>> metrics_ GUARDED_BY(mutex_);
};

}  // namespace core
