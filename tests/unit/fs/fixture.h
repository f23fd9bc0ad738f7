#pragma once
// A file system over a bucket in memory, called as the kernel would call it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>

#include "core/text.h"
#include "core/thread_pool.h"
#include "fs/file_system.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/results.h"
#include "transfer/downloads.h"
#include "transfer/staging.h"
#include "transfer/uploads.h"

namespace fs_test {

using core::ErrorKind;
using fs::Entry;
using fs::InodeNumber;
using fs::kRoot;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using test::Op;
using namespace std::chrono_literals;

/// The first `times` calls of an operation (of one key).
inline test::Rule on(Op op, std::size_t times = 1, std::string key = {}) {
  test::Rule rule;
  rule.op = op;
  rule.times = times;
  rule.key = std::move(key);
  return rule;
}

class FileSystemTest : public ::testing::Test {
 protected:
  FileSystemTest() {
    std::string name = std::filesystem::temp_directory_path() / "stsfs-fs-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    options_.prefix = "p/";
    options_.uid = 1000;
    options_.gid = 1000;
    options_.metadata_lifetime = 1s;
    options_.host_name = "here";
    request_.uid = 1000;
    request_.gid = 1000;
    clock_.advance(1h);
    mount();
  }
  ~FileSystemTest() override {
    fs_.reset();
    downloads_.reset();
    std::filesystem::remove_all(directory_);
  }

  /// (Re)mounts with options_.
  void mount() {
    fs_.reset();
    downloads_ = transfer::Downloads::create(store_, clock_, metrics_, {});
    uploads_ = transfer::Uploads::create(store_, clock_, metrics_, upload_options_);
    staging_ = *transfer::StagingArea::open(directory_, staging_limit_, true);
    fs_ = fs::FileSystem::create(
        options_, {store_, *downloads_, *uploads_, *staging_, clock_, metrics_, pool_, memory_});
  }

  /// Remounts so that little content makes many parts.
  void mount_with_parts_of(std::uint64_t bytes) {
    auto can = store_.capabilities();
    can.min_part_bytes = 1;
    store_.set_capabilities(can);
    upload_options_.multipart_threshold_bytes = 2 * bytes;
    upload_options_.part_bytes = bytes;
    mount();
  }

  /// Follows `path` name by name, and forgets at once what it looked up on the way.
  core::Result<Entry> stat(const std::string& path) {
    TRY_ASSIGN(Entry at, fs_->getattr(request_, kRoot));
    for (const std::string_view name : core::split(path, '/')) {
      if (!name.empty()) {
        TRY_ASSIGN(at, fs_->lookup(request_, at.attributes.inode, name));
      }
    }
    return at;
  }
  /// The inode of what must be there.
  InodeNumber inode(const std::string& path) {
    const auto found = stat(path);
    EXPECT_TRUE(found) << path << ": " << core::describe(found.error());
    return found ? found->attributes.inode : 0;
  }
  InodeNumber parent(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? kRoot : inode(path.substr(0, slash));
  }
  static std::string base(const std::string& path) { return path.substr(path.rfind('/') + 1); }

  core::Result<fs::Opened> open(const std::string& path, int flags) {
    TRY_ASSIGN(const Entry found, stat(path));
    return fs_->open(request_, found.attributes.inode, flags);
  }
  core::Result<fs::FileSystem::Created> create(const std::string& path, mode_t mode = 0644,
                                               int flags = O_RDWR) {
    auto created = fs_->create(request_, parent(path), base(path), mode, flags);
    if (created || created.error().kind != ErrorKind::Changed) {
      return created;
    }
    // It is there already: the kernel looks again, and opens what it finds.
    TRY_ASSIGN(const Entry found, stat(path));
    TRY_ASSIGN(const fs::Opened opened, fs_->open(request_, found.attributes.inode, flags));
    return fs::FileSystem::Created{found, opened};
  }
  core::Result<std::string> read(fs::FileHandle handle, std::uint64_t offset = 0,
                                 std::size_t size = 1 << 20) {
    std::promise<core::Result<std::string>> promise;
    fs_->read(request_, handle, offset, size, [&](core::Result<std::vector<core::Bytes>> result) {
      if (!result) {
        promise.set_value(result.error());
        return;
      }
      std::string text;
      for (const core::Bytes& piece : *result) {
        text += core::as_text(piece.view());
      }
      promise.set_value(std::move(text));
    });
    return promise.get_future().get();
  }
  core::Status write(fs::FileHandle handle, std::string_view text, std::uint64_t offset = 0) {
    TRY_ASSIGN(const std::size_t n, fs_->write(request_, handle, offset, core::as_bytes(text)));
    EXPECT_EQ(n, text.size());
    return {};
  }
  /// close(2): flush, then release, as the kernel does.
  core::Status close(fs::FileHandle handle) {
    core::Status status = fs_->flush(request_, handle);
    fs_->release(request_, handle);
    return status;
  }
  /// As a shell's `printf text > path`.
  core::Status put(const std::string& path, std::string_view text) {
    auto opened = open(path, O_WRONLY | O_TRUNC);
    if (!opened) {
      TRY_ASSIGN(const auto created, create(path));
      opened = created.opened;
    }
    TRY(write(opened->handle, text));
    return close(opened->handle);
  }
  core::Result<std::string> cat(const std::string& path) {
    TRY_ASSIGN(const fs::Opened opened, open(path, O_RDONLY));
    auto text = read(opened.handle);
    fs_->release(request_, opened.handle);
    return text;
  }

