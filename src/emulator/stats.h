#pragma once
// What the emulator was asked for and what it answered.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/mutex.h"

namespace emulator {

struct OperationStats {
  std::uint64_t count = 0;   ///< requests, refused and faulted ones included
  std::uint64_t errors = 0;  ///< answers of 400 and above, and broken connections
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t max_in_flight = 0;
  std::map<std::string, std::uint64_t> codes;  ///< errors by service code
};

/// Threads: any.
class Stats {
 public:
  void started(std::string_view operation);
  /// `code` is that of the refusal; "(broken)" for a connection that broke.
  void failed(std::string_view operation, std::string_view code);
  void moved(std::string_view operation, std::uint64_t bytes_in, std::uint64_t bytes_out);
  void ended(std::string_view operation);
  /// Forgets the counts; requests under way stay under way.
  void reset();
  [[nodiscard]] std::map<std::string, OperationStats, std::less<>> values() const;

 private:
  OperationStats& at(std::string_view operation) REQUIRES(mutex_);
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::map<std::string, OperationStats, std::less<>> operations_ GUARDED_BY(mutex_);
};

/// One request as the statistics see it: under way until it ends.
class Flight {
 public:
  Flight(Stats& stats, std::string operation);
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  ~Flight();
  /// Counts once, whatever else goes wrong afterwards.
  void fail(std::string_view code);
  void moved(std::uint64_t bytes_in, std::uint64_t bytes_out) {
    stats_.moved(operation_, bytes_in, bytes_out);
  }

 private:
  Stats& stats_;
  const std::string operation_;
  bool failed_ = false;
};

}  // namespace emulator
