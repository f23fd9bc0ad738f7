#include "fuse/session.h"

#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse_log.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <span>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "fuse/operations.h"
#include "fuse/receiver.h"

namespace fuse {
namespace {

using namespace std::chrono_literals;

/// Ends a reader's wait in read(2). Ignored by default and safe to receive at any time.
constexpr int kWakeSignal = SIGURG;
/// A reader may be between its look at `stopping_` and read(2) when the signal arrives.
constexpr core::Duration kWakeAgain = 5ms;
/// The kernel sends INIT with the mount itself.
constexpr core::Duration kHandshakeTimeout = 30s;

void on_wake_signal(int /*signal*/) {}

core::Status install_wake_signal() {
  struct sigaction action {};
  action.sa_handler = &on_wake_signal;  // and no SA_RESTART: read(2) must return
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(kWakeSignal, &action, nullptr) != 0) {
    return core::os_error(errno, "sigaction");
  }
  return {};
}

void log_of_libfuse(fuse_log_level level, const char* format, va_list arguments) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  core::log(level <= FUSE_LOG_ERR       ? core::LogLevel::Error
            : level <= FUSE_LOG_WARNING ? core::LogLevel::Warn
                                        : core::LogLevel::Debug,
            "libfuse", {{"text", core::trim(text.data())}});
}

/// We read ourselves; libfuse insists on having both.
ssize_t refuse_read(int /*descriptor*/, void* /*buffer*/, std::size_t /*size*/,
                    void* /*userdata*/) {
  errno = ENOSYS;
  return -1;
}

/// libfuse 3.14 takes note of PARALLEL_DIROPS and forgets to tell the kernel.
void complete_init(std::span<iovec> pieces) {
  const fuse_in_header* const message = Receiver::message();
  if (message == nullptr || message->opcode != FUSE_INIT || pieces.size() != 2 ||
      pieces[1].iov_len != sizeof(fuse_init_out)) {
    return;
  }
  const auto* const asked = reinterpret_cast<const fuse_init_in*>(message + 1);
  static_cast<fuse_init_out*>(pieces[1].iov_base)->flags |= asked->flags & FUSE_PARALLEL_DIROPS;
}

ssize_t write_answer(int descriptor, iovec* pieces, int count, void* /*userdata*/) {
  complete_init({pieces, static_cast<std::size_t>(count)});
  ssize_t sent = 0;
  do {
    sent = ::writev(descriptor, pieces, count);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == ENODEV || errno == ECONNABORTED || errno == EPIPE)) {
    // The connection has ended: nobody waits for this answer. libfuse keeps silent about ENOENT.
    errno = ENOENT;
  }
  return sent;
}

}  // namespace

void Session::Destroy::operator()(fuse_session* session) const { fuse_session_destroy(session); }

core::Result<std::unique_ptr<Session>> Session::open(Channel channel, fs::FileSystem& fs,
                                                     core::Clock& clock, core::Metrics& metrics,
                                                     const SessionOptions& options) {
  core::UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) {
    return core::os_error(errno, "eventfd");
  }
  std::unique_ptr<Session> session(
      new Session(std::move(channel), fs, clock, metrics, options, std::move(wake)));
  TRY(session->attach());
  return session;
}

Session::Session(Channel channel, fs::FileSystem& fs, core::Clock& clock, core::Metrics& metrics,
                 const SessionOptions& options, core::UniqueFd wake)
    : channel_(std::move(channel)),
      clock_(clock),
      options_(options),
      wake_(std::move(wake)),
      dispatcher_(fs, clock, metrics, options.patience, options.workers) {}

