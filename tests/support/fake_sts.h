#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/random.h"
#include "cred/credential_source.h"

namespace test {

/// A token service on a fake clock, behind as many sources as a test wants. It issues
/// "STS.fake-N" with "canary-secret-N" and "canary-token-N", fails as it is told, and remembers.
/// Threads: any.
class FakeSts {
 public:
  /// `lifetime` of its leases; zero: it always gives the same long-lived key.
  FakeSts(core::Clock& clock, core::Duration lifetime);

  std::unique_ptr<cred::CredentialSource> source();

  /// The next fetches fail like this, in the order of the calls.
  void fail_next(cred::FetchFailure failure, int times = 1);
  /// Every fetch fails with this probability, transiently.
  void fail_randomly(double probability, std::uint64_t seed);
  /// Every fetch fails until further notice.
  void set_down(std::optional<cred::FetchFailure> failure);
  /// Fetches do not return until release(), or until their context is stopped.
  void hold();
  void release();
  /// Waits (in real time) until that many fetches have begun.
  void await_begun(int count);

  [[nodiscard]] int begun() const;
  [[nodiscard]] int issued() const;
  [[nodiscard]] int most_at_once() const;

  cred::Fetched fetch(const core::OpContext& context);

 private:
  core::Clock& clock_;
  const core::Duration lifetime_;
  mutable core::Mutex mutex_{core::LockRank::Pool};
  core::CondVar changed_;
  std::deque<cred::FetchFailure> scripted_ GUARDED_BY(mutex_);
  std::optional<cred::FetchFailure> down_ GUARDED_BY(mutex_);
  std::unique_ptr<core::Random> random_ GUARDED_BY(mutex_);
  double probability_ GUARDED_BY(mutex_) = 0;
  bool held_ GUARDED_BY(mutex_) = false;
  int begun_ GUARDED_BY(mutex_) = 0;
  int issued_ GUARDED_BY(mutex_) = 0;
  int under_way_ GUARDED_BY(mutex_) = 0;
  int most_at_once_ GUARDED_BY(mutex_) = 0;
};

/// Ways to fail.
cred::FetchFailure transient_failure(std::string message = "ServiceUnavailable");
cred::FetchFailure permanent_failure(std::string message = "NoPermission");

}  // namespace test
