#pragma once
// One mount: the object graph, its start, its end.
#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "app/exit_code.h"
#include "app/metrics.h"
#include "app/places.h"
#include "app/service.h"
#include "app/settings.h"
#include "core/log_thread.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/random.h"
#include "core/thread_pool.h"
#include "fs/upload_journal.h"
#include "fuse/requester.h"
#include "fuse/session.h"
#include "ops/control.h"
#include "ops/notify.h"
#include "options/environment.h"
#include "state/journal.h"
#include "state/object_memory.h"
#include "transfer/kept_files.h"
#include "transfer/listings.h"
#include "transfer/request_rate.h"
#include "transfer/staging.h"

namespace app {

/// Why a start was refused.
struct Refusal {
  Exit exit;
  core::Error error;
};

/// Threads: open() and run() on the main one; stop() and the ControlHandler's calls on any.
class Daemon final : public ops::ControlHandler {
 public:
  Daemon(MountSettings settings, const options::Environment& environment);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() override;

  /// Everything up to a mount that answers; the mount point is only touched when all else is good.
  std::optional<Refusal> open();
  /// Uploads what an earlier daemon left, without a mount.
  std::optional<Refusal> recover();
  /// Serves until the mount ends or stop() is called, then uploads what is left and takes
  /// everything apart. Returns the exit code.
  int run();
  /// Uploads, unmounts and lets run() return. Called again, it does not wait for uploads any more;
  /// before the mount is there, it ends open().
  void stop();

  ops::MountStatus status() override;
  core::Status unmount(core::Duration timeout, bool lazy, const Report& report) override;

 private:
  enum class State : std::uint8_t { Starting, Mounted, Draining, Ending };

  std::optional<Refusal> open_service_and_bucket();
  /// Waits while the daemon of a mount that was there before ends. Errors: Busy: it takes longer
  /// than --mount-timeout, or is no longer the only one that wants the mount point.
  core::Result<StateDirectory> take_state_directory();
  std::optional<Refusal> open_file_system();
  /// The staging area, and the journal of what is promised and not done.
  core::Status open_state();
  std::optional<Refusal> open_mount();
  /// Uploads everything, telling `report` about once a second. What is left at the deadline is
  /// named in the log, and the first of it in the error.
  core::Status drain(core::SteadyTime deadline, const Report& report);
  core::Error name_what_is_left(const core::Error& why) const;
  /// Drains once more with changes refused, and takes the mount away.
  core::Status unmount_drained(core::SteadyTime deadline, bool lazy, const Report& report);
  /// Whether the session ends once its mount point is free: not where it is mounted elsewhere too.
  bool await_end();
  /// Uploads on the way to the end of the process.
  core::Status drain_for_good();
  void tell_manager(const ops::Progress& progress) const;
  [[nodiscard]] bool stopping();
  void report_to_manager(const std::stop_token& stop);
  /// What nobody asks for: uploads what failed to, and gives back memory.
  void keep_house(const std::stop_token& stop);
  /// Those that the daemon before began and did not end.
  void abort_left_uploads(const std::stop_token& stop);
  /// False: something still fails.
  bool retry_uploads(const std::stop_token& stop);
  /// Uploads what programs keep open and have written (--publish-after).
  void publish_due(const std::stop_token& stop);
  /// What was not needed since the last call.
  void give_memory_back();
  void show_memory(const ops::MountStatus::Memory& memory);
  [[nodiscard]] core::OpContext context(core::Duration patience) const;

  MountSettings settings_;
  const options::Environment& environment_;
  const ops::Notifier notifier_;
  const core::WallTime started_;
  std::atomic<State> state_{State::Starting};
  std::stop_source
      stop_;  ///< ends what waits: the start, or a drain that nobody waits for any more

  // In the order in which they come to life; they end the other way round.
  core::Metrics metrics_;
  const core::LogThread log_{metrics_};
  const MemoryGauges gauges_{metrics_};
  core::Random random_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<transfer::RequestRate> rate_;
  std::unique_ptr<store::ObjectStore> store_;
  StateDirectory state_directory_;
  std::unique_ptr<state::Journal> journal_;  ///< none: the mount is read-only
  std::unique_ptr<fs::UploadJournal> upload_journal_;
  std::unique_ptr<transfer::StagingArea> staging_;
  std::unique_ptr<transfer::KeptFiles> kept_;  ///< with the journal
  std::unique_ptr<transfer::Downloads> downloads_;
  std::unique_ptr<transfer::Uploads> uploads_;
  core::ThreadPool pool_{"fs", 64};
  std::unique_ptr<state::ObjectMemory> memory_;
  std::unique_ptr<transfer::ListingRoom> listing_room_;
  std::unique_ptr<fs::FileSystem> files_;
  fuse::ProcRequesters requesters_;
  std::unique_ptr<fuse::Session> session_;
  std::unique_ptr<ops::ControlServer> control_;
  std::jthread teller_;  ///< the service manager's
  std::jthread keeper_;
  std::int64_t requests_seen_ = 0;  ///< keeper_'s

  core::Mutex mutex_{core::LockRank::App};
  bool asked_to_stop_ GUARDED_BY(mutex_) = false;
  std::optional<core::SteadyTime> drain_until_ GUARDED_BY(mutex_);  ///< once asked to stop
  core::CondVar ending_;
  std::thread stopper_ GUARDED_BY(mutex_);
};

}  // namespace app