core::Status Session::attach() {
  TRY(install_wake_signal());
  fuse_set_log_func(&log_of_libfuse);
  std::string name = "stsfs";
  std::array<char*, 2> arguments{name.data(), nullptr};
  fuse_args args{1, arguments.data(), 0};
  session_.reset(fuse_session_new(&args, &operations(), sizeof(fuse_lowlevel_ops), &dispatcher_));
  fuse_opt_free_args(&args);
  if (!session_) {
    return core::fail(core::ErrorKind::Internal, "libfuse refused to make a session");
  }
  // libfuse closes the descriptor it works on; ours keeps the connection until the channel ends.
  core::UniqueFd descriptor(::fcntl(channel_.descriptor(), F_DUPFD_CLOEXEC, 3));
  if (!descriptor.valid()) {
    return core::os_error(errno, "duplicate the FUSE descriptor");
  }
  fuse_custom_io io{};
  io.read = &refuse_read;
  io.writev = &write_answer;
  if (const int failed = fuse_session_custom_io(session_.get(), &io, descriptor.get());
      failed != 0) {
    return core::os_error(-failed, "fuse_session_custom_io");
  }
  descriptor.release();
  return {};
}

Session::~Session() {
  if (!readers_.empty()) {
    request_stop();
    const core::Result<End> end = wait();
    if (!end) {
      core::log(core::LogLevel::Warn, "the session ended badly",
                {{"error", core::describe(end.error())}});
    }
  }
}

core::Status Session::start() {
  for (unsigned i = 0; i < options_.readers; ++i) {
    readers_.push_back(std::make_unique<Reader>());
    Reader& reader = *readers_.back();
    {
      const core::MutexLock lock(mutex_);
      ++running_;
    }
    reader.thread = std::thread([this, &reader] { receive(reader); });
  }
  const core::SteadyTime deadline = clock_.steady_now() + kHandshakeTimeout;
  {
    const core::MutexLock lock(mutex_);
    while (handshake_ == Handshake::Awaited && failure_ && running_ == options_.readers) {
      if (clock_.steady_now() >= deadline) {
        return core::fail(core::ErrorKind::Timeout, "the kernel does not begin to talk FUSE");
      }
      clock_.wait_until(changed_, mutex_, deadline);
    }
    TRY(failure_);
    if (handshake_ == Handshake::Refused) {
      return core::fail(core::ErrorKind::Unsupported,
                        "this kernel's FUSE protocol is too old or lacks what stsfs needs");
    }
    if (handshake_ == Handshake::Awaited) {
      return core::fail(core::ErrorKind::Protocol, "the mount ended before it began");
    }
  }
  raise_read_ahead();
  return {};
}

void Session::receive(Reader& reader) {
  core::name_this_thread("fuse-read");
  sigset_t wake_signal{};
  ::sigemptyset(&wake_signal);
  ::sigaddset(&wake_signal, kWakeSignal);
  ::pthread_sigmask(SIG_UNBLOCK, &wake_signal, nullptr);
  core::Status status = receive_all(reader);
  {
    const core::MutexLock lock(mutex_);
    --running_;
    if (!status && failure_) {
      failure_ = std::move(status);
    }
    changed_.notify_all();
  }
  wake();
}

core::Status Session::receive_all(Reader& reader) {
  Receiver receiver(dispatcher_.buffers());
  while (!stopping_) {
    TRY_ASSIGN(std::byte* const buffer, receiver.next());
    reader.reading = true;
    const ssize_t got = stopping_ ? 0 : ::read(channel_.descriptor(), buffer, kReceiveBytes);
    const int errnum = errno;
    reader.reading = false;
    if (got > 0) {
      handle(buffer, static_cast<std::size_t>(got));
    } else if (got == 0 || errnum == ENODEV) {
      return {};  // stopping, the test's end of the socket closed, or unmounted
    } else if (errnum != EINTR && errnum != EAGAIN && errnum != ENOENT) {
      // ENOENT: the caller was interrupted before the kernel handed its request over.
      return core::os_error(errnum, "receive from the kernel");
    }
  }
  return {};
}

void Session::handle(std::byte* message, std::size_t size) {
  if (size < sizeof(fuse_in_header)) {
    core::log(core::LogLevel::Error, "short message from the kernel", {{"bytes", size}});
    return;
  }
  const auto opcode = reinterpret_cast<const fuse_in_header*>(message)->opcode;
  if (opcode == FUSE_INTERRUPT) {
    interrupt(message);
    return;
  }
  fuse_buf buffer{};
  buffer.mem = message;
  buffer.size = size;
  buffer.fd = -1;
  fuse_session_process_buf(session_.get(), &buffer);
  if (opcode == FUSE_INIT) {
    const core::MutexLock lock(mutex_);
    handshake_ = fuse_session_exited(session_.get()) != 0 ? Handshake::Refused : Handshake::Agreed;
    changed_.notify_all();
  }
}

