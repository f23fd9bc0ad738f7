#pragma once
// Repeating what is worth repeating. "Is this failure worth repeating?" is a function of the error;
// "is this request safe to repeat?" is the caller's to say.
#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "core/op_context.h"
#include "core/random.h"
#include "core/result.h"

namespace http {

struct RetryPolicy {
  int attempts = 10;  ///< the first one included
  core::Duration base = std::chrono::milliseconds{100};
  core::Duration cap = std::chrono::seconds{10};
  /// After how many attempts nonsense is believed (see is_nonsense).
  int doubted = 6;
};

/// Throttled, Unavailable, Timeout of one attempt, Corrupt on the way: another try may do.
bool worth_repeating(const core::Error& error);
/// What no sound service says: broken HTTP, a redirect, a page of somebody else's. It may pass like
/// a broken connection, or be the wrong address. What happened to the request nobody knows.
bool is_nonsense(const core::Error& error);
/// The attempt that meets `error` and is the last, counted from 1.
int last_attempt(const RetryPolicy& policy, const core::Error& error);
/// Full jitter: uniform in [0, min(cap, base * 2^attempt)), attempt counted from 0.
core::Duration backoff(const RetryPolicy& policy, int attempt, double draw);

/// Runs `attempt(int n)` until it succeeds, fails for good, runs out of attempts or of time.
/// Sleeps between, waking for `context.stop`. Returns the last failure.
/// `asked`, when given, is a pause that the last attempt may have stored because the service asked
/// for it (Retry-After): the sleep is at least that long. It is taken, and zero again afterwards.
template <class Attempt>
auto with_retries(const core::OpContext& context, const RetryPolicy& policy, core::Clock& clock,
                  core::Random& random, Attempt&& attempt, core::Duration* asked = nullptr)
    -> decltype(attempt(0)) {
  for (int n = 0;; ++n) {
    auto result = attempt(n);
    if (result || n + 1 >= last_attempt(policy, result.error()) || context.stopped()) {
      return result;
    }
    core::Duration pause = backoff(policy, n, random.unit());
    if (result.error().kind == core::ErrorKind::Timeout && !result.error().remote) {
      pause = std::min(pause, policy.base);  // the silence was pause enough
    }
    if (asked != nullptr) {
      pause = std::max(pause, std::exchange(*asked, core::Duration{0}));
    }
    const auto wake = clock.steady_now() + pause;
    if (wake >= context.deadline || !clock.sleep_until(wake, context.stop)) {
      return result;
    }
  }
}

}  // namespace http
