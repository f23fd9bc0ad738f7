#include "http/retry.h"

namespace http {

bool worth_repeating(const core::Error& error) {
  switch (error.kind) {
    case core::ErrorKind::Throttled:
    case core::ErrorKind::Unavailable:
    case core::ErrorKind::Timeout:
    case core::ErrorKind::Corrupt:
      return true;
    default:
      return false;
  }
}

bool is_nonsense(const core::Error& error) {
  return error.kind == core::ErrorKind::Protocol && (!error.remote || error.remote->code.empty());
}

int last_attempt(const RetryPolicy& policy, const core::Error& error) {
  if (worth_repeating(error)) {
    return policy.attempts;
  }
  return is_nonsense(error) ? std::min(policy.doubted, policy.attempts) : 1;
}

core::Duration backoff(const RetryPolicy& policy, int attempt, double draw) {
  core::Duration limit = policy.base;
  for (int n = 0; n < attempt && limit < policy.cap; ++n) {
    limit *= 2;
  }
  limit = std::min(limit, policy.cap);
  return core::Duration{
      static_cast<core::Duration::rep>(static_cast<double>(limit.count()) * draw)};
}

}  // namespace http
