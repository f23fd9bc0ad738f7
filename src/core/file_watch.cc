#include "core/file_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include "core/log.h"
#include "core/os_error.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "core/unique_fd.h"

namespace core {
namespace {

using namespace std::chrono_literals;

/// A burst is over when nothing happened for so long; it is told after the other at the latest.
constexpr Duration kQuiet = 50ms;
constexpr Duration kLongestBurst = 1s;
constexpr int kMostLinks = 40;  // as the kernel follows

constexpr std::uint32_t kNames = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kContents = kNames | IN_CLOSE_WRITE | IN_ATTRIB;

/// A name in a directory on which the meaning of a path depends. An empty name: all of them.
struct Place {
  std::string directory;
  std::string name;
  bool last = false;
  friend bool operator<(const Place& a, const Place& b) {
    return std::tie(a.directory, a.name, a.last) < std::tie(b.directory, b.name, b.last);
  }
  friend bool operator==(const Place& a, const Place& b) {
    return a.directory == b.directory && a.name == b.name && a.last == b.last;
  }
};
using Places = std::set<Place>;

void push_front(std::deque<std::string>& components, std::string_view path) {
  const auto pieces = split(path, '/');
  components.insert(components.begin(), pieces.begin(), pieces.end());
}

std::optional<std::string> target_of(const std::string& link) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  return size < 0 ? std::nullopt
                  : std::optional(std::string(target.data(), static_cast<std::size_t>(size)));
}

/// Walks the path as the kernel would, as far as it exists.
void add_places(const std::string& path, Places& places) {
  std::deque<std::string> components;
  push_front(components, path);
  std::string directory = "/";
  for (int links = 0; !components.empty();) {
    const std::string name = components.front();
    components.pop_front();
    if (name.empty() || name == ".") {
      continue;
    }
    if (name == "..") {
      directory.resize(std::max<std::size_t>(directory.find_last_of('/'), 1));
      continue;
    }
    const std::string full = (directory == "/" ? "" : directory) + '/' + name;
    const bool last = std::all_of(components.begin(), components.end(),
                                  [](const std::string& c) { return c.empty(); });
    places.insert({directory, name, last});
    struct stat about {};
    if (::lstat(full.c_str(), &about) != 0) {
      return;
    }
    if (S_ISLNK(about.st_mode)) {
      const auto target = target_of(full);
      if (!target || ++links > kMostLinks) {
        return;
      }
      if (target->starts_with('/')) {
        directory = "/";
      }
      push_front(components, *target);
    } else if (!S_ISDIR(about.st_mode)) {
      return;
    } else {
      directory = full;
      if (last) {
        places.insert({directory, "", true});
      }
    }
  }
}

class Inotify final : public FileWatch {
 public:
  static Result<std::unique_ptr<FileWatch>> open(std::vector<std::string> paths,
                                                 std::function<void()> changed) {
    std::unique_ptr<Inotify> watch(new Inotify(std::move(paths), std::move(changed)));
    watch->events_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    watch->ended_.reset(::eventfd(0, EFD_CLOEXEC));
    if (!watch->events_.valid() || !watch->ended_.valid()) {
      return os_error(errno, "watch files");
    }
    TRY(watch->look());
    watch->thread_ = std::thread([self = watch.get()] { self->run(); });
    return std::unique_ptr<FileWatch>(std::move(watch));
  }
  Inotify(const Inotify&) = delete;
  Inotify& operator=(const Inotify&) = delete;
  ~Inotify() override {
    if (thread_.joinable()) {
      ::eventfd_write(ended_.get(), 1);
      thread_.join();
    }
  }

 private:
  Inotify(std::vector<std::string> paths, std::function<void()> changed)
      : paths_(std::move(paths)), changed_(std::move(changed)) {}

  [[nodiscard]] Places walk() const {
    Places places;
    for (const std::string& path : paths_) {
      add_places(path, places);
    }
    return places;
  }

