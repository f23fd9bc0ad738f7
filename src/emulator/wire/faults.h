#pragma once
// Misbehaviour on request.
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "core/random.h"
#include "core/result.h"
#include "core/time.h"
#include "emulator/wire/key_pattern.h"

namespace emulator {

/// What shall go wrong with one request: all the rules that met it, added up.
struct Fault {
  std::optional<int> status;
  std::string code;
  core::Duration delay{};
  std::optional<std::uint64_t> reset;     ///< bytes of the body until the connection is reset
  std::optional<std::uint64_t> truncate;  ///< bytes of the answer's body until it is closed
  bool corrupt = false;
  bool lost_response = false;
  bool hang = false;
  bool hold = false;                ///< waits to be released before anything is looked at
  std::optional<std::string> body;  ///< answered in place of what was asked, with status 200
  core::Duration clock_offset{};
  std::optional<core::Duration> retry_after;
  [[nodiscard]] bool refuses() const { return status || !code.empty(); }
};

struct FaultRule {
  std::string operation;  ///< "*": any
  Fault fault;
  std::optional<KeyPattern> key;  ///< searched for in the key
  std::uint64_t skip = 0;         ///< how many that it fits it lets pass before it strikes
  double probability = 1;
  std::optional<std::uint64_t> count;  ///< how often it still strikes
};

/// Reads "status:503", "code:SecurityTokenExpired", "delay:2s", "reset:1000", "truncate:1000",
/// "corrupt", "lost-response", "hang", "hold", "body:TEXT", "clock-offset:20m". Errors:
/// InvalidArgument.
core::Result<Fault> parse_fault(std::string_view text);

/// Threads: any.
class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random_(seed) {}
  void add(FaultRule rule);
  void clear();
  /// What strikes this request; counts the rules that do.
  Fault strike(std::string_view operation, std::string_view key);

  /// Lets go of the requests that are held, and forgets the rules that held them.
  void release();
  /// A request is held for as long as this answers what it did at first.
  [[nodiscard]] std::uint64_t releases() const { return releases_; }
  void held(bool now) { now ? ++held_ : --held_; }
  [[nodiscard]] std::uint64_t held() const { return held_; }

 private:
  core::Random random_;
  std::atomic<bool> any_{false};
  std::atomic<std::uint64_t> releases_{0};
  std::atomic<std::uint64_t> held_{0};
  core::Mutex mutex_{core::LockRank::Pool};
  std::vector<FaultRule> rules_ GUARDED_BY(mutex_);
};

}  // namespace emulator
