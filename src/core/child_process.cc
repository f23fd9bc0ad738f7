#include "core/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "core/format.h"
#include "core/os_error.h"
#include "core/unique_fd.h"

namespace core {
namespace {

constexpr std::size_t kMostLines = 200;
constexpr std::size_t kLongestLine = 1000;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return os_error(errno, "make a pipe");
  }
  Pipe made{UniqueFd(ends[0]), UniqueFd(ends[1])};
  ::fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
  return made;
}

/// What posix_spawn wants, with an end.
class SpawnPlan {
 public:
  SpawnPlan(int output, int complaints) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, complaints, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawn_file_actions_addchdir_np(&actions_, "/");
    // A group of its own, so that all it starts can be killed; and none of our signal settings.
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    all.push_back(text.data());
  }
  all.push_back(nullptr);
  return all;
}

/// A started program; its group is killed and it is waited for when this ends.
class Child {
 public:
  static Result<Child> start(const ChildOrder& order, int output, int complaints) {
    std::vector<std::string> arguments = order.arguments;
    std::vector<std::string> environment = order.environment;
    const SpawnPlan plan(output, complaints);
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, arguments[0].c_str(), plan.actions(), plan.attributes(),
                                     pointers(arguments).data(), pointers(environment).data());
    if (failed != 0) {
      return os_error(failed, "start " + arguments[0]);
    }
    Child child(pid);
    child.handle_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    if (!child.handle_.valid()) {
      return os_error(errno, "watch " + arguments[0]);
    }
    return child;
  }
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), handle_(std::move(other.handle_)) {}
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  /// Readable once the program has ended.
  [[nodiscard]] int handle() const { return handle_.get(); }

  /// Kills what is left of the group, and takes the exit code.
  int end() {
    if (pid_ == 0) {
      return 0;
    }
    // Before the program is waited for: until then nobody else can get its number.
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  UniqueFd handle_;
};

/// Reads what there is, more than a pipe holds but not for ever; false at the stream's end.
bool read_some(int fd, const std::function<void(std::string_view)>& take) {
  std::array<char, 16384> piece;
  for (int pieces = 0; pieces < 64; ++pieces) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got > 0) {
      take({piece.data(), static_cast<std::size_t>(got)});
      wipe(piece.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
      return false;
    } else if (errno == EAGAIN) {
      return true;
    }
  }
  return true;
}

/// Cuts standard error into lines.
class Lines {
 public:
  explicit Lines(std::vector<std::string>& out) : out_(out) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() { close(); }
  void take(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        close();
      } else if (line_.size() < kLongestLine) {
        line_ += c;
      }
    }
  }

 private:
  void close() {
    if (!line_.empty() && out_.size() < kMostLines) {
      out_.push_back(std::move(line_));
    }
    line_.clear();
  }
  std::vector<std::string>& out_;
  std::string line_;
};

int milliseconds_until(SteadyTime deadline) {
  if (deadline == SteadyTime::max()) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - BootClock::now());
  return static_cast<int>(
      std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
}

class SystemChildRunner final : public ChildRunner {
 public:
  Result<ChildEnd> run(const OpContext& context, const ChildOrder& order,
                       std::vector<std::string>& complaints) override;
};

Result<ChildEnd> SystemChildRunner::run(const OpContext& context, const ChildOrder& order,
                                        std::vector<std::string>& complaints) {
  const std::string& program = order.arguments.at(0);
  TRY_ASSIGN(Pipe output, make_pipe());
  TRY_ASSIGN(Pipe errors, make_pipe());
  const UniqueFd cancelled(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!cancelled.valid()) {
    return os_error(errno, "eventfd");
  }
  const std::stop_callback wake(context.stop, [&] { ::eventfd_write(cancelled.get(), 1); });
  TRY_ASSIGN(Child child, Child::start(order, output.write.get(), errors.write.get()));
  output.write.reset();
  errors.write.reset();

  std::string text;
  text.reserve(64UL * 1024);  // so that growing does not leave copies behind
  Lines lines(complaints);
  const auto take_output = [&](std::string_view piece) {
    // One byte beyond the limit is enough to know.
    text += piece.substr(0, order.output_limit_bytes + 1 - text.size());
  };
  const auto take_errors = [&](std::string_view piece) { lines.take(piece); };
  const auto refuse = [&](ErrorKind kind, std::string why) {
    wipe(text.data(), text.size());
    return fail(kind, format("{} {}", program, why));
  };
  std::array<pollfd, 4> watched{{{output.read.get(), POLLIN, 0},
                                 {errors.read.get(), POLLIN, 0},
                                 {child.handle(), POLLIN, 0},
                                 {cancelled.get(), POLLIN, 0}}};
  for (bool ended = false; !ended;) {
    const int ready = ::poll(watched.data(), watched.size(), milliseconds_until(context.deadline));
    if (ready < 0 && errno != EINTR) {
      return os_error(errno, "poll");
    }
    if (context.stopped()) {
      return refuse(ErrorKind::Cancelled, "was cancelled");
    }
    // What the program wrote before its end is in the pipes by now.
    ended = ready > 0 && watched[2].revents != 0;
    if (watched[0].fd >= 0 && !read_some(output.read.get(), take_output)) {
      watched[0].fd = -1;
    }
    if (watched[1].fd >= 0 && !read_some(errors.read.get(), take_errors)) {
      watched[1].fd = -1;
    }
    if (text.size() > order.output_limit_bytes) {
      return refuse(ErrorKind::TooLarge,
                    format("prints more than {}", format_size(order.output_limit_bytes)));
    }
    if (!ended && BootClock::now() >= context.deadline) {
      return refuse(ErrorKind::Timeout, "has not ended in time and was killed");
    }
  }
  return ChildEnd{child.end(), Secret(std::move(text))};
}

}  // namespace

std::unique_ptr<ChildRunner> system_child_runner() { return std::make_unique<SystemChildRunner>(); }

}  // namespace core