// libfuse would report an interrupt with its locks held, where a stop callback that answers the
// request waits for itself.
void Session::interrupt(const std::byte* message) {
  const auto* const header = reinterpret_cast<const fuse_in_header*>(message);
  if (dispatcher_.interrupt(reinterpret_cast<const fuse_interrupt_in*>(header + 1)->unique)) {
    return;
  }
  // Another thread may be about to take that request: the kernel asks again after EAGAIN, unless
  // the request was answered meanwhile.
  fuse_out_header again{};
  again.len = sizeof(again);
  again.error = -EAGAIN;
  again.unique = header->unique;
  iovec piece{&again, sizeof(again)};
  write_answer(channel_.descriptor(), &piece, 1, nullptr);
}

void Session::wake() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full: then it is readable anyway.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void Session::request_stop() noexcept {
  stop_requested_ = true;
  wake();
}

core::Result<Session::End> Session::wait() {
  std::uint64_t events = 0;
  while (::read(wake_.get(), &events, sizeof(events)) < 0 && errno == EINTR) {
  }
  End end = End::Unmounted;
  core::Status unmounted;
  if (stop_requested_) {
    // While the readers still serve: unmounting writes back what mmap has dirtied.
    unmounted = unmount(end);
  }
  stop_readers();
  InFlight& in_flight = dispatcher_.in_flight();
  if (!in_flight.wait_until_empty(clock_, clock_.steady_now() + options_.drain_timeout)) {
    core::log(core::LogLevel::Warn, "interrupting requests that take too long to end",
              {{"count", in_flight.size()}});
    in_flight.request_stop_of_all();
    in_flight.wait_until_empty(clock_, core::SteadyTime::max());
  }
  const core::MutexLock lock(mutex_);
  TRY(failure_);
  TRY(std::move(unmounted));
  return end;
}

core::Status Session::unmount(End& end) {
  end = End::Stopped;
  core::Status status = channel_.unmount(Channel::Manner::IfIdle);
  if (!status && status.error().kind == core::ErrorKind::Busy) {
    core::log(core::LogLevel::Warn, "programs still have files open; detaching the mount",
              {{"mount_point", channel_.mount_point()}});
    end = End::Detached;
    status = channel_.unmount(Channel::Manner::Detach);
  }
  return status;
}

void Session::stop_readers() {
  stopping_ = true;
  {
    const core::MutexLock lock(mutex_);
    while (running_ > 0) {
      for (const std::unique_ptr<Reader>& reader : readers_) {
        if (reader->reading) {
          ::pthread_kill(reader->thread.native_handle(), kWakeSignal);
        }
      }
      clock_.wait_until(changed_, mutex_, clock_.steady_now() + kWakeAgain);
    }
  }
  for (const std::unique_ptr<Reader>& reader : readers_) {
    reader->thread.join();
  }
  readers_.clear();
}

void Session::raise_read_ahead() const {
  if (channel_.mount_point().empty()) {
    return;
  }
  // Nothing but the device is asked for, which the kernel knows without asking us.
  struct statx status {};
  if (::statx(AT_FDCWD, channel_.mount_point().c_str(), AT_STATX_DONT_SYNC, 0, &status) != 0) {
    core::log(core::LogLevel::Debug, "read-ahead stays at the kernel's default",
              {{"error", core::describe(core::os_error(errno, "statx"))}});
    return;
  }
  const std::string path = core::format("/sys/class/bdi/{}:{}/read_ahead_kb", status.stx_dev_major,
                                        status.stx_dev_minor);
  std::ofstream file(path);
  file << options_.read_ahead_bytes / 1024 << std::flush;
  if (!file) {
    core::log(core::LogLevel::Debug, "read-ahead stays at the kernel's default", {{"path", path}});
  }
}

}  // namespace fuse
