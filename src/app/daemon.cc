#include "app/daemon.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <string_view>
#include <utility>

#include "app/private_directory.h"
#include "app/version.h"
#include "core/format.h"
#include "core/log.h"
#include "oss/store.h"

namespace app {
namespace {

std::string_view to_string(auto state) {
  constexpr std::array<std::string_view, 4> kNames = {"starting", "mounted", "draining",
                                                      "unmounting"};
  return kNames.at(static_cast<std::size_t>(state));
}

}  // namespace

Daemon::Daemon(MountSettings settings, const options::Environment& environment)
    : settings_(std::move(settings)),
      environment_(environment),
      notifier_(environment.get("NOTIFY_SOCKET")),
      started_(core::SystemClock().wall_now()),
      random_(core::random_seed()) {}

Daemon::~Daemon() = default;

core::OpContext Daemon::context(core::Duration patience) const {
  core::OpContext context;
  context.deadline = core::BootClock::now() + patience;
  context.stop = stop_.get_token();
  context.cause = core::Cause::Maintenance;
  return context;
}

std::optional<Refusal> Daemon::open() {
  if (auto cleared = fuse::Channel::take_dead_away(settings_.mount_point); !cleared) {
    return Refusal{Exit::MountPoint, std::move(cleared).error()};
  }
  auto mount_point = fuse::Channel::check_mount_point(settings_.mount_point);
  if (!mount_point) {
    return Refusal{Exit::MountPoint, std::move(mount_point).error()};
  }
  settings_.mount_point = *std::move(mount_point);
  if (auto refused = open_service_and_bucket()) {
    return refused;
  }
  if (auto refused = open_file_system()) {
    return refused;
  }
  return open_mount();
}

std::optional<Refusal> Daemon::open_service_and_bucket() {
  auto service = open_service(settings_.service);
  if (!service) {
    return Refusal{Exit::Usage, std::move(service).error()};
  }
  service_ = *std::move(service);
  const core::OpContext start = context(settings_.service.mount_timeout);
  if (auto held = service_->credentials->first(start); !held) {
    const Exit exit = classify(held.error());
    return Refusal{exit, std::move(held).error().within("cannot get credentials")};
  }
  rate_ = std::make_unique<transfer::RequestRate>(service_->clock, metrics_,
                                                  transfer::RateRule::Limits{});
  auto store = oss::open_store(
      settings_.service.store,
      {*service_->transport, *service_->credentials, service_->clock, random_, metrics_,
       [this](core::SteadyTime sent, core::Duration told) { rate_->throttled(sent, told); }});
  if (!store) {
    return Refusal{Exit::Usage, std::move(store).error()};
  }
  store_ = *std::move(store);
  const auto probe = store_->probe(start, settings_.files.prefix);
  if (!probe) {
    const Exit exit = classify(probe.error());
    return Refusal{
        exit, probe.error().within(core::format("cannot use {} at {}", settings_.location.text(),
                                                settings_.service.endpoint_text))};
  }
  if (!probe->may_list) {
    core::log(core::LogLevel::Warn, "listing.denied",
              {{"source", settings_.location.text()},
               {"effect", "files open by name; directories show nothing but --assume-dirs"}});
  }
  return std::nullopt;
}

core::Result<StateDirectory> Daemon::take_state_directory() {
  constexpr core::Duration kPause = std::chrono::milliseconds{100};
  const auto end = core::BootClock::now() + settings_.service.mount_timeout;
  for (bool told = false;; told = true) {
    auto state = open_state_directory(settings_.state_dir, settings_.mount_point, environment_);
    const auto now = core::BootClock::now();
    if (state || state.error().kind != core::ErrorKind::Busy || now >= end) {
      return state;
    }
    // Nothing was mounted there when we began: the other one uploads what is left, and ends; or it
    // began as we did.
    TRY(fuse::Channel::check_mount_point(settings_.mount_point));
    if (!told) {
      core::log(core::LogLevel::Warn, "waiting for the daemon of the mount before",
                {{"mount_point", settings_.mount_point},
                 {"reason", core::describe(state.error())},
                 {"at_most", core::format_duration(settings_.service.mount_timeout)}});
    }
    if (!service_->clock.sleep_until(now + kPause, stop_.get_token())) {
      return core::fail(core::ErrorKind::Cancelled, "told to stop");
    }
  }
}

core::Status Daemon::open_state() {
  TRY_ASSIGN(staging_, transfer::StagingArea::open(
                           state_directory_.path + "/staging", settings_.staging_limit_bytes,
                           settings_.staging_on_tmpfs, settings_.memory.written));
  if (settings_.files.read_only) {
    return {};
  }
  TRY_ASSIGN(journal_, state::Journal::open(state_directory_.path + "/journal.db",
                                            journal_identity(settings_), metrics_));
  upload_journal_ = std::make_unique<fs::UploadJournal>(*journal_);
  settings_.uploads.log = upload_journal_.get();
  if (settings_.files.durability == fs::Durability::Local || !journal_->found().files.empty()) {
    TRY_ASSIGN(kept_, transfer::KeptFiles::open(state_directory_.path + "/data", *staging_));
  }
  return {};
}

std::optional<Refusal> Daemon::open_file_system() {
  auto state = take_state_directory();
  if (!state) {
    const bool busy = state.error().kind == core::ErrorKind::Busy;
    return Refusal{busy ? Exit::MountPoint : Exit::Usage,
                   std::move(state).error().within("state directory")};
  }
  state_directory_ = *std::move(state);
  if (auto opened = open_state(); !opened) {
    return Refusal{Exit::Usage, std::move(opened).error()};
  }
  transfer::DownloadOptions downloads = settings_.downloads;
  downloads.rate = rate_.get();
  downloads_ = transfer::Downloads::create(*store_, service_->clock, metrics_, downloads);
  uploads_ = transfer::Uploads::create(*store_, service_->clock, metrics_, settings_.uploads);
  const oss::Options& service = settings_.service.store;
  memory_ = state::ObjectMemory::open(
      state_directory_.path + "/objects.db",
      core::format("{} {} {}", service.dialect == oss::Dialect::S3 ? "s3" : "oss",
                   settings_.service.endpoint_text, service.bucket),
      {}, service_->clock, metrics_);
  listing_room_ = std::make_unique<transfer::ListingRoom>(settings_.memory.pages /
                                                          transfer::ListingRoom::kPageBytes);
  files_ = fs::FileSystem::create(
      settings_.files,
      {*store_, *downloads_, *uploads_, *staging_, service_->clock, metrics_, pool_, memory_.get(),
       rate_.get(), listing_room_.get(), journal_.get(), kept_.get()});
  return std::nullopt;
}

std::optional<Refusal> Daemon::recover() {
  if (auto refused = open_service_and_bucket()) {
    return refused;
  }
  if (auto refused = open_file_system()) {
    return refused;
  }
  abort_left_uploads(stop_.get_token());
  auto drained =
      drain(core::BootClock::now() + settings_.drain_timeout, [](const ops::Progress&) {});
  files_.reset();
  if (!drained) {
    return Refusal{Exit::NotDrained, std::move(drained).error()};
  }
  return std::nullopt;
}

std::optional<Refusal> Daemon::open_mount() {
  const std::string directory = runtime_directory(settings_.runtime_dir, environment_);
  if (auto made = make_private_directory(directory); !made) {
    return Refusal{Exit::Usage, std::move(made).error().within("runtime directory")};
  }
  auto control =
      ops::ControlServer::listen(ops::control_path(directory, settings_.mount_point), *this);
  if (!control) {
    const bool busy = control.error().kind == core::ErrorKind::Busy;
    return Refusal{busy ? Exit::MountPoint : Exit::Usage, std::move(control).error()};
  }
  control_ = *std::move(control);
  auto channel =
      fuse::Channel::mount({settings_.fsname, settings_.mount_point, settings_.allow_other,
                            settings_.files.read_only, settings_.noexec});
  if (!channel) {
    return Refusal{Exit::MountPoint, std::move(channel).error()};
  }
  fuse::SessionOptions options;
  options.kernel_writes_back = settings_.kernel_writes_back;
  options.crew.blocks = &staging_->pool();
  auto session = fuse::Session::open(*std::move(channel), *files_, requesters_, service_->clock,
                                     metrics_, options);
  if (!session) {
    return Refusal{Exit::MountPoint, std::move(session).error()};
  }
  session_ = *std::move(session);
  files_->attach(session_.get());
  if (auto started = session_->start(); !started) {
    return Refusal{Exit::MountPoint, std::move(started).error()};
  }
  state_ = State::Mounted;
  core::log(core::LogLevel::Info, "mounted",
            {{"source", settings_.location.text()},
             {"mount_point", settings_.mount_point},
             {"endpoint", settings_.service.endpoint_text},
             {"credentials", service_->credentials->status().source}});
  return std::nullopt;
}

core::Error Daemon::name_what_is_left(const core::Error& why) const {
  constexpr std::size_t kInLog = 1'000;
  constexpr std::size_t kInError = 3;
  std::string names;
  const auto left = files_->unpublished(kInLog);
  for (std::size_t i = 0; i < left.size(); ++i) {
    core::log(core::LogLevel::Error, "not uploaded",
              {{"key", left[i].key}, {"bytes", left[i].bytes}, {"last_try", left[i].why}});
    if (i < kInError) {
      names += core::format("{}{} ({} bytes)", i > 0 ? ", " : "", left[i].key, left[i].bytes);
    }
  }
  const fs::FileSystemStatus now = files_->status();
  if (left.size() > kInError) {
    names += core::format(" and {} more",
                          now.dirty_files - std::min<std::uint64_t>(now.dirty_files, kInError));
  }
  core::Error error =
      left.empty() ? why
                   : why.within(core::format("{} files, {} are not uploaded: {}", now.dirty_files,
                                             core::format_size(now.dirty_bytes), names));
  if (now.safe_here > 0) {
    error.message +=
        core::format(" ({} of them are kept in {}: the next mount uploads them, or stsfs recover)",
                     now.safe_here, state_directory_.path);
  }
  core::log(core::LogLevel::Error, "drain.failed", {{"error", core::describe(error)}});
  return error;
}

core::Status Daemon::drain(core::SteadyTime deadline, const Report& report) {
  core::OpContext patient = context({});
  patient.deadline = deadline;
  const core::SteadyTime began = core::BootClock::now();
  const core::Metric& sent = metrics_["transfer.bytes_uploaded"];
  const std::int64_t sent_before = sent.value();
  const std::uint64_t to_send = files_->status().dirty_bytes;
  auto draining = std::async(std::launch::async, [&] { return files_->drain(patient); });
  while (draining.wait_for(std::chrono::seconds{1}) != std::future_status::ready) {
    const fs::FileSystemStatus now = files_->status();
    report({now.dirty_files, now.dirty_bytes,
            static_cast<std::uint64_t>(sent.value() - sent_before), core::BootClock::now() - began,
            to_send});
  }
  const core::Status drained = draining.get();
  if (!drained) {
    return name_what_is_left(drained.error());
  }
  if (const fs::FileSystemStatus now = files_->status(); now.dirty_files > 0) {
    core::log(core::LogLevel::Warn, "drain.kept",
              {{"files", now.dirty_files},
               {"bytes", now.dirty_bytes},
               {"directory", state_directory_.path},
               {"effect", "the next mount uploads them, or stsfs recover"}});
  }
  return {};
}

void Daemon::tell_manager(const ops::Progress& progress) const {
  // Who is deaf to this has been told of by report_to_manager().
  (void)notifier_.stopping("ending: " + ops::describe(progress));
}

core::Status Daemon::unmount_drained(core::SteadyTime deadline, bool lazy, const Report& report) {
  if (!lazy) {
    // What a busy program wrote during the first round is little; now there comes no more.
    files_->refuse_changes(true);
    TRY(drain(deadline, report));
  }
  TRY(detach(settings_.mount_point, lazy));
  if (!lazy && !await_end()) {
    return core::fail(core::ErrorKind::Busy,
                      settings_.mount_point +
                          " is free, but the same file system is mounted elsewhere as well (a bind "
                          "mount, a container), and lives on there");
  }
  return {};
}

bool Daemon::await_end() {
  constexpr core::Duration kPatience = std::chrono::seconds{5};
  const auto end = core::BootClock::now() + kPatience;
  const core::MutexLock lock(mutex_);
  while (state_ != State::Ending && core::BootClock::now() < end) {
    service_->clock.wait_until(ending_, mutex_, end);
  }
  return state_ == State::Ending;
}

core::Status Daemon::unmount(core::Duration timeout, bool lazy, const Report& report) {
  if (state_ == State::Starting) {
    return core::fail(core::ErrorKind::Busy, "the mount is not there yet");
  }
  const auto deadline = core::BootClock::now() + timeout;
  state_ = State::Draining;
  core::Status ended = drain(deadline, report);
  if (ended) {
    ended = unmount_drained(deadline, lazy, report);
  }
  const core::MutexLock lock(mutex_);
  if (!ended && state_ == State::Draining && !asked_to_stop_) {
    state_ = State::Mounted;
    files_->refuse_changes(false);
  }
  return ended;
}

void Daemon::stop() {
  const core::MutexLock lock(mutex_);
  const bool again = std::exchange(asked_to_stop_, true);
  if (state_ == State::Starting || again) {
    stop_.request_stop();
    return;
  }
  if (state_ == State::Ending) {
    return;  // run() is uploading what is left, which is what was asked for
  }
  const auto deadline = core::BootClock::now() + settings_.drain_timeout;
  drain_until_ = deadline;
  stopper_ = std::thread([this, deadline] {
    core::name_this_thread("stop");
    state_ = State::Draining;
    files_->refuse_changes(true);
    // A failure is logged and shows in the exit code, after the last attempt in run().
    (void)drain(deadline, [this](const ops::Progress& progress) { tell_manager(progress); });
    session_->request_stop();
  });
}

core::Status Daemon::drain_for_good() {
  // Time for what the last closes left, even where the drain before took all there was.
  constexpr core::Duration kLast = std::chrono::seconds{1};
  const auto now = core::BootClock::now();
  auto deadline = now + settings_.drain_timeout;
  {
    const core::MutexLock lock(mutex_);
    deadline = drain_until_ ? std::max(*drain_until_, now + kLast) : deadline;
  }
  return drain(deadline, [this](const ops::Progress& progress) { tell_manager(progress); });
}

bool Daemon::stopping() {
  const core::MutexLock lock(mutex_);
  return asked_to_stop_;
}

void Daemon::report_to_manager(const std::stop_token& stop) {
  core::name_this_thread("manager");
  const auto watchdog = ops::watchdog_interval(environment_.get("WATCHDOG_USEC"),
                                               environment_.get("WATCHDOG_PID"), ::getpid());
  const core::Duration period =
      std::min<core::Duration>(std::chrono::seconds{5}, watchdog.value_or(std::chrono::hours{1}));
  auto next = core::BootClock::now();
  while (service_->clock.sleep_until(next += period, stop)) {
    const bool leaving = state_ == State::Ending || stopping();  // whoever drains tells how far
    auto told = leaving ? core::Status{} : notifier_.status(ops::summarize(status()));
    if (told && watchdog) {
      told = notifier_.watchdog();
    }
    if (!told) {
      core::log(core::LogLevel::Warn, "manager.deaf", {{"error", core::describe(told.error())}});
    }
  }
}

void Daemon::keep_house(const std::stop_token& stop) {
  constexpr core::Duration kFirst = std::chrono::seconds{2};
  constexpr core::Duration kLongest = std::chrono::minutes{1};
  constexpr core::Duration kTidy = std::chrono::seconds{30};
  constexpr core::Duration kLook = std::chrono::seconds{1};
  core::name_this_thread("housekeeping");
  abort_left_uploads(stop);
  core::Duration pause = kFirst;
  auto next_try = core::BootClock::now() + pause;
  auto next_tidy = core::BootClock::now() + kTidy;
  auto next_look = core::BootClock::now() + kLook;
  while (service_->clock.sleep_until(std::min({next_try, next_tidy, next_look}), stop)) {
    if (core::BootClock::now() >= next_look) {
      publish_due(stop);
      next_look = core::BootClock::now() + kLook;
    }
    if (core::BootClock::now() >= next_tidy) {
      give_memory_back();
      next_tidy = core::BootClock::now() + kTidy;
    }
    if (core::BootClock::now() >= next_try) {
      pause = retry_uploads(stop) ? kFirst : std::min<core::Duration>(pause * 2, kLongest);
      next_try = core::BootClock::now() + pause;
    }
  }
}

void Daemon::abort_left_uploads(const std::stop_token& stop) {
  constexpr core::Duration kPatience = std::chrono::minutes{5};
  if (upload_journal_) {
    core::OpContext left = context(kPatience);
    left.stop = stop;
    upload_journal_->abort_left(left, *store_);
  }
}

bool Daemon::retry_uploads(const std::stop_token& stop) {
  if (state_ != State::Mounted || files_->status().failed_uploads == 0) {
    return true;
  }
  core::OpContext again = context(std::chrono::minutes{10});
  again.stop = stop;
  return files_->retry_uploads(again).has_value();
}

void Daemon::publish_due(const std::stop_token& stop) {
  const core::Duration quiet = settings_.publish_after;
  if (state_ != State::Mounted || quiet == core::Duration::zero() ||
      files_->status().dirty_files == 0) {
    return;
  }
  core::OpContext now = context(std::chrono::minutes{10});
  now.stop = stop;
  (void)files_->publish_due(now, quiet);  // it has told of each failure
}

void Daemon::give_memory_back() {
  downloads_->give_back_idle();
  staging_->give_back_idle();
  const std::int64_t requests = metrics_["fuse.requests"].value();
  if (std::exchange(requests_seen_, requests) == requests) {
    ::malloc_trim(0);  // nobody is in the way of it
  }
}

int Daemon::run() {
  keeper_ = std::jthread([this](const std::stop_token& stop) { keep_house(stop); });
  if (notifier_.listening()) {
    if (auto told = notifier_.ready(ops::summarize(status())); !told) {
      core::log(core::LogLevel::Warn, "manager.deaf", {{"error", core::describe(told.error())}});
    }
    teller_ = std::jthread([this](const std::stop_token& stop) { report_to_manager(stop); });
  }
  const auto end = session_->wait();
  {
    const core::MutexLock lock(mutex_);
    state_ = State::Ending;
    ending_.notify_all();
  }
  auto exit = Exit::Ok;
  if (!end) {
    core::log(core::LogLevel::Error, "session.failed", {{"error", core::describe(end.error())}});
    exit = Exit::Failure;
  } else if (*end == fuse::Session::End::Detached) {
    core::log(core::LogLevel::Warn, "unmounted.busy",
              {{"effect", "programs that use the mount get ENOTCONN from now on"}});
  }
  {
    core::MutexLock lock(mutex_);
    if (stopper_.joinable()) {
      std::thread stopper = std::move(stopper_);
      stopper_ = std::thread();
      lock.unlock();
      stopper.join();
    }
  }
  keeper_.request_stop();
  keeper_.join();
  if (!drain_for_good()) {
    exit = Exit::NotDrained;
  }
  control_.reset();
  if (teller_.joinable()) {
    teller_.request_stop();
    teller_.join();
  }
  files_->attach(nullptr);
  session_.reset();
  files_.reset();
  core::log(core::LogLevel::Info, "ended", {{"mount_point", settings_.mount_point}});
  return static_cast<int>(exit);
}

void Daemon::show_memory(const ops::MountStatus::Memory& memory) {
  const auto set = [](core::Metric& gauge, std::uint64_t bytes) {
    gauge.set(static_cast<std::int64_t>(bytes));
  };
  set(gauges_.limit, memory.limit_bytes);
  set(gauges_.resident, memory.resident_bytes);
  set(gauges_.blocks, memory.blocks_bytes);
  set(gauges_.names, memory.names_bytes);
  set(gauges_.nodes, memory.nodes_bytes);
  set(gauges_.objects, memory.objects_bytes);
  set(gauges_.pages, memory.pages_bytes);
}

ops::MountStatus Daemon::status() {
  ops::MountStatus out;
  out.version = kVersion;
  out.pid = ::getpid();
  out.now = service_->clock.wall_now();
  out.started = started_;
  out.mount_point = settings_.mount_point;
  out.source = settings_.location.text();
  out.endpoint = settings_.service.endpoint_text;
  out.state = to_string(state_.load());
  out.options = settings_.given;

  const cred::ProviderStatus held = service_->credentials->status();
  out.credentials = {held.source,    held.access_key_id, settings_.service.source.role.role_arn,
                     held.expires,   held.next_renewal,  held.renewals,
                     held.failures,  held.rejections,    held.degraded,
                     held.last_error};

  const fs::FileSystemStatus files = files_->status();
  out.files = {files.inodes,
               files.open_files,
               files.dirty_files,
               files.dirty_bytes,
               files.uploads_under_way,
               files.failed_uploads,
               files.deletions_under_way,
               files.conflicts,
               files.safe_here,
               staging_->used_bytes(),
               staging_->limit_bytes(),
               downloads_->cached_bytes()};
  for (const fs::TreeMove& move : files.tree_moves) {
    out.renames.push_back(
        {move.from, move.to, move.objects, move.objects_done, move.bytes, move.bytes_done});
  }
  out.last_error = files.last_error;
  out.last_error_at = files.last_error_at;

  out.memory = {settings_.memory.limit,
                resident_bytes(),
                downloads_->cached_bytes(),
                files.names_bytes,
                files.nodes_bytes,
                files.objects_bytes,
                listing_room_->taken() * transfer::ListingRoom::kPageBytes};
  show_memory(out.memory);
  out.metrics = metrics_.values();
  constexpr std::string_view kRequests = "requests.";
  for (const auto& [name, value] : out.metrics) {
    if (name.starts_with(kRequests) && value > 0) {
      out.requests[name.substr(kRequests.size())] = value;
    }
  }
  return out;
}

}  // namespace app
