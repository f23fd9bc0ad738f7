#pragma once
// A core::FileWatcher that is told of changes by the test.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/file_watch.h"

namespace test {

/// Threads: any; the watch must outlive no call of touch().
class FakeFileWatcher final : public core::FileWatcher {
 public:
  core::Result<std::unique_ptr<core::FileWatch>> watch(std::vector<std::string> paths,
                                                       std::function<void()> changed) override {
    if (refuse) {
      return *refuse;
    }
    watched_.push_back({std::move(paths), std::move(changed)});
    return std::make_unique<core::FileWatch>();
  }

  /// Tells who watches that path. True if anybody does.
  bool touch(const std::string& path) {
    bool told = false;
    for (const auto& [paths, changed] : watched_) {
      if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
        changed();
        told = true;
      }
    }
    return told;
  }

  std::optional<core::Error> refuse;  ///< every watch fails like this

 private:
  struct Watched {
    std::vector<std::string> paths;
    std::function<void()> changed;
  };
  std::vector<Watched> watched_;
};

}  // namespace test
