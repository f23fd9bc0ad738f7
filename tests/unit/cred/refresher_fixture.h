#pragma once
// A refresher in fake time, and a matcher of its failures.
#include <gmock/gmock.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "cred/refresher.h"
#include "support/fake_clock.h"
#include "support/fake_sts.h"

namespace test {

using namespace std::chrono_literals;
using Got = core::Result<std::shared_ptr<const cred::Held>>;

/// A refresher over a fake token service, in fake time.
class RefresherTest : public ::testing::Test {
 protected:
  void start(core::Duration lifetime = 1h, core::Duration wait = 30s) {
    sts_ = std::make_unique<FakeSts>(clock_, lifetime);
    options_.credential_wait = wait;
  }
  cred::Refresher& refresher() {
    if (!refresher_) {
      refresher_ = std::make_unique<cred::Refresher>(sts_->source(), service_clock_, options_);
    }
    return *refresher_;
  }
  Got get() { return refresher().get({}); }
  std::future<Got> get_async(const core::OpContext& context = {}) {
    refresher();
    return std::async(std::launch::async, [this, context] { return refresher_->get(context); });
  }
  /// What a request gets that will not wait.
  Got probe() {
    core::OpContext context;
    context.deadline = clock_.steady_now();
    return refresher().get(context);
  }
  /// Lets time pass while both the refresher and the request wait.
  Got finish(std::future<Got> request) {
    const auto ready = [&] { return request.wait_for(0s) == std::future_status::ready; };
    for (;;) {
      clock_.rouse();  // both have seen what the other did before time moves on
      while (clock_.sleepers() < 2 && !ready()) {
        std::this_thread::yield();
      }
      if (ready()) {
        return request.get();
      }
      const auto next = clock_.next_deadline().value_or(clock_.steady_now()) - clock_.steady_now();
      clock_.advance(std::min<core::Duration>(next, 100ms));
    }
  }
  std::string id() {
    const Got got = get();
    return got ? (*got)->lease.credentials.access_key_id : core::describe(got.error());
  }
  std::future<Got> mount_async(core::SteadyTime deadline) {
    core::OpContext context;
    context.deadline = deadline;
    refresher();
    return std::async(std::launch::async, [this, context] { return refresher_->first(context); });
  }
  /// Moves time to the next planned step, `limit` at most; false when nothing is planned before.
  bool step(core::SteadyTime limit) {
    clock_.await_sleepers(1);
    const auto next = clock_.next_deadline();
    if (!next || *next > limit) {
      clock_.advance(limit - clock_.steady_now());
      return false;
    }
    clock_.advance(*next - clock_.steady_now());
    return true;
  }
  /// Lets time pass, step by step.
  void pass(core::Duration time) {
    const auto limit = clock_.steady_now() + time;
    while (step(limit)) {
    }
    clock_.await_sleepers(1);
  }

  /// Waits for the second lease, since the first is renewed early to fall out of step with others.
  void settle() {
    ASSERT_TRUE(refresher().first({}));
    while (refresher().status().renewals < 2) {
      step(clock_.steady_now() + 1h);
      clock_.await_sleepers(1);
    }
  }

  FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  cred::RefresherOptions options_{30s, 7};
  std::unique_ptr<FakeSts> sts_;
  std::unique_ptr<cred::Refresher> refresher_;
};

MATCHER_P(Fails, kind, "") {
  if (!arg) {
    *result_listener << core::describe(arg.error());
  }
  return !arg && arg.error().kind == kind;
}

}  // namespace test
