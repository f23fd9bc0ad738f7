#include "cred/planner.h"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using cred::Freshness;
using cred::Lease;
using cred::Renewal;

constexpr core::SteadyTime kIssued = core::SteadyTime{} + 1h;

Lease lease_of(core::Duration lifetime) {
  Lease lease;
  lease.issued = kIssued;
  lease.expires = kIssued + lifetime;
  return lease;
}
const Lease kHour = lease_of(1h);
Renewal since(core::SteadyTime when, int failures = 0) {
  Renewal renewal;
  renewal.since = when;
  renewal.failures = failures;
  return renewal;
}
Lease long_lived() {
  Lease lease;
  lease.issued = kIssued;
  return lease;
}

struct Case {
  const char* name;
  core::Duration age;
  Freshness want;
};
std::ostream& operator<<(std::ostream& out, const Case& row) { return out << row.name; }

class FreshnessAt : public ::testing::TestWithParam<Case> {};
TEST_P(FreshnessAt, FollowsTheWindows) {
  EXPECT_EQ(cred::freshness(kHour, kIssued + GetParam().age), GetParam().want);
  EXPECT_EQ(cred::freshness(long_lived(), kIssued + GetParam().age), Freshness::Fresh);
  // A token of six seconds has the same windows, six hundred times smaller.
  EXPECT_EQ(cred::freshness(lease_of(6s), kIssued + GetParam().age / 600), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(OneHourLease, FreshnessAt,
                         ::testing::Values(Case{"JustIssued", 0s, Freshness::Fresh},
                                           Case{"LastFreshSecond", 2699s, Freshness::Fresh},
                                           Case{"AdvisoryOpens", 2700s, Freshness::Advisory},
                                           Case{"LastAdvisorySecond", 3239s, Freshness::Advisory},
                                           Case{"MandatoryOpens", 3240s, Freshness::Mandatory},
                                           Case{"LastSecond", 3599s, Freshness::Mandatory},
                                           Case{"Expired", 3600s, Freshness::Expired}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(LastUse, LeavesAMarginInProportion) {
  EXPECT_EQ(cred::last_use(kHour), kIssued + 3599s);
  EXPECT_EQ(cred::last_use(lease_of(6s)), kIssued + 5880ms);
  EXPECT_EQ(cred::last_use(long_lived()), core::SteadyTime::max());
}

TEST(Plan, FetchesAtOnceWithoutALease) { EXPECT_EQ(cred::plan(nullptr, since(kIssued)), kIssued); }

TEST(Plan, LeavesALongLivedKeyAloneUntilItIsRefused) {
  const Lease lease = long_lived();
  Renewal renewal = since(kIssued);
  EXPECT_EQ(cred::plan(&lease, renewal), core::SteadyTime::max());
  renewal.refused = true;
  EXPECT_EQ(cred::plan(&lease, renewal), kIssued);
}

struct Renewed {
  const char* name;
  core::Duration lifetime;
  core::Duration earliest;
  core::Duration latest;
};
std::ostream& operator<<(std::ostream& out, const Renewed& row) { return out << row.name; }
class RenewalOf : public ::testing::TestWithParam<Renewed> {};
TEST_P(RenewalOf, IsSpreadFromThreeQuartersOn) {
  const Lease lease = lease_of(GetParam().lifetime);
  Renewal renewal = since(kIssued);
  EXPECT_EQ(cred::plan(&lease, renewal), kIssued + GetParam().earliest);
  renewal.draw = 0.999'999'9;
  const auto latest = cred::plan(&lease, renewal) - kIssued;
  EXPECT_LE(latest, GetParam().latest);
  EXPECT_GT(latest, GetParam().latest - 1ms);
}
INSTANTIATE_TEST_SUITE_P(Lifetimes, RenewalOf,
                         ::testing::Values(Renewed{"SixSeconds", 6s, 4500ms, 4800ms},
                                           Renewed{"FifteenMinutes", 900s, 675s, 720s},
                                           Renewed{"OneHour", 1h, 45min, 48min},
                                           Renewed{"TwelveHours", 12h, 9h, 9h + 36min}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(RenewalOf, OfALeaseFetchedInStepIsSpreadOverMostOfItsLife) {
  const Lease lease = lease_of(GetParam().lifetime);
  Renewal renewal = since(kIssued);
  renewal.in_step = true;
  const auto early = cred::plan(&lease, renewal) - kIssued;
  // No fleet lives on tokens of a few seconds.
  EXPECT_EQ(early, GetParam().lifetime < 10min ? GetParam().earliest : GetParam().lifetime / 10);
  renewal.draw = 0.999'999'9;
  EXPECT_LE(cred::plan(&lease, renewal) - kIssued, GetParam().latest);
}

TEST(Step, IsSharedAtTheStartAfterAnOutageAndAfterARefusal) {
  const auto after = [](int failures, bool refused, bool first) {
    Renewal before = since(kIssued, failures);
    before.refused = refused;
    return cred::succeeded(before, first, kIssued + 1s, 0.5);
  };
  EXPECT_TRUE(after(0, false, true).in_step);
  EXPECT_TRUE(after(3, false, false).in_step);
  EXPECT_TRUE(after(0, true, false).in_step);
  const Renewal alone = after(2, false, false);
  EXPECT_FALSE(alone.in_step);
  EXPECT_EQ(alone.failures, 0);
  EXPECT_EQ(alone.since, kIssued + 1s);
  const Renewal failed = cred::failed(since(kIssued, 2), 7s, kIssued + 1s, 0.5);
  EXPECT_EQ(failed.failures, 3);
  EXPECT_EQ(failed.retry_after, 7s);
  EXPECT_FALSE(cred::failed(failed, std::nullopt, kIssued + 2s, 0.5).retry_after);
}

struct Backoff {
  const char* name;
  core::Duration lifetime;
  core::Duration at;  ///< age of the lease when the fetch failed
  int failures;
  bool waiting;
  core::Duration longest;  ///< the upper end of the jitter
};
std::ostream& operator<<(std::ostream& out, const Backoff& row) { return out << row.name; }
class BackoffOf : public ::testing::TestWithParam<Backoff> {};
TEST_P(BackoffOf, HasFullJitterBelowItsBound) {
  const Backoff& row = GetParam();
  const Lease lease = lease_of(row.lifetime);
  Renewal renewal = since(kIssued + row.at, row.failures);
  renewal.waiting = row.waiting;
  const auto pause = [&](double draw) {
    renewal.draw = draw;
    return cred::plan(&lease, renewal) - renewal.since;
  };
  EXPECT_LE(pause(0), 20ms);
  EXPECT_LE(pause(0.999'999'9), row.longest);
  EXPECT_GT(pause(0.999'999'9), row.longest - 1ms);
}
INSTANTIATE_TEST_SUITE_P(
    Failures, BackoffOf,
    ::testing::Values(Backoff{"FirstFailure", 1h, 45min, 1, false, 1s},
                      Backoff{"Doubles", 1h, 45min, 4, false, 8s},
                      Backoff{"AtMostAMinute", 1h, 45min, 40, false, 60s},
                      Backoff{"TwoSecondsWhileARequestWaits", 1h, 45min, 40, true, 2s},
                      Backoff{"TwoSecondsInTheLastTenth", 1h, 55min, 40, false, 2s},
                      Backoff{"WaitsIntoTheLastTenthOnlyForASecondOrTwo", 1h, 54min - 1s, 40, false,
                              3s},
                      Backoff{"AMinuteAfterTheEnd", 1h, 61min, 40, false, 60s},
                      Backoff{"ShortLeaseBeginsShort", 6s, 4500ms, 1, false, 150ms},
                      Backoff{"ShortLeaseStaysShort", 6s, 4500ms, 40, false, 300ms},
                      Backoff{"ShortLeaseAfterItsEnd", 6s, 7s, 40, true, 2s}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Plan, HonoursRetryAfterEvenWhileARequestWaits) {
  Renewal renewal = since(kIssued + 45min, 1);
  renewal.retry_after = 30s;
  renewal.waiting = true;
  EXPECT_EQ(cred::plan(&kHour, renewal), renewal.since + 30s);
  renewal.retry_after = 24h;  // nonsense is not
  EXPECT_EQ(cred::plan(&kHour, renewal), renewal.since + 5min);
}

TEST(Plan, SpreadsWhoWasToldTheSameMoment) {
  Renewal renewal = since(kIssued + 45min, 1);
  renewal.retry_after = 40s;
  renewal.draw = 0.5;
  EXPECT_EQ(cred::plan(&kHour, renewal), renewal.since + 50s);
  renewal.since = kIssued + 59min;  // 59 s are left: not all of them are given away
  renewal.draw = 0.999'999'9;
  EXPECT_LT(cred::plan(&kHour, renewal), cred::last_use(kHour));
}

TEST(Plan, ASuccessorIsDueBeforeTheEnd) {
  EXPECT_EQ(cred::successor_due(kHour), kIssued + 55min);
  EXPECT_EQ(cred::successor_due(lease_of(6h)), kIssued + 6h - 5min);
  EXPECT_EQ(cred::successor_due(lease_of(900s)), kIssued + 810s);
  EXPECT_EQ(cred::successor_due(long_lived()), core::SteadyTime::max());
}

TEST(Plan, AsksAgainForWhatIsStillTheSameAndTakesItForNoOutage) {
  Renewal renewal = since(kIssued + 45min);
  for (int i = 0; i < 10; ++i) {
    renewal = cred::still_the_same(renewal, renewal.since, 0.5);
    renewal.since = cred::plan(&kHour, renewal);
  }
  EXPECT_EQ(cred::plan(&kHour, renewal), renewal.since + 30s);
  EXPECT_FALSE(cred::succeeded(renewal, false, renewal.since, 0.5).in_step);
}

TEST(Plan, TreatsARefusedLeaseAsExpired) {
  Renewal renewal = since(kIssued + 1min);
  renewal.refused = true;
  EXPECT_EQ(cred::plan(&kHour, renewal), renewal.since);
  renewal.failures = 40;
  renewal.waiting = true;
  renewal.draw = 0.5;
  EXPECT_EQ(cred::plan(&kHour, renewal), renewal.since + 1s);
}

// Half of all fetches fail: a token of six seconds must nearly never run dry.
TEST(Plan, FitsManyAttemptsIntoTheLastQuarterOfAShortLease) {
  const Lease lease = lease_of(6s);
  Renewal renewal = since(kIssued);
  renewal.draw = 0.5;
  int attempts = 0;
  for (auto at = cred::plan(&lease, renewal); at < cred::last_use(lease);
       at = cred::plan(&lease, renewal)) {
    ASSERT_GT(at, renewal.since);
    ++attempts;
    renewal.since = at;
    ++renewal.failures;
  }
  EXPECT_GE(attempts, 8);
}

}  // namespace
