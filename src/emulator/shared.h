#pragma once
// What every connection of one emulator shares.
#include <atomic>
#include <cstdint>

#include "core/clock.h"
#include "emulator/account/authority.h"
#include "emulator/objects/storage.h"
#include "emulator/service/service.h"
#include "emulator/stats.h"
#include "emulator/wire/faults.h"

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
