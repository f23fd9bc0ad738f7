#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/op_context.h"
#include "core/result.h"
#include "transfer/metrics.h"

namespace transfer {

/// How many requests, or bytes, a second may run ahead of programs. Pure: a function of time and of
/// what the service answered.
///
/// A bucket of tokens: it holds a burst, so that a directory can be gone through at once, and fills
/// at a rate that falls when the service asks for fewer requests and grows while it does not: fast
/// until it first did.
/// Threads: one at a time.
class RateRule {
 public:
  struct Limits {
    double start = 2'000;  ///< requests a second
    double most = 10'000;
    double least = 10;
    double burst = 10'000;  ///< requests; below the rate that it started with, a second's worth
  };
  /// Of bytes: as many as a mount may hope to move, so that they bound nothing until the service
  /// asks for less.
  static constexpr Limits kBytes{2.5e9, 10e9, 4e6, 2.5e9};
  RateRule(const Limits& limits, core::SteadyTime now);

  /// Whether one more (or `amount` bytes) may be sent now; it then counts as sent. What is more
  /// than there is delays the next.
  bool take(core::SteadyTime now, double amount = 1);
  /// One that does not ask, since somebody waits for it.
  void spend(core::SteadyTime now);
  /// When take() will say yes, if nothing else happens.
  [[nodiscard]] core::SteadyTime next(core::SteadyTime now);
  /// The service asked for fewer (503), and perhaps to be left alone for `told`. True: the rate
  /// fell. It falls once for all the requests that were on their way.
  bool refused(core::SteadyTime sent, core::SteadyTime now, core::Duration told);
  /// Whether it did so within the last ten seconds.
  [[nodiscard]] bool refused_lately(core::SteadyTime now) const;
  [[nodiscard]] double rate() const { return rate_; }

 private:
  void advance(core::SteadyTime now);

  const Limits limits_;
  double rate_;
  double tokens_;
  core::SteadyTime at_;
  core::SteadyTime fell_at_;
  core::SteadyTime silent_until_;
  std::optional<core::SteadyTime> refused_at_;  ///< the last time
};

/// The rule at work for all of a mount: who runs ahead takes a permit for each request, who waits
/// for an answer himself only counts. Bytes that are read ahead have a rule of their own, which
/// falls by the same answers: the service's words for too many requests and for too many bytes are
/// alike, and each range is both. Threads: any.
class RequestRate {
 public:
  static constexpr std::size_t kMostInFlight = 256;

  /// Held while the request is on its way.
  class Permit {
   public:
    Permit(Permit&& other) noexcept
        : rate_(std::exchange(other.rate_, nullptr)), sent_(other.sent_) {}
    Permit& operator=(Permit&&) = delete;
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    ~Permit();
    /// As RequestRate's, for this request.
    void throttled(core::Duration told = {}) const { rate_->throttled(sent_, told); }

   private:
    friend class RequestRate;
    Permit(RequestRate& rate, core::SteadyTime sent) : rate_(&rate), sent_(sent) {}
    RequestRate* rate_;
    core::SteadyTime sent_;
  };

  RequestRate(core::Clock& clock, core::Metrics& metrics, const RateRule::Limits& limits,
              std::size_t most_in_flight = kMostInFlight);
  ~RequestRate() = default;
  RequestRate(const RequestRate&) = delete;
  RequestRate& operator=(const RequestRate&) = delete;

  /// Waits for its turn. Errors: Cancelled, Timeout (the context's deadline).
  core::Result<Permit> take(const core::OpContext& context);
  /// Nothing: not now.
  std::optional<Permit> try_take();
  /// Whether so many bytes may be read ahead now; they then count as read.
  bool take_bytes(std::uint64_t bytes);
  /// A request is sent for somebody who waits.
  void foreground();
  /// A request that was sent at `sent` was answered Throttled; `told`: for how long to send none.
  void throttled(core::SteadyTime sent, core::Duration told = {});
  /// Whether there was such an answer a moment ago: no time for requests that can be spared.
  [[nodiscard]] bool throttled_lately();

 private:
  void ended();

  core::Clock& clock_;
  Counters counters_;
  const std::size_t most_in_flight_;
  core::Mutex mutex_{core::LockRank::Transport};
  core::CondVar changed_;
  RateRule rule_ GUARDED_BY(mutex_);
  RateRule bytes_ GUARDED_BY(mutex_);
  std::size_t in_flight_ GUARDED_BY(mutex_) = 0;
};

}  // namespace transfer
