// How many inodes the kernel knows is bounded: it is asked to forget.
#include <gmock/gmock.h>

#include <atomic>

#include "core/format.h"
#include "fixture.h"
#include "fs/inode_table.h"

namespace fs_test {
namespace {

class CrowdTest : public FileSystemTest {
 protected:
  static constexpr std::uint64_t kMost = 100;
  static constexpr int kNames = 1000;

  /// Forgets what it is asked to, as the kernel does: by a FORGET of all counts.
  class Kernel final : public fs::KernelCache {
   public:
    explicit Kernel(CrowdTest& test) : test_(test) {}
    void forget_pages(InodeNumber /*inode*/) override {}
    void forget_name(InodeNumber directory, const std::string& name) override {
      InodeNumber inode = 0;
      {
        const core::MutexLock lock(mutex_);
        const auto at = known_.find({directory, name});
        if (at == known_.end()) {
          return;
        }
        inode = at->second;
        known_.erase(at);
        forgotten_.insert(name);
      }
      test_.fs_->forget(inode, 1);
      const core::MutexLock lock(mutex_);
      changed_.notify_all();
    }
    void await_inodes(std::uint64_t most) {
      const core::MutexLock lock(mutex_);
      while (test_.fs_->status().inodes > most) {
        changed_.wait(mutex_);
      }
    }
    void look(InodeNumber directory, const std::string& name) {
      const auto found = test_.fs_->lookup(test_.request_, directory, name);
      ASSERT_THAT(found, IsOk());
      const core::MutexLock lock(mutex_);
      known_[{directory, name}] = found->attributes.inode;
    }
    bool has_forgotten(const std::string& name) {
      const core::MutexLock lock(mutex_);
      return forgotten_.contains(name);
    }

   private:
    CrowdTest& test_;
    core::Mutex mutex_{core::LockRank::App};  // below those of the file system, which it asks
    core::CondVar changed_;
    std::map<std::pair<InodeNumber, std::string>, InodeNumber> known_ GUARDED_BY(mutex_);
    std::set<std::string> forgotten_ GUARDED_BY(mutex_);
  };

  CrowdTest() {
    for (int i = 0; i < kNames; ++i) {
      store_.set(core::format("p/f{}", i), "x");
    }
    store_.set("p/d/open", "x");
    options_.nodes_bytes = kMost * fs::InodeTable::kNodeBytes;
    mount();
    fs_->attach(&kernel_);
  }
  ~CrowdTest() override { fs_->attach(nullptr); }

  void look_at_all() {
    for (int i = 0; i < kNames; ++i) {
      kernel_.look(kRoot, core::format("f{}", i));
    }
  }

  Kernel kernel_{*this};
};

TEST_F(CrowdTest, TheKernelIsAskedToForget) {
  look_at_all();
  kernel_.await_inodes(kMost);
  EXPECT_GE(fs_->status().inodes, kMost / 2);
}

TEST_F(CrowdTest, WhatIsOpenOrNotUploadedOrADirectoryStays) {
  kernel_.look(kRoot, "d");
  const InodeNumber directory = inode("d");
  kernel_.look(directory, "open");
  const auto opened = open("d/open", O_RDONLY);
  ASSERT_THAT(opened, IsOk());
  const auto made = create("new");
  ASSERT_THAT(made, IsOk());
  look_at_all();
  EXPECT_FALSE(kernel_.has_forgotten("d"));
  EXPECT_FALSE(kernel_.has_forgotten("open"));
  EXPECT_FALSE(kernel_.has_forgotten("new"));
  EXPECT_THAT(read(opened->handle), IsOkAnd("x"));
  EXPECT_THAT(close(made->opened.handle), IsOk());
  fs_->release(request_, opened->handle);
}

}  // namespace
}  // namespace fs_test
