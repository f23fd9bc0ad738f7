#include "ops/control.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "core/digest.h"
#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/thread_pool.h"
#include "core/unique_fd.h"

namespace ops {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestLine = 4 << 20;
constexpr int kPatienceMs = 10'000;  // for the request line, and for a status answer
constexpr std::array kErrors = {core::ErrorKind::Busy, core::ErrorKind::Timeout,
                                core::ErrorKind::Denied, core::ErrorKind::InvalidArgument};

/// A member of a JSON object if it is there and of that type; whoever sits at the other end may
/// send anything.
std::string text_in(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}
std::int64_t number_in(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_integer() ? at->get<std::int64_t>() : 0;
}
bool flag_in(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_boolean() && at->get<bool>();
}

core::Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return core::fail(core::ErrorKind::NameTooLong,
                      path + " is longer than a socket's name may be");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

core::Result<core::UniqueFd> connect_to(const std::string& path) {
  TRY_ASSIGN(const sockaddr_un address, address_of(path));
  core::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    if (errno == ECONNREFUSED) {
      return core::fail(core::ErrorKind::NotFound, "nobody listens at " + path);
    }
    return core::os_error(errno, "connect to " + path);
  }
  return fd;
}

core::Status send_line(int fd, const json& document) {
  const std::string line = document.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const auto sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent <= 0) {
      return core::os_error(errno, "write to the control socket");
    }
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

/// Lines from a socket, each waited for.
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  /// Errors: NotFound at the end; Timeout after `patience_ms` without a byte (negative: never).
  core::Result<std::string> next(int patience_ms) {
    for (;;) {
      if (const auto end = buffer_.find('\n'); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      if (buffer_.size() > kLongestLine) {
        return core::fail(core::ErrorKind::Protocol, "a line without end on the control socket");
      }
      pollfd waiting{fd_, POLLIN, 0};
      const int ready = ::poll(&waiting, 1, patience_ms);
      if (ready == 0) {
        return core::fail(core::ErrorKind::Timeout, "no answer on the control socket");
      }
      std::array<char, 16384> piece;
      const auto got = ready < 0 ? -1 : ::recv(fd_, piece.data(), piece.size(), 0);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0 && errno != ECONNRESET) {
        return core::os_error(errno, "read from the control socket");
      }
      if (got <= 0) {
        return core::fail(core::ErrorKind::NotFound, "the control socket was closed");
      }
      buffer_.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
  std::string buffer_;
};

json to_json(const Progress& progress) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(progress.elapsed);
  return json::object({{"dirty_files", progress.dirty_files},
                       {"dirty_bytes", progress.dirty_bytes},
                       {"sent_bytes", progress.sent_bytes},
                       {"bytes_to_send", progress.bytes_to_send},
                       {"elapsed_ms", elapsed.count()}});
}

Progress progress_in(const json& answer) {
  const auto count = [&](const char* name) {
    return static_cast<std::uint64_t>(number_in(answer, name));
  };
  Progress progress;
  progress.dirty_files = count("dirty_files");
  progress.dirty_bytes = count("dirty_bytes");
  progress.sent_bytes = count("sent_bytes");
  progress.bytes_to_send = count("bytes_to_send");
  progress.elapsed = std::chrono::milliseconds(number_in(answer, "elapsed_ms"));
  return progress;
}

class Server final : public ControlServer {
 public:
  Server(core::UniqueFd listener, core::UniqueFd wake, std::string path, ControlHandler& handler)
      : listener_(std::move(listener)),
        wake_(std::move(wake)),
        path_(std::move(path)),
        handler_(handler),
        thread_([this] { accept_all(); }) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override {
    ::unlink(path_.c_str());
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
  }

 private:
  void accept_all() {
    core::name_this_thread("control");
    for (;;) {
      std::array<pollfd, 2> fds = {{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
        return;
      }
      if (fds[1].revents != 0) {
        return;
      }
      if (fds[0].revents != 0) {
        auto fd = std::make_shared<core::UniqueFd>(
            ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (fd->valid()) {
          pool_.post([this, fd] { serve(fd->get()); });
        }
      }
    }
  }

  void serve(int fd) {
    const auto line = LineReader(fd).next(kPatienceMs);
    const json request = line ? json::parse(*line, nullptr, false) : json();
    const std::string what = request.is_object() ? text_in(request, "request") : "";
    core::Status answered;
    if (what == "status") {
      answered = send_line(fd, json::parse(to_json(handler_.status()), nullptr, false));
    } else if (what == "unmount") {
      answered = unmount(fd, request);
    } else {
      answered = send_line(fd, json::object({{"error", "unknown request"}}));
    }
    if (!answered) {
      core::log(core::LogLevel::Debug, "control.lost",
                {{"error", core::describe(answered.error())}});
    }
  }

  core::Status unmount(int fd, const json& request) {
    const auto timeout = std::chrono::milliseconds(number_in(request, "timeout_ms"));
    const auto status =
        handler_.unmount(timeout, flag_in(request, "lazy"), [fd](const Progress& progress) {
          // A caller that went away does not stop the unmount that it asked for.
          (void)send_line(fd, to_json(progress));
        });
    if (status) {
      return send_line(fd, json::object({{"done", true}}));
    }
    return send_line(fd, json::object({{"error", core::describe(status.error())},
                                       {"kind", core::to_string(status.error().kind)}}));
  }

  const core::UniqueFd listener_;
  const core::UniqueFd wake_;
  const std::string path_;
  ControlHandler& handler_;
  core::ThreadPool pool_{"control", 8};
  std::thread thread_;
};

/// The process at the other end, to wait for.
core::UniqueFd process_behind(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid == 0) {
    return {};
  }
  return core::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
}

}  // namespace

