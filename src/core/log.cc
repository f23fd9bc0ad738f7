#include "core/log.h"

#include <fcntl.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>

#include "core/check.h"
#include "core/os_error.h"
#include "core/snapshot.h"

namespace core {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"error", "warn", "info", "debug", "trace"};

std::atomic<LogLevel>& threshold() {
  static std::atomic<LogLevel> level{LogLevel::Info};
  return level;
}

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink, bool with_time) {
  auto logger = std::make_shared<spdlog::logger>("stsfs", std::move(sink));
  logger->set_level(spdlog::level::trace);
  logger->set_pattern(with_time ? "%Y-%m-%dT%H:%M:%S.%eZ %l %v" : "%l %v",
                      spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

/// The logger in use; spdlog's own registry is not used, so that there is one owner.
std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance =
      make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>(), true);
  return instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Error:
      return spdlog::level::err;
    case LogLevel::Warn:
      return spdlog::level::warn;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Trace:
      return spdlog::level::trace;
  }
  return spdlog::level::err;
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
      logger() = make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>(), true);
      break;
    case LogTarget::Syslog:
      logger() = make_logger(
          std::make_shared<spdlog::sinks::syslog_sink_mt>("stsfs", LOG_PID, LOG_DAEMON, true),
          false);
      break;
    case LogTarget::File: {
      const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
      if (fd < 0) {
        return os_error(errno, "log file " + file);
      }
      ::close(fd);
      try {
        logger() = make_logger(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file), true);
      } catch (const spdlog::spdlog_ex& failure) {
        return fail(ErrorKind::Io, "log file " + file + ": " + failure.what());
      }
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
      out += fmt::format("\\x{:02x}", byte);
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
  if (!log_enabled(level)) {
    return;
  }
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
  logger()->log(to_spdlog(level), "{}", line);
}

void check_failed(const char* condition, const char* file, int line) {
  log(LogLevel::Error, "broken invariant",
      {{"condition", condition}, {"file", file}, {"line", line}});
  std::abort();
}

}  // namespace core
