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
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <span>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/text.h"
#include "fuse/operations.h"

namespace fuse {
namespace {

using namespace std::chrono_literals;

/// The kernel sends INIT with the mount itself.
constexpr core::Duration kHandshakeTimeout = 30s;

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

/// libfuse 3.14 takes note of PARALLEL_DIROPS and forgets to tell the kernel, and does not know
/// HANDLE_KILLPRIV_V2: whoever writes loses set-id bits by our doing (fs::Files), and the kernel
/// need not ask for security.capability before every write.
void complete_init(std::span<iovec> pieces) {
  const fuse_in_header* const message = Crew::message();
  if (message == nullptr || message->opcode != FUSE_INIT || pieces.size() != 2 ||
      pieces[1].iov_len != sizeof(fuse_init_out)) {
    return;
  }
  const auto* const asked = reinterpret_cast<const fuse_init_in*>(message + 1);
  static_cast<fuse_init_out*>(pieces[1].iov_base)->flags |=
      asked->flags & (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2);
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
                                                     Requesters& requesters, core::Clock& clock,
                                                     core::Metrics& metrics,
                                                     const SessionOptions& options) {
  core::UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) {
    return core::os_error(errno, "eventfd");
  }
  std::unique_ptr<Session> session(
      new Session(std::move(channel), fs, requesters, clock, metrics, options, std::move(wake)));
  TRY(session->attach());
  return session;
}

Session::Session(Channel channel, fs::FileSystem& fs, Requesters& requesters, core::Clock& clock,
                 core::Metrics& metrics, const SessionOptions& options, core::UniqueFd wake)
    : channel_(std::move(channel)),
      clock_(clock),
      options_(options),
      wake_(std::move(wake)),
      crew_(
          channel_.descriptor(), options.crew,
          [this](std::span<std::byte> message) { handle(message); }, [this] { end_of_messages(); }),
      dispatcher_(fs, clock, metrics, options.patience, crew_),
      interrupts_(dispatcher_.in_flight(), requesters, clock, metrics, options.look_again) {
  if (options.kernel_writes_back) {
    dispatcher_.let_kernel_write_back();
  }
}

core::Status Session::attach() {
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
  if (started_) {
    request_stop();
    const core::Result<End> end = wait();
    if (!end) {
      core::log(core::LogLevel::Warn, "the session ended badly",
                {{"error", core::describe(end.error())}});
    }
  }
}

core::Status Session::start() {
  started_ = true;
  TRY(interrupts_.start());
  TRY(crew_.start());
  const core::SteadyTime deadline = clock_.steady_now() + kHandshakeTimeout;
  {
    const core::MutexLock lock(mutex_);
    while (handshake_ == Handshake::Awaited) {
      if (clock_.steady_now() >= deadline) {
        return core::fail(core::ErrorKind::Timeout, "the kernel does not begin to talk FUSE");
      }
      clock_.wait_until(changed_, mutex_, deadline);
    }
    if (handshake_ == Handshake::Refused) {
      return core::fail(core::ErrorKind::Unsupported,
                        "this kernel's FUSE protocol is too old or lacks what stsfs needs");
    }
    if (handshake_ == Handshake::Ended) {
      return core::fail(core::ErrorKind::Protocol, "the mount ended before it began");
    }
  }
  raise_read_ahead();
  return {};
}

void Session::shake_hands(Handshake result) {
  const core::MutexLock lock(mutex_);
  if (handshake_ == Handshake::Awaited) {
    handshake_ = result;
    changed_.notify_all();
  }
}

void Session::end_of_messages() {
  shake_hands(Handshake::Ended);
  wake();
}

void Session::handle(std::span<std::byte> message) {
  const auto& header = *reinterpret_cast<const fuse_in_header*>(message.data());
  if (message.size() < sizeof(header)) {
    core::log(core::LogLevel::Error, "short message from the kernel", {{"bytes", message.size()}});
    return;
  }
  if (header.opcode == FUSE_INTERRUPT) {
    interrupt(header);
    return;
  }
  const bool first = header.opcode == FUSE_INIT;
  fuse_buf buffer{};
  buffer.mem = message.data();
  buffer.size = message.size();
  buffer.fd = -1;
  fuse_session_process_buf(session_.get(), &buffer);
  if (first) {
    shake_hands(fuse_session_exited(session_.get()) != 0 ? Handshake::Refused : Handshake::Agreed);
  }
}

// libfuse would report an interrupt with its locks held, where a stop callback that answers the
// request waits for itself.
void Session::interrupt(const fuse_in_header& header) {
  const auto* const interrupted = reinterpret_cast<const fuse_interrupt_in*>(&header + 1);
  if (interrupts_.arrived(interrupted->unique)) {
    return;
  }
  // Another thread may be about to take that request: the kernel asks again after EAGAIN, unless
  // the request was answered meanwhile.
  fuse_out_header again{};
  again.len = sizeof(again);
  again.error = -EAGAIN;
  again.unique = header.unique;
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
    // While the crew still serves: unmounting writes back what mmap has dirtied.
    unmounted = unmount(end);
  }
  crew_.stop_receiving();
  InFlight& in_flight = dispatcher_.in_flight();
  if (!in_flight.wait_until_empty(clock_, clock_.steady_now() + options_.drain_timeout)) {
    core::log(core::LogLevel::Warn, "interrupting requests that take too long to end",
              {{"count", in_flight.size()}});
    in_flight.request_stop_of_all();
    in_flight.wait_until_empty(clock_, core::SteadyTime::max());
  }
  interrupts_.stop();
  started_ = false;
  TRY(crew_.finish());
  TRY(std::move(unmounted));
  return end;
}

void Session::forget_pages(fs::InodeNumber inode) {
  // 0, 0: from the beginning to the end.
  const int failed = fuse_lowlevel_notify_inval_inode(session_.get(), inode, 0, 0);
  if (failed != 0 && failed != -ENOENT) {  // ENOENT: the kernel knows no such inode any more
    core::log(core::LogLevel::Warn, "the kernel keeps pages that it should forget",
              {{"inode", inode}, {"error", core::describe(core::os_error(-failed, "notify"))}});
  }
}

void Session::forget_name(fs::InodeNumber directory, const std::string& name) {
  const int failed =
      fuse_lowlevel_notify_inval_entry(session_.get(), directory, name.data(), name.size());
  if (failed != 0 && failed != -ENOENT) {  // ENOENT: it has forgotten already
    core::log(core::LogLevel::Debug, "the kernel keeps a name that it should forget",
              {{"name", name}, {"error", core::describe(core::os_error(-failed, "notify"))}});
  }
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
