#pragma once
// What every connection of one emulator shares.
#include <atomic>
#include <cstdint>

#include "core/clock.h"
#include "emulator/authority.h"
#include "emulator/faults.h"
#include "emulator/service.h"
#include "emulator/stats.h"
#include "emulator/storage.h"

namespace emulator {

/// The network that we pretend to be behind.
struct Shape {
  std::atomic<std::int64_t> latency_ns{0};
  std::atomic<std::uint64_t> bytes_per_second{0};  ///< of each connection; 0: no limit
};

struct Shared {
  const core::Clock& clock;
  Storage& storage;
  Authority& authority;
  Service& service;
  Faults& faults;
  Stats& stats;
  Shape& shape;
};

}  // namespace emulator
