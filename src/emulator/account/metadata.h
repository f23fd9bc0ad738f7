#pragma once
// The metadata service of an instance that has a role, as ECS and as EC2 (IMDSv2) have it.
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/mutex.h"
#include "emulator/account/directory.h"
#include "emulator/account/key_ring.h"

namespace emulator {

/// Threads: any.
class MetadataService {
 public:
  /// `weak`: also answers without a session token, as instances do that are not hardened.
  MetadataService(const Directory& directory, const KeyRing& keys, const core::Clock& clock,
                  bool weak)
      : directory_(directory), keys_(keys), clock_(clock), weak_(weak) {}

  /// PUT /latest/api/token; GET /latest/meta-data/…, ECS's in any case of letters. The names of the
  /// headers tell the two clouds apart, and without any the path does.
  /// Source: ECS, "Instance metadata", security hardening mode; EC2, "Use IMDSv2".
  [[nodiscard]] Answer answer(const RawRequest& request);

 private:
  /// The credentials that are handed out at present.
  struct Held {
    std::optional<Issued> issued;
    core::WallTime issued_at;
    std::uint64_t generation = 0;
  };

  [[nodiscard]] Answer session_token(const RawRequest& request) const;
  [[nodiscard]] bool is_session_token(Dialect cloud, std::string_view token) const;
  [[nodiscard]] Answer item(Dialect cloud, std::string_view path);
  [[nodiscard]] Answer ecs_credentials();
  [[nodiscard]] Answer ec2_credentials();
  /// The instance's present credentials; replaced when half of their life is over or revoked.
  [[nodiscard]] Issued current(Dialect cloud, core::WallTime now);

  const Directory& directory_;
  const KeyRing& keys_;
  const core::Clock& clock_;
  const bool weak_;
  core::Mutex mutex_{core::LockRank::Leaf};
  Held ecs_ GUARDED_BY(mutex_);
  Held ec2_ GUARDED_BY(mutex_);
};

}  // namespace emulator
