// What a name costs in a listing whose attributes are known, as `ls -l` asks for it:
// bench_listing [NAMES [ROUNDS]]. CPU of all threads; nodes are forgotten between the rounds.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/check.h"
#include "fs/file_system.h"
#include "model/posix_meta.h"
#include "state/object_memory.h"
#include "support/fake_store.h"
#include "transfer/downloads.h"
#include "transfer/staging.h"
#include "transfer/uploads.h"

namespace {

using namespace std::chrono_literals;

/// Real time, and as much more as was asked for.
class ShiftedClock final : public core::Clock {
 public:
  [[nodiscard]] core::SteadyTime steady_now() const override {
    return core::BootClock::now() + core::Duration(shift_.load());
  }
  [[nodiscard]] core::WallTime wall_now() const override {
    return std::chrono::system_clock::now() + core::Duration(shift_.load());
  }
  void wait_until(core::CondVar& changed, core::Mutex& mutex, core::SteadyTime deadline) override
      REQUIRES(mutex) {
    changed.wait_until(mutex, deadline - core::Duration(shift_.load()));
  }
  void advance(core::Duration by) { shift_ += by.count(); }

 private:
  std::atomic<core::Duration::rep> shift_ = 0;
};

double cpu_us() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& t) {
    return 1e6 * static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

class Bench {
 public:
  Bench(std::size_t names, std::size_t rounds, bool with_memory) : names_(names), rounds_(rounds) {
    std::string name = std::filesystem::temp_directory_path() / "bench-listing-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    if (with_memory) {
      memory_ = state::ObjectMemory::open(directory_ + "/memory", "bench", {}, clock_, metrics_);
    }
    downloads_ = transfer::Downloads::create(store_, clock_, metrics_, {});
    uploads_ = transfer::Uploads::create(store_, clock_, metrics_, {});
    staging_ = *transfer::StagingArea::open(directory_, 1U << 20U, true);
    fs::Options options;
    options.metadata_lifetime = 1min;
    fs_ = fs::FileSystem::create(options, {store_, *downloads_, *uploads_, *staging_, clock_,
                                           metrics_, pool_, memory_.get()});
    model::PosixMeta posix;
    posix.mode = 0100644;
    posix.uid = posix.gid = 1000;
    posix.modified = posix.changed = core::wall_from_unix(1'700'000'000);
    store::ObjectAttributes attributes;
    attributes.content_type = "application/octet-stream";
    attributes.user = *model::with_posix_meta({}, posix);
    for (std::size_t n = 0; n < names; ++n) {
      std::string number = std::to_string(n);
      number.insert(0, 8 - number.size(), '0');
      store_.set("run-7/frame-" + number + ".parquet", number, attributes);
    }
    clock_.advance(1h);  // what is as old is settled
    inode_ = fs_->lookup(request_, fs::kRoot, "run-7")->attributes.inode;
    learn();
  }
  ~Bench() {
    fs_.reset();
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }

  /// `before` each round, which is not measured; nodes are kept from round to round or not.
  void measure(const char* what, bool keep, const std::function<void()>& before) {
    double least = std::numeric_limits<double>::max();
    std::vector<fs::InodeNumber> kept;
    for (std::size_t round = 0; round < rounds_; ++round) {
      before();
      flush();
      const double begun = cpu_us();
      std::vector<fs::InodeNumber> seen = list();
      const double took = cpu_us() - begun;
      flush();
      least = std::min(least, took);
      kept.insert(kept.end(), seen.begin(), seen.end());
      if (!keep) {
        forget(kept);
      }
    }
    forget(kept);
    std::printf("%-44s %8.2f us of CPU each\n", what, least / static_cast<double>(names_));
  }
  void expire() { clock_.advance(1h); }

 private:
  void flush() {
    if (memory_) {
      memory_->flush();
    }
  }
  void forget(std::vector<fs::InodeNumber>& numbers) {
    for (const fs::InodeNumber number : numbers) {
      fs_->forget(number, 1);
    }
    numbers.clear();
  }
  std::vector<fs::InodeNumber> list() {
    std::vector<fs::InodeNumber> found;
    const auto handle = fs_->opendir(request_, inode_);
    const auto status =
        fs_->readdir(request_, *handle, 0, true, [&](const fs::DirectoryEntry& entry) {
          if (entry.complete) {
            found.push_back(entry.attributes.inode);
          }
          return true;
        });
    CORE_CHECK(status.has_value());
    fs_->releasedir(*handle);
    return found;
  }
  void learn() {
    std::vector<std::string> names;
    const auto handle = fs_->opendir(request_, inode_);
    (void)fs_->readdir(request_, *handle, 0, true, [&](const fs::DirectoryEntry& entry) {
      names.push_back(entry.name);
      return true;
    });
    fs_->releasedir(*handle);
    for (const std::string& name : names) {
      if (name != "." && name != "..") {
        fs_->forget(fs_->lookup(request_, inode_, name)->attributes.inode, 1);
      }
    }
    CORE_CHECK(list().size() == names_);
    for (const std::string& name : names) {
      if (name != "." && name != "..") {
        const auto inode = fs_->lookup(request_, inode_, name)->attributes.inode;
        fs_->forget(inode, 2);
      }
    }
  }

  const std::size_t names_;
  const std::size_t rounds_;
  ShiftedClock clock_;
  test::FakeStore store_{clock_};
  core::Metrics metrics_;
  core::ThreadPool pool_{"requests", 8};
  std::string directory_;
  std::unique_ptr<state::ObjectMemory> memory_;
  std::unique_ptr<transfer::Downloads> downloads_;
  std::unique_ptr<transfer::Uploads> uploads_;
  std::unique_ptr<transfer::StagingArea> staging_;
  std::unique_ptr<fs::FileSystem> fs_;
  fs::Request request_;
  fs::InodeNumber inode_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t names = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000;
  const std::size_t rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10;
  for (const bool with_memory : {false, true}) {
    Bench bench(names, rounds, with_memory);
    std::printf("%zu names, %s memory on disk\n", names, with_memory ? "with" : "without");
    bench.measure("listed anew, nodes anew", false, [&] { bench.expire(); });
    bench.measure("listed anew, nodes there", true, [&] { bench.expire(); });
    bench.measure("listed just now, nodes anew", false, [] {});
    bench.measure("listed just now, nodes there", true, [] {});
  }
  return 0;
}
