#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "fs/file_system.h"
#include "fuse/channel.h"
#include "fuse/crew.h"
#include "fuse/dispatcher.h"
#include "fuse/interrupts.h"
#include "fuse/requester.h"

struct fuse_in_header;
struct fuse_session;

namespace fuse {

struct SessionOptions {
  Crew::Options crew;
  Patience patience;
  /// The kernel gathers what is written, and writes it back later.
  bool kernel_writes_back = false;
  /// Read-ahead of the mount; the kernel's default of 128 KiB would also be the largest request.
  std::uint64_t read_ahead_bytes = std::uint64_t{4} << 20U;
  /// How long a stop lets requests in flight go on before it interrupts them.
  core::Duration drain_timeout = std::chrono::minutes{1};
  /// How soon it is seen that a caller which a signal has reached is dying by another.
  core::Duration look_again = std::chrono::milliseconds{200};
};

/// The kernel's requests to a file system, until the mount ends or a stop is asked for.
/// docs/decisions/0010-the-thread-that-receives-does-the-work.md says which thread does what.
class Session final : public fs::KernelCache {
 public:
  /// All references outlive the session. No thread is started.
  static core::Result<std::unique_ptr<Session>> open(Channel channel, fs::FileSystem& fs,
                                                     Requesters& requesters, core::Clock& clock,
                                                     core::Metrics& metrics,
                                                     const SessionOptions& options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Stops and waits, if that was not done.
  ~Session() override;

  /// Starts the threads (no fork after that) and returns once the kernel has agreed on the
  /// protocol: the mount answers.
  ///
  /// Errors: Protocol, Unsupported: it does not agree. Timeout: it is silent. NoSpace.
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

  void forget_pages(fs::InodeNumber inode) override;
  void forget_name(fs::InodeNumber directory, const std::string& name) override;

  [[nodiscard]] const Channel& channel() const { return channel_; }
  /// Requests that have arrived and are not answered yet. Any thread.
  [[nodiscard]] std::size_t in_flight() { return dispatcher_.in_flight().size(); }

 private:
  struct Destroy {
    void operator()(fuse_session* session) const;
  };

  enum class Handshake : std::uint8_t { Awaited, Agreed, Refused, Ended };

  Session(Channel channel, fs::FileSystem& fs, Requesters& requesters, core::Clock& clock,
          core::Metrics& metrics, const SessionOptions& options, core::UniqueFd wake);
  core::Status attach();
  void handle(std::span<std::byte> message);
  void end_of_messages();
  void shake_hands(Handshake result);
  void interrupt(const fuse_in_header& header);
  void wake() noexcept;
  core::Status unmount(End& end);
  void raise_read_ahead() const;

  Channel channel_;
  core::Clock& clock_;
  const SessionOptions options_;
  const core::UniqueFd wake_;  ///< eventfd: a stop was asked for, or messages have ended
  std::atomic<bool> stop_requested_{false};
  bool started_ = false;

  core::Mutex mutex_{core::LockRank::Session};
  core::CondVar changed_;
  Handshake handshake_ GUARDED_BY(mutex_) = Handshake::Awaited;

  std::unique_ptr<fuse_session, Destroy> session_;
  Crew crew_;
  Dispatcher dispatcher_;
  Interrupts interrupts_;
};

}  // namespace fuse
