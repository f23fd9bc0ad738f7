#pragma once
// The metadata service of an ECS instance that has a role.
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/mutex.h"
#include "emulator/directory.h"
#include "emulator/key_ring.h"

namespace emulator {

/// Threads: any.
class MetadataService {
 public:
  /// `weak`: also answers without a session token, as instances do that are not hardened.
  MetadataService(const Directory& directory, const KeyRing& keys, const core::Clock& clock,
                  bool weak)
      : directory_(directory), keys_(keys), clock_(clock), weak_(weak) {}

  /// PUT /latest/api/token; GET /latest/meta-data/… in any case of letters.
  /// Source: ECS, "Instance metadata", security hardening mode.
  [[nodiscard]] Answer answer(const RawRequest& request);

 private:
  [[nodiscard]] Answer session_token(const RawRequest& request) const;
  [[nodiscard]] bool is_session_token(std::string_view token) const;
  [[nodiscard]] Answer credentials();
  /// The instance's present credentials; replaced when half of their life is over or revoked.
  [[nodiscard]] Issued current(core::WallTime now);

  const Directory& directory_;
  const KeyRing& keys_;
  const core::Clock& clock_;
  const bool weak_;
  core::Mutex mutex_{core::LockRank::Leaf};
  std::optional<Issued> issued_ GUARDED_BY(mutex_);
  core::WallTime issued_at_ GUARDED_BY(mutex_);
  std::uint64_t generation_ GUARDED_BY(mutex_) = 0;
};

}  // namespace emulator
