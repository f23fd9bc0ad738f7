#pragma once
// Keeps one lease alive: one thread, one flight, the last good credentials to their last second.
#include <memory>
#include <stop_token>
#include <thread>

#include "core/clock.h"
#include "core/file_watch.h"
#include "core/mutex.h"
#include "core/random.h"
#include "cred/planner.h"
#include "cred/provider.h"
#include "cred/service_clock.h"

namespace cred {

struct RefresherOptions {
  /// How long a request waits for credentials before it fails.
  core::Duration credential_wait = std::chrono::seconds{30};
  std::uint64_t seed = 0;  ///< of the jitter
  /// Watches the source's files, where there is one: their change is a renewal.
  core::FileWatcher* watcher = nullptr;
};

/// The provider behind a mount. Born fetching.
/// Threads: any, but stop() and the destructor, which are the owner's.
class Refresher final : public CredentialProvider {
 public:
  Refresher(std::unique_ptr<CredentialSource> source, ServiceClock& clock,
            const RefresherOptions& options);
  Refresher(const Refresher&) = delete;
  Refresher& operator=(const Refresher&) = delete;
  ~Refresher() override { stop(); }

  /// The first lease, as a mount waits for it: up to the context's deadline, however many attempts
  /// that takes. A permanent refusal ends it at once.
  /// Errors: what the last fetch said, its kind included; Timeout; Cancelled.
  core::Result<std::shared_ptr<const Held>> first(const core::OpContext& context);

  /// Besides what the port says: ends at once with the reason when a fetch that ended after the
  /// call began was refused for good; a long-lived key that the service refused is Denied.
  core::Result<std::shared_ptr<const Held>> get(const core::OpContext& context) override;
  /// What the source reads may have changed: fetches at once. What is held stays in use until the
  /// fetch has brought something else.
  void renew();
  void reject(std::uint64_t version) override;
  [[nodiscard]] core::Duration clock_offset() const override { return service_clock_.offset(); }
  void correct_clock(core::WallTime service_now) override { service_clock_.correct(service_now); }
  [[nodiscard]] ProviderStatus status() const override;

  /// Ends the flight in progress and the thread; whoever waits gets Cancelled.
  void stop();

 private:
  using Lent = std::shared_ptr<const Held>;
  enum class Caller : std::uint8_t { Mount, Request };
  struct Turn {
    core::OpContext context;
    bool poked = false;
  };

  enum class News : std::uint8_t { None, NotRotatedYet, Renewed, Failed };
  /// What a fetch came to, for the log: a line is written when no lock is held any more.
  struct Outcome {
    News news = News::None;
    Lent held;
    Renewal renewal;
    core::SteadyTime next_try;
    core::Error error;
    bool still_valid = false;
  };

  void run();
  /// Waits until a fetch is due; nothing once stopped.
  std::optional<Turn> await_turn();
  void watch(core::FileWatcher& watcher);
  /// Takes in what a fetch brought, then tells the log of it.
  void settle(Fetched fetched) EXCLUDES(mutex_);
  Outcome take_in(Fetched fetched) EXCLUDES(mutex_);
  News take_in_nothing_new(core::SteadyTime now, double draw) REQUIRES(mutex_);
  void take_in(Lease lease, core::SteadyTime now, double draw) REQUIRES(mutex_);
  void log(const Outcome& outcome) const EXCLUDES(mutex_);

  [[nodiscard]] core::SteadyTime next_fetch() const REQUIRES(mutex_);
  [[nodiscard]] bool usable(core::SteadyTime now) const REQUIRES(mutex_);
  /// What a request that starts now may use; nothing if it has to wait.
  Lent ready(core::SteadyTime now) REQUIRES(mutex_);
  core::Result<Lent> wait_for(const core::OpContext& context, core::SteadyTime deadline,
                              Caller caller);
  core::Result<Lent> await_lease(const core::OpContext& context, core::SteadyTime deadline,
                                 Caller caller) REQUIRES(mutex_);
  [[nodiscard]] bool refused_for_good() const REQUIRES(mutex_);
  [[nodiscard]] core::Error failure_for(Caller caller, bool in_time) const REQUIRES(mutex_);

  const std::unique_ptr<CredentialSource> source_;
  ServiceClock& service_clock_;
  core::Clock& clock_;
  const core::Duration credential_wait_;
  core::Random random_;

  mutable core::Mutex mutex_{core::LockRank::Credentials};
  core::CondVar work_;     ///< for the thread: something may be due
  core::CondVar changed_;  ///< for callers: a flight has ended, or stop
  Lent held_ GUARDED_BY(mutex_);
  bool refused_ GUARDED_BY(mutex_) = false;  ///< held_ was refused by the service
  int refusals_ GUARDED_BY(mutex_) = 0;      ///< young leases refused in a row
  bool in_flight_ GUARDED_BY(mutex_) = false;
  bool poked_ GUARDED_BY(mutex_) = false;  ///< renew() was called since the last fetch began
  core::SteadyTime flight_began_ GUARDED_BY(mutex_);
  Renewal renewal_ GUARDED_BY(mutex_);
  std::optional<FetchFailure> last_failure_
      GUARDED_BY(mutex_);  ///< of the last fetch, if it failed
  int waiting_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::uint64_t fetches_ GUARDED_BY(mutex_) = 0;
  std::uint64_t failures_ GUARDED_BY(mutex_) = 0;
  std::uint64_t rejections_ GUARDED_BY(mutex_) = 0;

  std::stop_source stop_;
  std::unique_ptr<core::FileWatch> watch_;
  std::thread thread_;
};

}  // namespace cred
