#include "emulator/stats.h"

#include <algorithm>
#include <utility>

namespace emulator {

OperationStats& Stats::at(std::string_view operation) {
  const auto found = operations_.find(operation);
  return found != operations_.end() ? found->second : operations_[std::string(operation)];
}

void Stats::started(std::string_view operation) {
  const core::MutexLock lock(mutex_);
  OperationStats& stats = at(operation);
  ++stats.count;
  ++stats.in_flight;
  stats.max_in_flight = std::max(stats.max_in_flight, stats.in_flight);
}

void Stats::failed(std::string_view operation, std::string_view code) {
  const core::MutexLock lock(mutex_);
  OperationStats& stats = at(operation);
  ++stats.errors;
  ++stats.codes[std::string(code)];
}

void Stats::moved(std::string_view operation, std::uint64_t bytes_in, std::uint64_t bytes_out) {
  const core::MutexLock lock(mutex_);
  OperationStats& stats = at(operation);
  stats.bytes_in += bytes_in;
  stats.bytes_out += bytes_out;
}

void Stats::ended(std::string_view operation) {
  const core::MutexLock lock(mutex_);
  --at(operation).in_flight;
}

void Stats::reset() {
  const core::MutexLock lock(mutex_);
  for (auto& [name, stats] : operations_) {
    OperationStats fresh;
    fresh.in_flight = stats.in_flight;
    fresh.max_in_flight = stats.in_flight;
    stats = fresh;
  }
}

std::map<std::string, OperationStats, std::less<>> Stats::values() const {
  const core::MutexLock lock(mutex_);
  return operations_;
}

Flight::Flight(Stats& stats, std::string operation)
    : stats_(stats), operation_(std::move(operation)) {
  stats_.started(operation_);
}

Flight::~Flight() { stats_.ended(operation_); }

void Flight::fail(std::string_view code) {
  if (!failed_) {
    failed_ = true;
    stats_.failed(operation_, code);
  }
}

}  // namespace emulator
