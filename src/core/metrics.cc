#include "core/metrics.h"

namespace core {

Metric& Metrics::operator[](std::string_view name) {
  const MutexLock lock(mutex_);
  auto found = metrics_.find(name);
  if (found == metrics_.end()) {
    found = metrics_.emplace(std::string(name), std::make_unique<Metric>()).first;
  }
  return *found->second;
}

std::map<std::string, std::int64_t> Metrics::values() const {
  const MutexLock lock(mutex_);
  std::map<std::string, std::int64_t> values;
  for (const auto& [name, metric] : metrics_) {
    values[name] = metric->value();
  }
  return values;
}

}  // namespace core
