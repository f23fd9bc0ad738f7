#pragma once
#include <array>
#include <cstddef>

#include "core/time.h"

namespace transfer {

/// When a range request that somebody waits for is so late that it is worth a second one, and how
/// many of those there may be. Pure: a function of what was sent and how soon it was answered.
///
/// Every twentieth request earns one second request, and a few are kept, so that a service that is
/// slow as a whole gets hardly more to do.
/// Threads: one at a time.
class HedgeRule {
 public:
  static constexpr std::size_t kRequestsForOne = 20;
  static constexpr std::size_t kMostKept = 4;  ///< a mount begins with them
  static constexpr core::Duration kLeast = std::chrono::milliseconds{200};
  /// Until enough requests were answered to know better.
  static constexpr core::Duration kUnknown = std::chrono::seconds{1};

  void sent();
  /// `first_byte`: from the request to the head of its answer; of one that was given up, so far.
  void answered(core::Duration first_byte);
  /// For how long no byte may come until a request counts as late.
  [[nodiscard]] core::Duration patience() const { return patience_; }
  /// Whether a second request may be sent for a late one; it then counts as sent.
  bool take();

 private:
  static constexpr std::size_t kRemembered = 128;
  static constexpr std::size_t kLookEvery = 16;  ///< answers, and as many to know anything

  std::array<core::Duration, kRemembered> first_bytes_{};
  std::size_t answers_ = 0;
  core::Duration patience_ = kUnknown;
  std::size_t earned_ = kMostKept * kRequestsForOne;  ///< in requests sent
};

}  // namespace transfer
