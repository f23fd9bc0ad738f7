// Ten thousand mounts that start in the same minute, in virtual time: they never stampede STS.
//
// Each mount is what cred::Refresher is without its thread: it fetches when cred::plan says so, and
// cred::succeeded and cred::failed say what it knows afterwards. STS takes 6000 calls a minute and
// tells everybody else how much of the minute is left; while it is down a third of the calls is
// refused, a third times out, a third gets 503 with Retry-After.
// Source: STS API, "Limits".
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <queue>
#include <vector>

#include "core/random.h"
#include "cred/planner.h"

namespace {

using namespace std::chrono_literals;

constexpr core::SteadyTime kStart = core::SteadyTime{} + 1h;
constexpr core::Duration kBin = 10s;

/// "4.2"
double seconds(core::Duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Scene {
  std::size_t mounts = 10'000;
  core::Duration arrival = 1min;
  core::Duration length = 12h;
  core::Duration lifetime = 1h;
  core::Duration outage_at = 6h;
  core::Duration outage = 10min;
};

struct Outcome {
  std::uint64_t renewals = 0;
  double mean = 0;             ///< renewals a second, over all of the time
  double peak = 0;             ///< the most in ten seconds, outside the recovery, a second
  double start_peak = 0;       ///< calls a second while the fleet starts
  double recovery_peak = 0;    ///< calls a second after the outage
  core::Duration started{0};   ///< until every mount had credentials
  core::Duration recovery{0};  ///< from the end of the outage to the last renewal that it held up
  std::size_t held_up = 0;     ///< mounts whose renewal failed in the outage
  std::size_t lost = 0;        ///< times that a mount was without credentials once it had some
  core::Duration longest_loss{0};
  core::Duration last_loss_ended{0};  ///< after the end of the outage
};

class Fleet {
 public:
  Fleet(const Scene& scene, std::uint64_t seed)
      : scene_(scene),
        random_(seed),
        outage_(kStart + scene.outage_at),
        back_(outage_ + scene.outage),
        mounts_(scene.mounts),
        renewals_(bins()),
        calls_(bins()) {}

  Outcome run() {
    for (std::size_t i = 0; i < mounts_.size(); ++i) {
      mounts_[i].renewal.since =
          kStart + core::Duration{static_cast<core::Duration::rep>(
                       random_.unit() * static_cast<double>(scene_.arrival.count()))};
      schedule(i);
    }
    while (!due_.empty() && due_.top().first < kStart + scene_.length) {
      const auto [now, index] = due_.top();
      due_.pop();
      fetch(mounts_[index], now);
      schedule(index);
    }
    summarise();
    return outcome_;
  }

 private:
  struct Mount {
    std::optional<cred::Lease> lease;
    cred::Renewal renewal;
    bool held_up = false;
  };

  [[nodiscard]] std::size_t bins() const {
    return static_cast<std::size_t>((scene_.length + 1h) / kBin);
  }
  [[nodiscard]] static std::size_t bin(core::SteadyTime when) {
    return static_cast<std::size_t>((when - kStart) / kBin);
  }

  void schedule(std::size_t index) {
    const Mount& mount = mounts_[index];
    due_.emplace(cred::plan(mount.lease ? &*mount.lease : nullptr, mount.renewal), index);
  }

  void fetch(Mount& mount, core::SteadyTime now) {
    ++calls_[bin(now)];
    std::optional<core::Duration> retry_after;
    core::Duration took = 100ms;
    const bool down = now >= outage_ && now < back_;
    if (down) {
      const double kind = random_.unit();
      took = kind < 1. / 3 ? core::Duration{10s} : core::Duration{20ms};
      if (kind > 2. / 3) {
        retry_after = 30s;
      }
    } else {
      retry_after = throttled(now);
    }
    const core::SteadyTime then = now + took;
    const bool usable = mount.lease && then < cred::last_use(*mount.lease);
    if (down || retry_after) {
      mount.held_up = mount.held_up || (down && mount.lease);
      mount.renewal = cred::failed(mount.renewal, retry_after, then, random_.unit());
      mount.renewal.waiting = !usable;  // somebody always wants a file
      return;
    }
    settle(mount, now, then);
  }

  /// Nothing if the call is within the limit, else what is left of the minute.
  std::optional<core::Duration> throttled(core::SteadyTime now) {
    constexpr std::uint64_t kCallsAMinute = 6000;
    const auto minute = (now - kStart) / core::Duration{1min};
    if (minute != minute_) {
      minute_ = minute;
      granted_ = 0;
    }
    if (granted_ == kCallsAMinute) {
      return kStart + (minute + 1) * core::Duration{1min} - now;
    }
    ++granted_;
    return std::nullopt;
  }

  void settle(Mount& mount, core::SteadyTime sent, core::SteadyTime then) {
    if (!mount.lease) {
      outcome_.started = std::max(outcome_.started, then - kStart);
    } else {
      ++outcome_.renewals;
      ++renewals_[bin(then)];
      const core::SteadyTime end = cred::last_use(*mount.lease);
      if (then > end) {
        ++outcome_.lost;
        outcome_.longest_loss = std::max(outcome_.longest_loss, then - end);
        outcome_.last_loss_ended = std::max(outcome_.last_loss_ended, then - back_);
      }
      if (mount.held_up) {
        ++outcome_.held_up;
        outcome_.recovery = std::max(outcome_.recovery, then - back_);
        mount.held_up = false;
      }
    }
    mount.renewal = cred::succeeded(mount.renewal, !mount.lease, then, random_.unit());
    mount.lease = cred::Lease{{}, sent + scene_.lifetime, sent};
  }

  void summarise() {
    const double per_second = 1 / seconds(kBin);
    outcome_.mean = static_cast<double>(outcome_.renewals) / seconds(scene_.length);
    const std::size_t first = bin(outage_);
    const std::size_t last = bin(back_ + outcome_.recovery);
    for (std::size_t i = 0; i < renewals_.size(); ++i) {
      const double calls = static_cast<double>(calls_[i]) * per_second;
      if (i < first || i > last) {
        outcome_.peak = std::max(outcome_.peak, static_cast<double>(renewals_[i]) * per_second);
      } else if (i >= bin(back_)) {
        outcome_.recovery_peak = std::max(outcome_.recovery_peak, calls);
      }
      if (i <= bin(kStart + outcome_.started)) {
        outcome_.start_peak = std::max(outcome_.start_peak, calls);
      }
    }
  }

  using Due = std::pair<core::SteadyTime, std::size_t>;

  const Scene scene_;
  core::Random random_;
  const core::SteadyTime outage_;
  const core::SteadyTime back_;
  std::vector<Mount> mounts_;
  std::vector<std::uint64_t> renewals_;
  std::vector<std::uint64_t> calls_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::int64_t minute_ = -1;
  std::uint64_t granted_ = 0;
  Outcome outcome_;
};

Outcome simulate(const char* label, const Scene& scene, std::uint64_t seed) {
  const Outcome outcome = Fleet(scene, seed).run();
  std::printf(
      "%s: %zu mounts, lease %.0f s, %.0f h: %llu renewals, mean %.2f/s, peak %.2f/s (%.2f "
      "times the mean); start %.0f s, at most %.0f calls/s; outage of %.0f s held up %zu, "
      "recovered "
      "in %.0f s with at most %.0f calls/s; lost %zu times, at most %.1f s\n",
      label, scene.mounts, seconds(scene.lifetime), seconds(scene.length) / 3600,
      static_cast<unsigned long long>(outcome.renewals), outcome.mean, outcome.peak,
      outcome.peak / outcome.mean, seconds(outcome.started), outcome.start_peak,
      seconds(scene.outage), outcome.held_up, seconds(outcome.recovery), outcome.recovery_peak,
      outcome.lost, seconds(outcome.longest_loss));
  return outcome;
}

TEST(Fleet, OfTenThousandNeverStampedesAndNeverLosesACredential) {
  const Outcome outcome = simulate("fleet", {}, 20'240'102);
  EXPECT_GT(outcome.renewals, 100'000U);
  EXPECT_LE(outcome.peak, 3 * outcome.mean);
  EXPECT_LE(outcome.started, 3min);  // 6000 calls a minute are allowed
  EXPECT_GT(outcome.held_up, 1000U);
  EXPECT_EQ(outcome.lost, 0U);  // a fifth of an hour is left when the last renewal is due
  EXPECT_LE(outcome.recovery, 2min);
  // Spread: less than what all of them at once would be in one tenth of the time.
  EXPECT_LE(outcome.recovery_peak * seconds(kBin), static_cast<double>(outcome.held_up) / 2);
}

// The shortest lease that STS grants does not outlast the outage: whoever runs dry is back soon
// after it, and not in one crowd that meets again for ever.
TEST(Fleet, OfShortLeasesRecoversWithinTheLimitOfSts) {
  Scene scene;
  scene.lifetime = 15min;
  scene.length = 8h;
  const Outcome outcome = simulate("fleet of short leases", scene, 7);
  EXPECT_LE(outcome.peak, 3 * outcome.mean);
  EXPECT_GT(outcome.lost, 0U);
  EXPECT_LE(outcome.longest_loss, scene.outage);
  EXPECT_LE(outcome.recovery, 5min);
  EXPECT_LE(outcome.last_loss_ended, outcome.recovery);
}

}  // namespace
