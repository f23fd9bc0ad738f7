#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "fs/file_system.h"

namespace test {

/// A file system in memory, for those who test what stands in front of one. It keeps lookup counts
/// as the real one must, and a test may stand in the way of any call.
/// Threads: any.
class FakeFileSystem final : public fs::FileSystem {
 public:
  FakeFileSystem();

  /// Runs before the call of that name, with no lock held; an error that it returns is the call's.
  using Hook = std::function<core::Status(const fs::Request&)>;
  void before(const std::string& operation, Hook hook);
  /// Takes the place of read.
  using ReadHook = std::function<void(const fs::Request&, std::uint64_t offset, fs::ReadDone)>;
  void read_with(ReadHook hook);

  fs::InodeNumber add_file(fs::InodeNumber parent, const std::string& name, std::string content);
  [[nodiscard]] std::string content(fs::InodeNumber inode) const;
  [[nodiscard]] std::int64_t lookup_count(fs::InodeNumber inode) const;
  [[nodiscard]] std::size_t calls(const std::string& operation) const;
  [[nodiscard]] fs::AttributeChange last_change() const;
  [[nodiscard]] fs::Request last_request() const;
  /// How entries of a listing are given.
  void list_incomplete();
  /// What open says about the page cache and close.
  void open_as(fs::Opened opened);

  core::Result<fs::Entry> lookup(const fs::Request& request, fs::InodeNumber parent,
                                 std::string_view name) override;
  void forget(fs::InodeNumber inode, std::uint64_t count) override;
  core::Result<fs::Entry> mknod(const fs::Request& request, fs::InodeNumber parent,
                                std::string_view name, mode_t mode, dev_t device) override;
  core::Result<fs::Entry> mkdir(const fs::Request& request, fs::InodeNumber parent,
                                std::string_view name, mode_t mode) override;
  core::Result<fs::Entry> symlink(const fs::Request& request, fs::InodeNumber parent,
                                  std::string_view name, std::string_view target) override;
  core::Result<std::string> readlink(const fs::Request& request, fs::InodeNumber inode) override;
  core::Status unlink(const fs::Request& request, fs::InodeNumber parent,
                      std::string_view name) override;
  core::Status rmdir(const fs::Request& request, fs::InodeNumber parent,
                     std::string_view name) override;
  core::Status rename(const fs::Request& request, fs::InodeNumber parent, std::string_view name,
                      fs::InodeNumber new_parent, std::string_view new_name,
                      unsigned flags) override;
  core::Result<fs::Entry> getattr(const fs::Request& request, fs::InodeNumber inode) override;
  core::Result<fs::Entry> setattr(const fs::Request& request, fs::InodeNumber inode,
                                  const fs::AttributeChange& change) override;
  core::Status setxattr(const fs::Request& request, fs::InodeNumber inode, std::string_view name,
                        std::string_view value, int flags) override;
  core::Result<std::string> getxattr(const fs::Request& request, fs::InodeNumber inode,
                                     std::string_view name) override;
  core::Result<std::vector<std::string>> listxattr(const fs::Request& request,
                                                   fs::InodeNumber inode) override;
  core::Status removexattr(const fs::Request& request, fs::InodeNumber inode,
                           std::string_view name) override;
  core::Result<fs::Opened> open(const fs::Request& request, fs::InodeNumber inode,
                                int flags) override;
  core::Result<Created> create(const fs::Request& request, fs::InodeNumber parent,
                               std::string_view name, mode_t mode, int flags) override;
  void read(const fs::Request& request, fs::FileHandle handle, std::uint64_t offset,
            std::size_t size, fs::ReadDone done) override;
  core::Result<std::size_t> write(const fs::Request& request, fs::FileHandle handle,
                                  std::uint64_t offset, std::span<const std::byte> data) override;
  core::Status flush(const fs::Request& request, fs::FileHandle handle) override;
  core::Status fsync(const fs::Request& request, fs::FileHandle handle) override;
  void release(const fs::Request& request, fs::FileHandle handle) override;
  core::Status fallocate(const fs::Request& request, fs::FileHandle handle, int mode,
                         std::uint64_t offset, std::uint64_t length) override;
  core::Result<std::uint64_t> seek(const fs::Request& request, fs::FileHandle handle,
                                   std::uint64_t offset, int whence) override;
  core::Result<fs::FileHandle> opendir(const fs::Request& request, fs::InodeNumber inode) override;
  core::Status readdir(const fs::Request& request, fs::FileHandle handle, std::uint64_t offset,
                       bool plus, const fs::DirectoryFill& fill) override;
  void releasedir(fs::FileHandle handle) override;
  core::Status fsyncdir(const fs::Request& /*request*/, fs::InodeNumber /*inode*/) override {
    return {};
  }
  core::Result<fs::Entry> link(const fs::Request& /*request*/, fs::InodeNumber /*inode*/,
                               fs::InodeNumber /*parent*/, std::string_view /*name*/) override {
    return core::fail(core::ErrorKind::NotPermitted, "no links");
  }
  core::Result<std::uint64_t> copy_range(const fs::Request& /*request*/,
                                         const fs::CopyRange& /*range*/) override {
    return core::fail(core::ErrorKind::Unsupported, "no copies");
  }
  void refuse_changes(bool /*refuse*/) override {}
  [[nodiscard]] std::vector<fs::Unpublished> unpublished(std::size_t /*most*/) const override {
    return {};
  }
  core::Result<fs::SpaceInfo> statfs(const fs::Request& request) override;
  core::Status drain(const core::OpContext& context) override;
  core::Status retry_uploads(const core::OpContext& context) override;
  core::Status publish_due(const core::OpContext& context, core::Duration quiet) override;
  [[nodiscard]] fs::FileSystemStatus status() const override;
  void attach(fs::KernelCache* /*kernel*/) override {}

 private:
  struct Node {
    fs::Attributes attributes;
    std::string content;  ///< of a file; the target of a link
    std::map<std::string, fs::InodeNumber, std::less<>> children;
    std::map<std::string, std::string, std::less<>> extended;
    std::int64_t lookups = 0;
  };

  core::Status enter(const std::string& operation, const fs::Request& request);
  core::Result<fs::Entry> make(fs::InodeNumber parent, std::string_view name, mode_t mode,
                               std::string content) REQUIRES(mutex_);
  core::Result<Node*> find(fs::InodeNumber inode) REQUIRES(mutex_);
  core::Status remove(fs::InodeNumber parent, std::string_view name) REQUIRES(mutex_);

  // Calls come with no lock held and this one is left before anything is called.
  mutable core::Mutex mutex_{core::LockRank::Namespace};
  std::map<fs::InodeNumber, Node> nodes_ GUARDED_BY(mutex_);
  std::map<std::string, Hook> hooks_ GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> calls_ GUARDED_BY(mutex_);
  ReadHook read_hook_ GUARDED_BY(mutex_);
  fs::AttributeChange last_change_ GUARDED_BY(mutex_);
  fs::Request last_request_ GUARDED_BY(mutex_);
  bool incomplete_ GUARDED_BY(mutex_) = false;
  fs::Opened opened_ GUARDED_BY(mutex_);
};

}  // namespace test