  /// Sees where the paths lead now, and watches all the way.
  Status look() {
    places_ = walk();
    for (int tries = 0; tries < 10; ++tries) {
      TRY(watch_places());
      Places now = walk();
      if (now == places_) {
        break;
      }
      places_ = std::move(now);  // something moved before it was watched
    }
    return {};
  }

  Status watch_places() {
    std::map<std::string, std::uint32_t> masks;
    for (const Place& place : places_) {
      masks[place.directory] |= place.last ? kContents : kNames;
    }
    std::map<int, std::string> watched;
    for (const auto& [directory, mask] : masks) {
      const int number = ::inotify_add_watch(events_.get(), directory.c_str(), mask);
      if (number >= 0) {
        watched.emplace(number, directory);
      } else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
        return os_error(errno, "watch " + directory);
      }
    }
    for (const auto& [number, directory] : watched_) {
      if (watched.count(number) == 0) {
        ::inotify_rm_watch(events_.get(), number);
      }
    }
    watched_ = std::move(watched);
    return {};
  }

  /// True for an event about something that the paths depend on.
  [[nodiscard]] bool matters(const inotify_event& event, std::string_view name) const {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      return true;
    }
    const auto directory = watched_.find(event.wd);
    if (directory == watched_.end()) {
      return false;  // of a watch that was taken off
    }
    if (name.empty()) {
      return true;  // the directory itself went away
    }
    return std::any_of(places_.begin(), places_.end(), [&](const Place& place) {
      return place.directory == directory->second && (place.name.empty() || place.name == name);
    });
  }

  /// Reads all events; true if one of them matters.
  bool read_events() {
    bool found = false;
    alignas(inotify_event) std::array<char, 16384> buffer;
    for (;;) {
      const ssize_t got = ::read(events_.get(), buffer.data(), buffer.size());
      if (got <= 0) {
        return found;
      }
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof(event));
        const char* const name = buffer.data() + at + sizeof(event);
        found =
            matters(event, event.len == 0 ? std::string_view() : std::string_view(name)) || found;
        at += sizeof(event) + event.len;
      }
    }
  }

  enum class Heard : std::uint8_t { Nothing, Events, End };
  Heard listen(Duration patience) {
    std::array<pollfd, 2> watched{{{events_.get(), POLLIN, 0}, {ended_.get(), POLLIN, 0}}};
    const auto limit = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
    ::poll(watched.data(), watched.size(), patience < 0s ? -1 : static_cast<int>(limit));
    if (watched[1].revents != 0) {
      return Heard::End;
    }
    return watched[0].revents != 0 ? Heard::Events : Heard::Nothing;
  }

  void run() {
    name_this_thread("file watch");
    for (;;) {
      if (listen(-1s) == Heard::End) {
        return;
      }
      if (!read_events()) {
        continue;
      }
      const SteadyTime begun = BootClock::now();
      for (auto heard = Heard::Events;
           heard != Heard::Nothing && BootClock::now() < begun + kLongestBurst;) {
        heard = listen(kQuiet);
        if (heard == Heard::End) {
          return;
        }
        read_events();
      }
      if (auto looked = look(); !looked) {
        log(LogLevel::Warn, "files.unwatched",
            {{"error", describe(looked.error())},
             {"effect", "their next changes are seen when credentials are renewed"}});
      }
      changed_();
    }
  }

  const std::vector<std::string> paths_;
  const std::function<void()> changed_;
  UniqueFd events_;
  UniqueFd ended_;
  Places places_;
  std::map<int, std::string> watched_;
  std::thread thread_;
};

class SystemFileWatcher final : public FileWatcher {
 public:
  Result<std::unique_ptr<FileWatch>> watch(std::vector<std::string> paths,
                                           std::function<void()> changed) override {
    return Inotify::open(std::move(paths), std::move(changed));
  }
};

}  // namespace

std::unique_ptr<FileWatcher> system_file_watcher() { return std::make_unique<SystemFileWatcher>(); }

}  // namespace core
