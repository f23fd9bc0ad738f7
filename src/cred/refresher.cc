#include "cred/refresher.h"

#include <algorithm>

#include "core/format.h"
#include "core/log.h"
#include "core/thread_pool.h"
#include "cred/succession.h"

namespace cred {
namespace {

using namespace std::chrono_literals;

/// The thread looks at the clock at least this often: a wait does not see a suspend.
constexpr core::Duration kLongestSleep = 5min;
/// From 90 % on requests wait for the flight in progress, but a service that hangs does not hold up
/// requests that could still be signed.
constexpr core::Duration kMandatoryPatience = 2s;

/// How long one fetch may take: in proportion to the lease that it is to replace.
core::Duration fetch_patience(const Lease* lease) {
  if (lease == nullptr || !lease->expires) {
    return 10s;
  }
  return std::clamp<core::Duration>((*lease->expires - lease->issued) / 4, 5s, 15s);
}

/// A lease refused in its youth: fetching another at once would only feed a storm.
bool young(const Lease& lease, core::SteadyTime now) {
  const core::Duration age = now - lease.issued;
  return age < 1min && (!lease.expires || age < (*lease.expires - lease.issued) / 4);
}

core::SteadyTime later(core::SteadyTime from, core::Duration by) {
  return by < core::SteadyTime::max() - from ? from + by : core::SteadyTime::max();
}

}  // namespace

Refresher::Refresher(std::unique_ptr<CredentialSource> source, ServiceClock& clock,
                     const RefresherOptions& options)
    : source_(std::move(source)),
      service_clock_(clock),
      clock_(clock.own()),
      credential_wait_(options.credential_wait),
      random_(options.seed) {
  {
    const core::MutexLock lock(mutex_);
    renewal_.since = clock_.steady_now();
  }
  if (options.watcher != nullptr) {
    watch(*options.watcher);  // before the first fetch, so that no change is missed
  }
  thread_ = std::thread([this] { run(); });
}

void Refresher::watch(core::FileWatcher& watcher) {
  auto files = source_->files();
  if (files.empty()) {
    return;
  }
  auto watch = watcher.watch(std::move(files), [this] { renew(); });
  if (watch) {
    watch_ = *std::move(watch);
  } else {
    core::log(core::LogLevel::Warn, "credentials.unwatched",
              {{"source", source_->describe()},
               {"error", core::describe(watch.error())},
               {"effect", "a change is seen when credentials are renewed, not at once"}});
  }
}

void Refresher::stop() {
  stop_.request_stop();
  watch_.reset();
  {
    const core::MutexLock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    changed_.notify_all();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Refresher::run() {
  core::name_this_thread("credentials");
  while (const auto turn = await_turn()) {
    if (turn->poked) {
      source_->source_changed();
    }
    settle(source_->fetch(turn->context));
  }
}

std::optional<Refresher::Turn> Refresher::await_turn() {
  const core::MutexLock lock(mutex_);
  while (!stopping_) {
    const core::SteadyTime now = clock_.steady_now();
    const core::SteadyTime due = next_fetch();
    if (now >= due || poked_) {
      in_flight_ = true;
      flight_began_ = now;
      Turn turn;
      turn.poked = std::exchange(poked_, false);
      turn.context.deadline = now + fetch_patience(held_ ? &held_->lease : nullptr);
      turn.context.stop = stop_.get_token();
      turn.context.cause = core::Cause::Maintenance;
      return turn;
    }
    clock_.wait_until(work_, mutex_, std::min(due, now + kLongestSleep));
  }
  return std::nullopt;
}

void Refresher::settle(Fetched fetched) { log(take_in(std::move(fetched))); }

Refresher::Outcome Refresher::take_in(Fetched fetched) {
  const core::MutexLock lock(mutex_);
  in_flight_ = false;
  ++fetches_;
  const core::SteadyTime now = clock_.steady_now();
  const double draw = random_.unit();
  const Lease* const held = held_ ? &held_->lease : nullptr;
  Outcome outcome;
  if (held != nullptr && !refused_ && no_news(fetched, *held, now)) {
    outcome.news = take_in_nothing_new(now, draw);
  } else if (auto successor =
                 as_successor(std::move(fetched), held, refused_, now, source_->describe())) {
    outcome.news = News::Renewed;
    take_in(*std::move(successor), now, draw);
  } else {
    ++failures_;
    last_failure_ = std::move(successor).error();
    renewal_ = failed(renewal_, last_failure_->retry_after, now, draw);
    outcome.news = stopping_ ? News::None : News::Failed;
    outcome.error = last_failure_->error;
  }
  outcome.held = held_;
  outcome.renewal = renewal_;
  outcome.next_try = next_fetch();
  outcome.still_valid = usable(renewal_.since);
  changed_.notify_all();
  return outcome;
}

Refresher::News Refresher::take_in_nothing_new(core::SteadyTime now, double draw) {
  last_failure_.reset();
  if (freshness(held_->lease, now) == Freshness::Fresh) {
    // A file was written anew with what it held before, or is good again.
    renewal_ = succeeded({}, /*first=*/false, now, draw);
    return News::None;
  }
  // Whoever rotates these credentials has not done so yet.
  renewal_ = still_the_same(renewal_, now, draw);
  return News::NotRotatedYet;
}

void Refresher::take_in(Lease lease, core::SteadyTime now, double draw) {
  renewal_.refused = refused_;
  renewal_ = succeeded(renewal_, /*first=*/!held_, now, draw);
  auto held = std::make_shared<Held>();
  held->lease = std::move(lease);
  held->version = held_ ? held_->version + 1 : 1;
  held_ = std::move(held);
  refused_ = false;
  last_failure_.reset();
}

void Refresher::log(const Outcome& outcome) const {
  const std::string source = source_->describe();
  const core::SteadyTime ended = outcome.renewal.since;
  switch (outcome.news) {
    case News::None:
      return;
    case News::NotRotatedYet:
      return core::log(
          core::LogLevel::Debug, "credentials not rotated yet",
          {{"source", source}, {"next_try_in", core::format_duration(outcome.next_try - ended)}});
    case News::Renewed: {
      const Lease& lease = outcome.held->lease;
      return core::log(core::LogLevel::Info, "credentials renewed",
                       {{"source", source},
                        {"access_key_id", lease.credentials.access_key_id},
                        {"version", outcome.held->version},
                        {"good_for", lease.expires ? core::format_duration(*lease.expires - ended)
                                                   : std::string("ever")}});
    }
    case News::Failed: {
      // The first of a row is news; the rest is in the status.
      const bool first = outcome.renewal.failures - outcome.renewal.unchanged == 1;
      return core::log(first ? core::LogLevel::Warn : core::LogLevel::Debug, "no new credentials",
                       {{"source", source},
                        {"error", core::describe(outcome.error)},
                        {"failures", outcome.renewal.failures},
                        {"next_try_in", core::format_duration(outcome.next_try - ended)},
                        {"still_valid", outcome.still_valid}});
    }
  }
}

core::SteadyTime Refresher::next_fetch() const {
  Renewal renewal = renewal_;
  renewal.waiting = waiting_ > 0;
  renewal.refused = refused_;
  if (refused_ && refusals_ > 1) {
    renewal.failures += refusals_ - 1;
  }
  return plan(held_ ? &held_->lease : nullptr, renewal);
}

bool Refresher::usable(core::SteadyTime now) const {
  return held_ && !refused_ && now < last_use(held_->lease);
}

Refresher::Lent Refresher::ready(core::SteadyTime now) {
  if (!usable(now)) {
    return nullptr;
  }
  const Freshness window = freshness(held_->lease, now);
  if (window == Freshness::Fresh) {
    return held_;
  }
  if (!in_flight_ && now >= next_fetch()) {
    work_.notify_one();  // the thread overslept: the machine was suspended
  }
  const bool wait =
      window == Freshness::Mandatory && in_flight_ && now < flight_began_ + kMandatoryPatience;
  return wait ? nullptr : held_;
}

core::Result<std::shared_ptr<const Held>> Refresher::first(const core::OpContext& context) {
  return wait_for(context, context.deadline, Caller::Mount);
}

core::Result<std::shared_ptr<const Held>> Refresher::get(const core::OpContext& context) {
  const core::SteadyTime now = clock_.steady_now();
  {
    const core::MutexLock lock(mutex_);
    if (Lent lent = ready(now)) {
      return lent;
    }
  }
  return wait_for(context, std::min(context.deadline, later(now, credential_wait_)),
                  Caller::Request);
}

core::Result<Refresher::Lent> Refresher::wait_for(const core::OpContext& context,
                                                  core::SteadyTime deadline, Caller caller) {
  const std::stop_callback wake(context.stop, [this] {
    const core::MutexLock lock(mutex_);
    changed_.notify_all();
  });
  const core::MutexLock lock(mutex_);
  ++waiting_;
  work_.notify_one();  // the next attempt may be due sooner now
  auto result = await_lease(context, deadline, caller);
  --waiting_;
  return result;
}

core::Result<Refresher::Lent> Refresher::await_lease(const core::OpContext& context,
                                                     core::SteadyTime deadline, Caller caller) {
  const std::uint64_t fetches_before = fetches_;
  for (;;) {
    const core::SteadyTime now = clock_.steady_now();
    if (Lent lent = ready(now)) {
      return lent;
    }
    if (stopping_ || context.stopped()) {
      return core::fail(core::ErrorKind::Cancelled, "waiting for credentials was cancelled");
    }
    const bool for_good =
        last_failure_ && last_failure_->kind != FetchFailure::Class::Transient && !usable(now);
    if (for_good && (fetches_ > fetches_before || caller == Caller::Mount || refused_for_good())) {
      return failure_for(caller, /*in_time=*/true);
    }
    if (now >= deadline) {
      // A caller in more of a hurry than the flight: what it waits to replace is still good.
      return usable(now) ? core::Result<Lent>(held_) : failure_for(caller, /*in_time=*/false);
    }
    core::SteadyTime until = std::min(deadline, now + kLongestSleep);
    if (in_flight_ && usable(now)) {
      until = std::min(until, flight_began_ + kMandatoryPatience);
    }
    clock_.wait_until(changed_, mutex_, until);
  }
}

bool Refresher::refused_for_good() const {
  return refused_ && !held_->lease.expires && last_failure_ &&
         last_failure_->kind == FetchFailure::Class::Permanent;
}

core::Error Refresher::failure_for(Caller caller, bool in_time) const {
  core::Error error = last_failure_ ? last_failure_->error
                                    : core::fail(core::ErrorKind::Timeout,
                                                 source_->describe() + " has not answered yet");
  const bool final_word = in_time && (caller == Caller::Mount || refused_for_good());
  if (!final_word) {
    error = std::move(error).within("no valid credentials");
    if (caller == Caller::Request) {
      error.kind = core::ErrorKind::Unauthenticated;
    }
  }
  return error;
}

void Refresher::renew() {
  const core::MutexLock lock(mutex_);
  poked_ = true;
  work_.notify_one();
}

void Refresher::reject(std::uint64_t version) {
  std::string id;
  {
    const core::MutexLock lock(mutex_);
    if (!held_ || held_->version != version || refused_) {
      return;  // an old one, or no news
    }
    refused_ = true;
    ++rejections_;
    refusals_ = young(held_->lease, clock_.steady_now()) ? refusals_ + 1 : 1;
    id = held_->lease.credentials.access_key_id;
    work_.notify_one();
  }
  core::log(core::LogLevel::Info, "credentials refused by the service",
            {{"access_key_id", id}, {"version", version}});
}

ProviderStatus Refresher::status() const {
  const core::SteadyTime now = clock_.steady_now();
  const core::WallTime wall = clock_.wall_now();
  const core::MutexLock lock(mutex_);
  ProviderStatus status;
  status.source = source_->describe();
  if (held_) {
    status.access_key_id = held_->lease.credentials.access_key_id;
    status.renewals = held_->version;
    if (held_->lease.expires) {
      status.expires = wall + (*held_->lease.expires - now);
    }
  }
  const core::SteadyTime next = next_fetch();
  if (next != core::SteadyTime::max()) {
    status.next_renewal = wall + (next - now);
  }
  status.failures = failures_;
  status.rejections = rejections_;
  if (last_failure_) {
    status.last_error = core::describe(last_failure_->error);
    status.degraded = usable(now);
  }
  return status;
}

}  // namespace cred
