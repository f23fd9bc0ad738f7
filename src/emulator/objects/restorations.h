#pragma once
// Objects of the archive classes that can be read for a while.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/mutex.h"
#include "emulator/objects/objects.h"

namespace emulator {

/// Kept in memory: a restart forgets what was restored. Threads: any.
class Restorations {
 public:
  /// What is known of one version's restoration.
  struct State {
    core::WallTime ready;    ///< until then it is under way
    core::WallTime expires;  ///< from then on it is as if never restored
    [[nodiscard]] bool ongoing(core::WallTime now) const { return now < ready; }
  };
  enum class Begun : std::uint8_t { New, UnderWay, Extended };

  explicit Restorations(const core::Clock& clock) : clock_(clock) {}

  /// Restores `version` for so many days; it takes a second, so that clients see it under way.
  Begun begin(std::string_view bucket, std::string_view key, const Version& version, unsigned days);
  /// Nothing unless it is under way or in force.
  [[nodiscard]] std::optional<State> find(std::string_view bucket, std::string_view key,
                                          const Version& version) const;
  /// Whether the bytes may be read: those of other classes always.
  [[nodiscard]] bool readable(std::string_view bucket, std::string_view key,
                              const Version& version) const;
  [[nodiscard]] core::WallTime now() const { return clock_.wall_now(); }

 private:
  static std::string name_of(std::string_view bucket, std::string_view key, const Version& version);

  const core::Clock& clock_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::map<std::string, State> states_ GUARDED_BY(mutex_);
};

/// Whether objects of that class must be restored before they can be read.
bool is_archived(const Version& version);

}  // namespace emulator
