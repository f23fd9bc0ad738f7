#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "fs/file_system.h"
#include "fuse/channel.h"
#include "fuse/dispatcher.h"

struct fuse_session;

namespace fuse {

struct SessionOptions {
  unsigned readers = 2;   ///< threads that receive
  unsigned workers = 64;  ///< threads, at most, that run what may wait
  Patience patience;
  /// Read-ahead of the mount; the kernel's default of 128 KiB would also be the largest request.
  std::uint64_t read_ahead_bytes = std::uint64_t{4} << 20U;
  /// How long a stop lets requests in flight go on before it interrupts them.
  core::Duration drain_timeout = std::chrono::minutes{1};
};

/// The kernel's requests to a file system, from start() until the mount ends or a stop is asked
/// for.
///
/// A few threads read requests into memory of their own. Reads of files go to the file system from
/// there; the rest runs on workers.
class Session {
 public:
  /// `fs`, `clock` and `metrics` outlive the session. No thread is started.
  static core::Result<std::unique_ptr<Session>> open(Channel channel, fs::FileSystem& fs,
                                                     core::Clock& clock, core::Metrics& metrics,
                                                     const SessionOptions& options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Stops and waits, if that was not done.
  ~Session();

  /// Starts the threads (no fork after that) and returns once the kernel has agreed on the
  /// protocol: the mount answers. Errors: Protocol or Unsupported if it does not agree, Timeout if
  /// it is silent, NoSpace or Io if
  ///         memory or threads cannot be had.
  core::Status start();

  enum class End : std::uint8_t {
    Unmounted,  ///< by somebody else
    Stopped,    ///< we were asked to; the mount point is free
    Detached,   ///< we were asked to while programs had files open; they see ENOTCONN from now on
  };
  /// Blocks until the mount has ended and every request was answered. To be called once, after
  /// start(). Dirty data stays with the file system: drain it next.
  /// Errors: Io if the connection failed or was aborted.
  core::Result<End> wait();

  /// Makes wait() unmount and return. Any thread, also from a signal handler.
  void request_stop() noexcept;

  [[nodiscard]] const Channel& channel() const { return channel_; }
  /// Requests that have arrived and are not answered yet. Any thread.
  [[nodiscard]] std::size_t in_flight() { return dispatcher_.in_flight().size(); }

 private:
  struct Destroy {
    void operator()(fuse_session* session) const;
  };
  struct Reader {
    std::thread thread;
    std::atomic<bool> reading{false};
  };

  Session(Channel channel, fs::FileSystem& fs, core::Clock& clock, core::Metrics& metrics,
          const SessionOptions& options, core::UniqueFd wake);
  core::Status attach();
  void receive(Reader& reader);
  core::Status receive_all(Reader& reader);
  void handle(std::byte* message, std::size_t size);
  void interrupt(const std::byte* message);
  void wake() noexcept;
  void stop_readers();
  core::Status unmount(End& end);
  void raise_read_ahead() const;

  Channel channel_;
  core::Clock& clock_;
  const SessionOptions options_;
  const core::UniqueFd wake_;  ///< eventfd: a stop was asked for, or a reader has ended
  Dispatcher dispatcher_;
  std::unique_ptr<fuse_session, Destroy> session_;
  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> stopping_{false};  ///< readers end

  core::Mutex mutex_{core::LockRank::Session};
  core::CondVar changed_;
  enum class Handshake : std::uint8_t { Awaited, Agreed, Refused };
  Handshake handshake_ GUARDED_BY(mutex_) = Handshake::Awaited;
  unsigned running_ GUARDED_BY(mutex_) = 0;
  core::Status failure_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace fuse