  struct Listed {
    mode_t mode;
    std::uint64_t size;
    bool complete;
  };
  core::Result<std::map<std::string, Listed>> list(const std::string& path, bool plus = true) {
    TRY_ASSIGN(const Entry found, stat(path));
    TRY_ASSIGN(const auto handle, fs_->opendir(request_, found.attributes.inode));
    std::map<std::string, Listed> names;
    std::vector<InodeNumber> counted;
    auto status = fs_->readdir(request_, handle, 0, plus, [&](const fs::DirectoryEntry& entry) {
      const Listed listed{entry.attributes.mode, entry.attributes.size, entry.complete};
      if (entry.complete) {
        counted.push_back(entry.attributes.inode);
      }
      EXPECT_TRUE(names.emplace(entry.name, listed).second) << entry.name << " twice";
      return true;
    });
    fs_->releasedir(handle);
    for (const InodeNumber number : counted) {
      fs_->forget(number, 1);
    }
    TRY(std::move(status));
    names.erase(".");
    names.erase("..");
    return names;
  }
  /// d_ino of every name.
  std::map<std::string, InodeNumber> list_inodes(const std::string& path) {
    std::map<std::string, InodeNumber> found;
    const auto handle = fs_->opendir(request_, inode(path));
    EXPECT_TRUE(fs_->readdir(request_, *handle, 0, false, [&](const fs::DirectoryEntry& entry) {
      found.emplace(entry.name, entry.attributes.inode);
      return true;
    }));
    fs_->releasedir(*handle);
    return found;
  }
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> all;
    const auto listed = list(path);
    EXPECT_TRUE(listed) << core::describe(listed.error());
    if (listed) {
      for (const auto& [name, row] : *listed) {
        all.push_back(name);
      }
    }
    return all;
  }

  core::Status unlink(const std::string& path) {
    return fs_->unlink(request_, parent(path), base(path));
  }
  core::Status mkdir(const std::string& path, mode_t mode = 0755) {
    TRY(fs_->mkdir(request_, parent(path), base(path), mode));
    return {};
  }
  core::Status rmdir(const std::string& path) {
    return fs_->rmdir(request_, parent(path), base(path));
  }
  core::Status rename(const std::string& from, const std::string& to, unsigned flags = 0) {
    return fs_->rename(request_, parent(from), base(from), parent(to), base(to), flags);
  }
  core::Status chmod(const std::string& path, mode_t mode) {
    TRY_ASSIGN(const Entry found, stat(path));
    fs::AttributeChange change;
    change.mode = mode;
    TRY(fs_->setattr(request_, found.attributes.inode, change));
    return {};
  }
  core::Result<Entry> truncate(const std::string& path, std::uint64_t size) {
    TRY_ASSIGN(const Entry found, stat(path));
    fs::AttributeChange change;
    change.size = size;
    return fs_->setattr(request_, found.attributes.inode, change);
  }

  store::ObjectAttributes meta(store::UserMeta user) {
    store::ObjectAttributes attributes;
    attributes.user = std::move(user);
    return attributes;
  }
  /// What was remembered has expired.
  void expire() { clock_.advance(2s); }

  test::FakeClock clock_;
  test::FakeStore store_{clock_};
  core::Metrics metrics_;
  core::ThreadPool pool_{"requests", 64};
  std::string directory_;
  fs::Options options_;
  fs::Request request_;
  transfer::UploadOptions upload_options_;
  std::uint64_t staging_limit_ = std::uint64_t{1} << 30U;
  state::ObjectMemory* memory_ = nullptr;  ///< of what another life has learnt
  std::unique_ptr<transfer::Downloads> downloads_;
  std::unique_ptr<transfer::Uploads> uploads_;
  std::unique_ptr<transfer::StagingArea> staging_;
  std::unique_ptr<fs::FileSystem> fs_;
};

}  // namespace fs_test
