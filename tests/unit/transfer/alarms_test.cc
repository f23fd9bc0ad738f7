#include "transfer/alarms.h"

#include <gmock/gmock.h>

#include <latch>

#include "support/fake_clock.h"

namespace {

using namespace std::chrono_literals;
using transfer::Alarms;

TEST(Alarms, RingAtTheirTimeAlsoAfterWhatWasCancelled) {
  test::FakeClock clock;
  Alarms alarms(clock);
  std::latch rung(1);
  const auto first = alarms.set(clock.steady_now() + 10s, [] { FAIL() << "was cancelled"; });
  clock.await_sleepers(1);
  alarms.cancel(first);
  // Later than what the thread sleeps for: it finds this one when it wakes for the other.
  alarms.set(clock.steady_now() + 20s, [&] { rung.count_down(); });
  clock.advance(10s);
  clock.await_sleepers(1);
  EXPECT_FALSE(rung.try_wait());
  clock.advance(10s);
  rung.wait();
}

TEST(Alarms, AnEarlierOneIsNotKeptWaiting) {
  test::FakeClock clock;
  Alarms alarms(clock);
  alarms.set(clock.steady_now() + 10s, [] { FAIL() << "comes later"; });
  clock.await_sleepers(1);
  std::latch rung(1);
  alarms.set(clock.steady_now(), [&] { rung.count_down(); });
  rung.wait();
}

}  // namespace
