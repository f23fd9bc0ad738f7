#include "support/fake_sts.h"

#include <algorithm>

namespace test {
namespace {

class FakeSource final : public cred::CredentialSource {
 public:
  explicit FakeSource(FakeSts& sts) : sts_(sts) {}
  cred::Fetched fetch(const core::OpContext& context) override { return sts_.fetch(context); }
  [[nodiscard]] std::string describe() const override { return "fake STS"; }

 private:
  FakeSts& sts_;
};

}  // namespace

FakeSts::FakeSts(core::Clock& clock, core::Duration lifetime)
    : clock_(clock), lifetime_(lifetime) {}

std::unique_ptr<cred::CredentialSource> FakeSts::source() {
  return std::make_unique<FakeSource>(*this);
}

void FakeSts::fail_next(cred::FetchFailure failure, int times) {
  const core::MutexLock lock(mutex_);
  scripted_.insert(scripted_.end(), static_cast<std::size_t>(times), failure);
}

void FakeSts::fail_randomly(double probability, std::uint64_t seed) {
  const core::MutexLock lock(mutex_);
  probability_ = probability;
  random_ = std::make_unique<core::Random>(seed);
}

void FakeSts::set_down(std::optional<cred::FetchFailure> failure) {
  const core::MutexLock lock(mutex_);
  down_ = std::move(failure);
}

void FakeSts::hold() {
  const core::MutexLock lock(mutex_);
  held_ = true;
}

void FakeSts::release() {
  const core::MutexLock lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

void FakeSts::await_begun(int count) {
  const core::MutexLock lock(mutex_);
  while (begun_ < count) {
    changed_.wait(mutex_);
  }
}

int FakeSts::begun() const {
  const core::MutexLock lock(mutex_);
  return begun_;
}

int FakeSts::issued() const {
  const core::MutexLock lock(mutex_);
  return issued_;
}

int FakeSts::most_at_once() const {
  const core::MutexLock lock(mutex_);
  return most_at_once_;
}

cred::Fetched FakeSts::fetch(const core::OpContext& context) {
  const core::SteadyTime now = clock_.steady_now();
  const std::stop_callback wake(context.stop, [this] {
    const core::MutexLock lock(mutex_);
    changed_.notify_all();
  });
  const core::MutexLock lock(mutex_);
  ++begun_;
  most_at_once_ = std::max(most_at_once_, ++under_way_);
  changed_.notify_all();
  while (held_ && !context.stopped()) {
    changed_.wait(mutex_);
  }
  --under_way_;
  if (context.stopped()) {
    return tl::unexpected(cred::FetchFailure{cred::FetchFailure::Class::Transient,
                                             core::fail(core::ErrorKind::Cancelled, "stopped"),
                                             std::nullopt});
  }
  if (!scripted_.empty()) {
    cred::FetchFailure failure = std::move(scripted_.front());
    scripted_.pop_front();
    return tl::unexpected(std::move(failure));
  }
  if (down_) {
    return tl::unexpected(*down_);
  }
  if (random_ && random_->unit() < probability_) {
    return tl::unexpected(transient_failure());
  }
  ++issued_;
  const bool long_lived = lifetime_ == core::Duration{0};
  const std::string number = std::to_string(long_lived ? 1 : issued_);
  cred::Lease lease;
  lease.credentials = {(long_lived ? "LTAI-fake-" : "STS.fake-") + number,
                       core::Secret("canary-secret-" + number),
                       core::Secret(long_lived ? "" : "canary-token-" + number)};
  lease.issued = now;
  if (!long_lived) {
    lease.expires = now + lifetime_;
  }
  return lease;
}

cred::FetchFailure transient_failure(std::string message) {
  return {cred::FetchFailure::Class::Transient,
          core::fail(core::ErrorKind::Unavailable, std::move(message)), std::nullopt};
}

cred::FetchFailure permanent_failure(std::string message) {
  return {cred::FetchFailure::Class::Permanent,
          core::fail(core::ErrorKind::Denied, std::move(message)), std::nullopt};
}

}  // namespace test