std::optional<core::Duration> Progress::left() const {
  if (sent_bytes == 0 || elapsed <= core::Duration::zero()) {
    return std::nullopt;
  }
  const std::uint64_t rest = bytes_to_send > sent_bytes ? bytes_to_send - sent_bytes : 0;
  const double seconds = std::chrono::duration<double>(elapsed).count() *
                         static_cast<double>(rest) / static_cast<double>(sent_bytes);
  return std::chrono::seconds(static_cast<std::int64_t>(seconds) + 1);
}

std::string describe(const Progress& progress) {
  std::string text = core::format("{} {}, {} to upload", progress.dirty_files,
                                  progress.dirty_files == 1 ? "file" : "files",
                                  core::format_size(progress.dirty_bytes));
  if (const auto left = progress.left()) {
    const double rate = static_cast<double>(progress.sent_bytes) /
                        std::chrono::duration<double>(progress.elapsed).count();
    text += core::format(", {}/s, {} left", core::format_size(static_cast<std::uint64_t>(rate)),
                         core::format_duration(*left));
  }
  return text;
}

std::string control_path(const std::string& directory, const std::string& mount_point) {
  return directory + '/' + core::hex(core::sha256(mount_point)).substr(0, 16) + ".sock";
}

core::Result<std::unique_ptr<ControlServer>> ControlServer::listen(const std::string& path,
                                                                   ControlHandler& handler) {
  TRY_ASSIGN(const sockaddr_un address, address_of(path));
  if (connect_to(path)) {
    return core::fail(core::ErrorKind::Busy, "a daemon already answers at " + path);
  }
  ::unlink(path.c_str());
  core::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // fchmod before bind decides the mode of the name: nobody else can connect in between.
  if (!listener.valid() || ::fchmod(listener.get(), 0600) < 0 ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::chmod(path.c_str(), 0600) < 0 || ::listen(listener.get(), 16) < 0) {
    return core::os_error(errno, "listen at " + path);
  }
  core::UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) {
    return core::os_error(errno, "open an event descriptor");
  }
  return std::make_unique<Server>(std::move(listener), std::move(wake), path, handler);
}

core::Result<std::string> ControlClient::status() const {
  TRY_ASSIGN(const core::UniqueFd fd, connect_to(path_));
  TRY(send_line(fd.get(), json::object({{"request", "status"}})));
  return LineReader(fd.get()).next(kPatienceMs);
}

core::Status ControlClient::unmount(core::Duration timeout, bool lazy,
                                    const ControlHandler::Report& report) const {
  TRY_ASSIGN(const core::UniqueFd fd, connect_to(path_));
  const core::UniqueFd process = process_behind(fd.get());
  const auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  TRY(send_line(
      fd.get(),
      json::object({{"request", "unmount"}, {"timeout_ms", timeout_ms}, {"lazy", lazy}})));
  LineReader lines(fd.get());
  for (bool done = false; !done;) {
    const auto line = lines.next(-1);
    if (!line) {
      break;  // the daemon went away; what it left is the caller's to look at
    }
    const json answer = json::parse(*line, nullptr, false);
    if (!answer.is_object()) {
      return core::fail(core::ErrorKind::Protocol, "the daemon's answer is not a JSON object");
    }
    if (answer.contains("error")) {
      auto kind = core::ErrorKind::Internal;
      for (const auto candidate : kErrors) {
        if (text_in(answer, "kind") == core::to_string(candidate)) {
          kind = candidate;
        }
      }
      return core::fail(kind, text_in(answer, "error"));
    }
    done = flag_in(answer, "done");
    if (!done && report) {
      report(progress_in(answer));
    }
  }
  if (process.valid()) {
    pollfd waiting{process.get(), POLLIN, 0};
    while (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
    }
  }
  return {};
}

}  // namespace ops
