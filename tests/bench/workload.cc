// What programs do to a directory, timed from outside of it. Whatever is done, at most SECONDS pass
// before nothing new is begun, so that a slow mount gives a rate too.
//
//   bench_workload read BLOCK LIMIT SECONDS FILE...        each file by a thread of its own, LIMIT
//   bytes bench_workload random BLOCK COUNT THREADS SECONDS FILE  blocks at places of a fixed
//   sequence bench_workload files THREADS SECONDS LIMIT DIR COUNT   opens DIR/00000000, … and reads
//   LIMIT bytes bench_workload stat SECONDS DIR COUNT                  lstat of DIR/00000000, …
//   bench_workload write BYTES FILE                        1 MiB at a time, until close returned
//   bench_workload create THREADS SECONDS DIR COUNT BYTES  new files DIR/00000000, …
//   bench_workload memory BYTES                            touches so much memory and gives it back
//
// Standard output: {"seconds": …, "bytes": …, "operations": …}. Whatever fails ends it with code 1
// and a line on standard error.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMiB = 1UL << 20;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::_Exit(1);
}

/// What is done so far, by all threads, and until when something new may begin.
class Work {
 public:
  explicit Work(double seconds)
      : end_(begun_ + std::chrono::duration_cast<SteadyClock::duration>(
                          std::chrono::duration<double>(seconds))) {}

  bool goes_on() const { return SteadyClock::now() < end_; }

  void did(std::uint64_t bytes) {
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    operations_.fetch_add(1, std::memory_order_relaxed);
  }

  void report() const {
    const std::chrono::duration<double> taken = SteadyClock::now() - begun_;
    std::printf("{\"seconds\": %.6f, \"bytes\": %llu, \"operations\": %llu}\n", taken.count(),
                static_cast<unsigned long long>(bytes_.load()),
                static_cast<unsigned long long>(operations_.load()));
  }

 private:
  SteadyClock::time_point begun_ = SteadyClock::now();
  SteadyClock::time_point end_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> operations_{0};
};

/// A file that is open as long as this lives; close() tells what closing says.
class File {
 public:
  File(std::string name, int flags) : name_(std::move(name)) {
    descriptor_ = ::open(name_.c_str(), flags | O_CLOEXEC, 0644);
    if (descriptor_ < 0) {
      fail("open " + name_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  void close() {
    if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0) {
      fail("close " + name_);
    }
  }

  std::size_t read(std::vector<char>& into, std::size_t most) const {
    const ssize_t got = ::read(descriptor_, into.data(), std::min(most, into.size()));
    if (got < 0) {
      fail("read " + name_);
    }
    return static_cast<std::size_t>(got);
  }

  /// The whole of `into` must be there.
  void read_at(std::uint64_t offset, std::vector<char>& into) const {
    const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(into.size())) {
      fail("read in the midst of " + name_);
    }
  }

  void write(const char* from, std::size_t bytes) const {
    while (bytes > 0) {
      const ssize_t put = ::write(descriptor_, from, bytes);
      if (put <= 0) {
        fail("write " + name_);
      }
      from += put;
      bytes -= static_cast<std::size_t>(put);
    }
  }

  std::uint64_t size() const {
    struct stat about {};
    if (::fstat(descriptor_, &about) != 0) {
      fail("stat " + name_);
    }
    return static_cast<std::uint64_t>(about.st_size);
  }

 private:
  std::string name_;
  int descriptor_ = -1;
};

/// The arguments behind the verb, one after the other.
class Arguments {
 public:
  Arguments(int count, char** words) : words_(words + std::min(count, 2), words + count) {}

  std::string text() {
    if (next_ == words_.size()) {
      std::fprintf(stderr, "an argument is missing; the head of the source lists them\n");
      std::_Exit(2);
    }
    return words_[next_++];
  }
  std::uint64_t number() { return std::strtoull(text().c_str(), nullptr, 10); }
  double seconds() { return std::strtod(text().c_str(), nullptr); }
  std::vector<std::string> rest() {
    std::vector<std::string> names(words_.begin() + static_cast<std::ptrdiff_t>(next_),
                                   words_.end());
    next_ = words_.size();
    return names;
  }

 private:
  std::vector<std::string> words_;
  std::size_t next_ = 0;
};

std::string numbered(const std::string& directory, std::uint64_t number) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "/%08llu", static_cast<unsigned long long>(number));
  return directory + digits.data();
}

/// Calls `each(n)` for 0 … threads - 1, each in a thread.
void in_threads(std::uint64_t threads, const std::function<void(std::uint64_t)>& each) {
  std::vector<std::thread> running;
  for (std::uint64_t n = 0; n < threads; ++n) {
    running.emplace_back([&each, n] { each(n); });
  }
  for (std::thread& one : running) {
    one.join();
  }
}

std::vector<char> noise(std::size_t bytes) {
  std::mt19937_64 random(1);  // NOLINT(cert-msc51-cpp,cert-msc32-c): the same in every run
  std::vector<char> data(bytes);
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t value = random();
    std::memcpy(data.data() + at, &value, sizeof value);
  }
  return data;
}

