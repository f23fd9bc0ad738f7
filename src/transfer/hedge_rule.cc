#include "transfer/hedge_rule.h"

#include <algorithm>

namespace transfer {

void HedgeRule::sent() { earned_ = std::min(earned_ + 1, kMostKept * kRequestsForOne); }

void HedgeRule::answered(core::Duration first_byte) {
  first_bytes_[answers_++ % kRemembered] = first_byte;
  if (answers_ % kLookEvery != 0) {
    return;
  }
  auto sorted = first_bytes_;
  const std::size_t count = std::min(answers_, kRemembered);
  auto* const late = sorted.data() + count * 95 / 100;
  std::nth_element(sorted.data(), late, sorted.data() + count);
  patience_ = std::max(kLeast, 3 * *late);
}

bool HedgeRule::take() {
  if (earned_ < kRequestsForOne) {
    return false;
  }
  earned_ -= kRequestsForOne;
  return true;
}

}  // namespace transfer
