#include "transfer/request_rate.h"

#include <algorithm>
#include <cmath>
#include <stop_token>

namespace transfer {
namespace {

// Source: the performance notes' rule for requests a second.
constexpr double kFall = 0.7;
constexpr double kGrowth = 1.05;  // a second
// Until the service has refused anything, as TCP begins: nothing says yet where its limit is.
constexpr double kFirstGrowth = 1.5;
// Growth is earned by sending: a pause counts as no more than this.
constexpr core::Duration kLongestStep = std::chrono::seconds{1};
constexpr core::Duration kLately = std::chrono::seconds{10};

double seconds(core::Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

RateRule::RateRule(const Limits& limits, core::SteadyTime now)
    : limits_(limits),
      rate_(limits.start),
      tokens_(limits.burst),
      at_(now),
      fell_at_(core::SteadyTime::min()),
      silent_until_(now) {}

void RateRule::advance(core::SteadyTime now) {
  const auto from = std::max(at_, silent_until_);
  at_ = std::max(at_, now);
  if (now <= from) {
    return;
  }
  const core::Duration step = now - from;
  const double growth = fell_at_ == core::SteadyTime::min() ? kFirstGrowth : kGrowth;
  rate_ = std::min(limits_.most, rate_ * std::pow(growth, seconds(std::min(step, kLongestStep))));
  const double room = rate_ >= limits_.start ? std::max(limits_.burst, 1.0) : std::max(rate_, 1.0);
  tokens_ = std::min(room, tokens_ + rate_ * seconds(step));
}

bool RateRule::take(core::SteadyTime now, double amount) {
  advance(now);
  if (now < silent_until_ || tokens_ < 1) {
    return false;
  }
  tokens_ -= amount;
  return true;
}

void RateRule::spend(core::SteadyTime now) {
  advance(now);
  // Who runs ahead makes way for those who wait, and for a second at most.
  tokens_ = std::max(tokens_ - 1, -rate_);
}

core::SteadyTime RateRule::next(core::SteadyTime now) {
  advance(now);
  const auto from = std::max(now, silent_until_);
  if (tokens_ >= 1) {
    return from;
  }
  const auto wait = std::chrono::duration<double>((1 - tokens_) / rate_);
  return from + std::chrono::ceil<core::Duration>(wait) + core::Duration{1};
}

bool RateRule::refused(core::SteadyTime sent, core::SteadyTime now, core::Duration told) {
  advance(now);
  refused_at_ = now;
  silent_until_ = std::max(silent_until_, now + told);
  if (sent < fell_at_) {
    return false;
  }
  fell_at_ = now;
  rate_ = std::max(limits_.least, rate_ * kFall);
  tokens_ = std::min(tokens_, 0.0);
  return true;
}

bool RateRule::refused_lately(core::SteadyTime now) const {
  return refused_at_ && now - *refused_at_ < kLately;
}

RequestRate::Permit::~Permit() {
  if (rate_ != nullptr) {
    rate_->ended();
  }
}

RequestRate::RequestRate(core::Clock& clock, core::Metrics& metrics, const RateRule::Limits& limits,
                         std::size_t most_in_flight)
    : clock_(clock),
      counters_(metrics),
      most_in_flight_(most_in_flight),
      rule_(limits, clock.steady_now()),
      bytes_(RateRule::kBytes, clock.steady_now()) {
  counters_.ahead_rate.set(std::llround(rule_.rate()));
  counters_.ahead_bytes_rate.set(std::llround(bytes_.rate()));
}

std::optional<RequestRate::Permit> RequestRate::try_take() {
  const core::MutexLock lock(mutex_);
  const auto now = clock_.steady_now();
  if (in_flight_ >= most_in_flight_ || !rule_.take(now)) {
    return std::nullopt;
  }
  ++in_flight_;
  counters_.requests_ahead.add();
  counters_.ahead_rate.set(std::llround(rule_.rate()));
  return Permit(*this, now);
}

core::Result<RequestRate::Permit> RequestRate::take(const core::OpContext& context) {
  const std::stop_callback wake(context.stop, [this] {
    const core::MutexLock lock(mutex_);
    changed_.notify_all();
  });
  for (;;) {
    if (!context.stopped()) {
      if (auto permit = try_take()) {
        return *std::move(permit);
      }
    }
    const core::MutexLock lock(mutex_);
    const auto now = clock_.steady_now();
    if (context.stopped() || now >= context.deadline) {
      changed_.notify_one();  // a place that was told to us is another's
      return core::fail(context.stopped() ? core::ErrorKind::Cancelled : core::ErrorKind::Timeout,
                        "waiting for a turn to send");
    }
    const bool full = in_flight_ >= most_in_flight_;
    const auto turn = full ? core::SteadyTime::max() : rule_.next(now);
    if (turn > now) {
      clock_.wait_until(changed_, mutex_, std::min(turn, context.deadline));
    }
  }
}

bool RequestRate::take_bytes(std::uint64_t bytes) {
  const core::MutexLock lock(mutex_);
  const bool may = bytes_.take(clock_.steady_now(), static_cast<double>(bytes));
  counters_.ahead_bytes_rate.set(std::llround(bytes_.rate()));
  return may;
}

void RequestRate::foreground() {
  const core::MutexLock lock(mutex_);
  rule_.spend(clock_.steady_now());
}

void RequestRate::throttled(core::SteadyTime sent, core::Duration told) {
  const core::MutexLock lock(mutex_);
  const auto now = clock_.steady_now();
  bytes_.refused(sent, now, told);
  if (rule_.refused(sent, now, told)) {
    counters_.ahead_rate_falls.add();
    counters_.ahead_rate.set(std::llround(rule_.rate()));
    counters_.ahead_bytes_rate.set(std::llround(bytes_.rate()));
  }
}

bool RequestRate::throttled_lately() {
  const core::MutexLock lock(mutex_);
  return rule_.refused_lately(clock_.steady_now());
}

void RequestRate::ended() {
  const core::MutexLock lock(mutex_);
  --in_flight_;
  changed_.notify_one();
}

}  // namespace transfer