/// Reads from where the file stands, to its end or to `limit` bytes.
std::uint64_t read_through(const File& file, std::vector<char>& buffer, std::uint64_t limit,
                           const Work* work) {
  std::uint64_t done = 0;
  while (done < limit && (work == nullptr || work->goes_on())) {
    const std::size_t got = file.read(buffer, limit - done);
    if (got == 0) {
      break;
    }
    done += got;
  }
  return done;
}

void read(Arguments arguments) {
  const std::uint64_t block = arguments.number();
  const std::uint64_t limit = arguments.number();
  Work work(arguments.seconds());
  const std::vector<std::string> names = arguments.rest();
  in_threads(names.size(), [&](std::uint64_t n) {
    std::vector<char> buffer(block);
    const File file(names[n], O_RDONLY);
    work.did(read_through(file, buffer, limit, &work));
  });
  work.report();
}

/// Every block's number once, in an order that is the same in every run.
std::vector<std::uint64_t> shuffled(std::uint64_t blocks) {
  std::vector<std::uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  // NOLINTNEXTLINE(cert-msc51-cpp,cert-msc32-c)
  std::shuffle(order.begin(), order.end(), std::mt19937_64(2));
  return order;
}

void random(Arguments arguments) {
  const std::uint64_t block = arguments.number();
  const std::uint64_t threads = arguments.number();
  const double seconds = arguments.seconds();
  const std::string name = arguments.text();
  const std::vector<std::uint64_t> order = shuffled(File(name, O_RDONLY).size() / block);
  std::atomic<std::uint64_t> next{0};
  Work work(seconds);
  in_threads(threads, [&](std::uint64_t) {
    std::vector<char> buffer(block);
    const File file(name, O_RDONLY);
    for (std::uint64_t i = next++; i < order.size() && work.goes_on(); i = next++) {
      file.read_at(order[i] * block, buffer);
      work.did(block);
    }
  });
  work.report();
}

void files(Arguments arguments) {
  const std::uint64_t threads = arguments.number();
  Work work(arguments.seconds());
  const std::uint64_t limit = arguments.number();
  const std::string directory = arguments.text();
  const std::uint64_t count = arguments.number();
  std::atomic<std::uint64_t> next{0};
  in_threads(threads, [&](std::uint64_t) {
    std::vector<char> buffer(std::min<std::uint64_t>(limit, kMiB));
    for (std::uint64_t i = next++; i < count && work.goes_on(); i = next++) {
      const File file(numbered(directory, i), O_RDONLY);
      work.did(read_through(file, buffer, limit, nullptr));
    }
  });
  work.report();
}

void stat(Arguments arguments) {
  Work work(arguments.seconds());
  const std::string directory = arguments.text();
  const std::uint64_t count = arguments.number();
  for (std::uint64_t i = 0; i < count && work.goes_on(); ++i) {
    struct stat about {};
    if (::lstat(numbered(directory, i).c_str(), &about) != 0) {
      fail("stat " + numbered(directory, i));
    }
    work.did(0);
  }
  work.report();
}

void write(Arguments arguments) {
  std::uint64_t left = arguments.number();
  const std::vector<char> data = noise(kMiB);
  Work work(0);
  File file(arguments.text(), O_WRONLY | O_CREAT | O_TRUNC);
  for (std::uint64_t piece = 0; left > 0; left -= piece) {
    piece = std::min<std::uint64_t>(left, data.size());
    file.write(data.data(), piece);
    work.did(piece);
  }
  file.close();
  work.report();
}

void create(Arguments arguments) {
  const std::uint64_t threads = arguments.number();
  Work work(arguments.seconds());
  const std::string directory = arguments.text();
  const std::uint64_t count = arguments.number();
  const std::vector<char> data = noise(arguments.number());
  std::atomic<std::uint64_t> next{0};
  in_threads(threads, [&](std::uint64_t) {
    while (work.goes_on()) {
      const std::uint64_t i = next++;
      if (i >= count) {
        return;
      }
      File file(numbered(directory, i), O_WRONLY | O_CREAT | O_EXCL);
      file.write(data.data(), data.size());
      file.close();
      work.did(data.size());
    }
  });
  work.report();
}

void memory(Arguments arguments) {
  const std::uint64_t bytes = arguments.number();
  Work work(0);
  void* const room = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (room == MAP_FAILED) {
    fail("mmap");
  }
  ::munmap(room, bytes);
  work.did(bytes);
  work.report();
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, void (*)(Arguments)> verbs = {
      {"read", read},   {"random", random}, {"files", files},  {"stat", stat},
      {"write", write}, {"create", create}, {"memory", memory}};
  const auto found = verbs.find(argc > 1 ? argv[1] : "");
  if (found == verbs.end()) {
    std::fprintf(stderr, "the head of the source lists the verbs\n");
    return 2;
  }
  found->second(Arguments(argc, argv));
  return 0;
}
