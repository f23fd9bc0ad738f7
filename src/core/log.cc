#include "core/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "core/check.h"
#include "core/format.h"
#include "core/held_locks.h"
#include "core/log_thread.h"
#include "core/os_error.h"
#include "core/thread_pool.h"
#include "core/unique_fd.h"

namespace core {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"error", "warn", "info", "debug", "trace"};

/// What may wait to be written, and what errors may take beyond that.
constexpr std::size_t kMostWaiting = 4UL << 20U;
constexpr std::size_t kKeptForErrors = 256UL << 10U;
/// How long the end waits for whoever takes the lines.
constexpr Duration kLastPatience = std::chrono::seconds{1};

struct Line {
  LogLevel level = LogLevel::Info;
  WallTime when;
  std::string text;

  [[nodiscard]] std::size_t weight() const { return sizeof(Line) + text.size(); }
};

Line line_of(LogLevel level, std::string text) {
  return {level, std::chrono::system_clock::now(), std::move(text)};
}

/// Where lines go.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  /// Waits for whoever takes it. False: the line is lost.
  virtual bool write(const Line& line) = 0;
};

/// A line is one write(2): stdio's locks and buffers could hold up the process's end.
class DescriptorSink final : public Sink {
 public:
  explicit DescriptorSink(UniqueFd file = UniqueFd()) : file_(std::move(file)) {}

  bool write(const Line& line) override {
    constexpr std::array<std::string_view, 5> kWords = {"error", "warning", "info", "debug",
                                                        "trace"};
    const auto seconds = std::chrono::floor<std::chrono::seconds>(line.when);
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(line.when - seconds);
    std::string time = format_iso8601(line.when);
    time.pop_back();  // the Z
    const std::string text = format("{}.{:03}Z {} {}\n", time, rest.count(),
                                    kWords.at(static_cast<std::size_t>(line.level)), line.text);
    std::string_view left = text;
    while (!left.empty()) {
      const ssize_t n =
          ::write(file_.valid() ? file_.get() : STDERR_FILENO, left.data(), left.size());
      if (n < 0 && errno != EINTR) {
        return false;
      }
      left.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    return true;
  }

 private:
  const UniqueFd file_;  ///< else standard error
};

class SyslogSink final : public Sink {
 public:
  SyslogSink() { ::openlog("stsfs", LOG_PID, LOG_DAEMON); }
  bool write(const Line& line) override {
    constexpr std::array<int, 5> kPriorities = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG,
                                                LOG_DEBUG};
    ::syslog(kPriorities.at(static_cast<std::size_t>(line.level)), "%s", line.text.c_str());
    return true;
  }
};

/// The lines on their way. Never destroyed: at the process's end, a thread may be stuck in a sink.
class Way {
 public:
  static Way& get() {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the lines' one way.
    static Way& way = *new Way;
    return way;
  }

  void lead_to(std::shared_ptr<Sink> sink) {
    std::unique_lock lock(mutex_);
    sink_ = std::move(sink);
  }

  void send(Line line) {
    std::shared_ptr<Sink> sink;
    {
      std::unique_lock lock(mutex_);
      if (running_) {
        const std::size_t room =
            kMostWaiting + (line.level == LogLevel::Error ? kKeptForErrors : 0);
        if (weight_ + line.weight() > room) {
          ++lost_;
          count(1);
        } else {
          weight_ += line.weight();
          lines_.push_back(std::move(line));
          changed_.notify_all();
        }
        return;
      }
      sink = sink_;
    }
    sink->write(line);
  }

  void start(Metric& dropped) {
    {
      std::unique_lock lock(mutex_);
      dropped_ = &dropped;
      stopping_ = false;
      if (std::exchange(running_, true)) {
        return;  // one that was left behind, stuck
      }
    }
    std::thread([this] { run(); }).detach();
  }

  void stop() {
    const auto until = std::chrono::steady_clock::now() + kLastPatience;
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    while (running_ && std::chrono::steady_clock::now() < until) {
      changed_.wait_until(lock, until);
    }
    dropped_ = nullptr;
  }

  void flush() {
    const auto until = std::chrono::steady_clock::now() + kLastPatience;
    std::unique_lock lock(mutex_);
    while ((writing_ || !lines_.empty()) && std::chrono::steady_clock::now() < until) {
      changed_.wait_until(lock, until);
    }
  }

 private:
  Way() : sink_(std::make_shared<DescriptorSink>()) {}

  void count(std::int64_t lines) {
    if (dropped_ != nullptr) {
      dropped_->add(lines);
    }
  }

  void run() {
    name_this_thread("log");
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    for (;;) {
      Line line;
      std::uint64_t lost = 0;
      std::shared_ptr<Sink> sink;
      {
        std::unique_lock lock(mutex_);
        while (lines_.empty() && lost_ == 0 && !stopping_) {
          changed_.wait(lock);
        }
        if (lines_.empty() && lost_ == 0) {
          running_ = false;
          changed_.notify_all();
          return;
        }
        if (weight_ <= kMostWaiting / 2) {
          lost = std::exchange(lost_, 0);
        }
        if (!lines_.empty()) {
          line = std::move(lines_.front());
          lines_.pop_front();
          weight_ -= line.weight();
        }
        sink = sink_;
        writing_ = true;
      }
      if (lost > 0) {
        sink->write(line_of(LogLevel::Warn, format("log.dropped lines={}", lost)));
      }
      const bool written = line.text.empty() || sink->write(line);
      std::unique_lock lock(mutex_);
      writing_ = false;
      count(written ? 0 : 1);
      changed_.notify_all();
    }
  }

  // No core::Mutex: a broken invariant is told under any lock.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Sink> sink_;
  std::deque<Line> lines_;
  std::size_t weight_ = 0;
  std::uint64_t lost_ = 0;  ///< and not told of yet
  Metric* dropped_ = nullptr;
  bool running_ = false;
  bool writing_ = false;
  bool stopping_ = false;
};

std::atomic<LogLevel>& threshold() {
  static std::atomic<LogLevel> level{LogLevel::Info};
  return level;
}

std::string text_of(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    const bool plain =
        !field.value.empty() && field.value.find_first_of(" \"=\\") == std::string::npos;
    line += ' ';
    line += field.key;
    line += plain ? "=" : "=\"";
    line += escape_for_log(field.value);
    if (!plain) {
      line += '"';
    }
  }
  return line;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) {
      return static_cast<LogLevel>(i);
    }
  }
  return std::nullopt;
}

std::string_view to_string(LogLevel level) { return kNames[static_cast<std::size_t>(level)]; }

Status open_log(LogLevel level, LogTarget target, const std::string& file) {
  threshold() = level;
  switch (target) {
    case LogTarget::Stderr:
      Way::get().lead_to(std::make_shared<DescriptorSink>());
      break;
    case LogTarget::Syslog:
      Way::get().lead_to(std::make_shared<SyslogSink>());
      break;
    case LogTarget::File: {
      struct stat there {};
      const bool pipe = ::stat(file.c_str(), &there) == 0 && S_ISFIFO(there.st_mode);
      // With both ends a pipe opens at once, whether somebody reads it already or not.
      UniqueFd opened(::open(file.c_str(),
                             (pipe ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
                             0600));
      if (!opened.valid()) {
        return os_error(errno, "log file " + file);
      }
      Way::get().lead_to(std::make_shared<DescriptorSink>(std::move(opened)));
      break;
    }
  }
  return {};
}

void set_log_level(LogLevel level) { threshold() = level; }
bool log_enabled(LogLevel level) { return level <= threshold().load(std::memory_order_relaxed); }

std::string escape_for_log(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += format("\\x{:02x}", byte);
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  // Without a LogThread a line waits for whoever takes it, and so would all who want the lock.
  CORE_CHECK(!holds_a_lock());
  if (log_enabled(level)) {
    Way::get().send(line_of(level, text_of(event, fields)));
  }
}

LogThread::LogThread(Metrics& metrics) { Way::get().start(metrics["log.dropped"]); }
LogThread::~LogThread() { Way::get().stop(); }

void check_failed(const char* condition, const char* file, int line) {
  Way::get().send(line_of(
      LogLevel::Error,
      text_of("broken invariant", {{"condition", condition}, {"file", file}, {"line", line}})));
  Way::get().flush();
  std::abort();
}

}  // namespace core
