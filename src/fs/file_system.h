#pragma once
// POSIX meaning over a bucket. `fuse` translates the kernel's protocol to these calls; tests call
// them as the kernel would.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/blocks.h"
#include "fs/options.h"
#include "fs/types.h"

namespace fs {

/// Errors: every call may return those of its store operations; the ones named are its own.
/// Threads: any; calls block up to request.context.deadline, `read` never does.
class FileSystem {
 public:
  static std::unique_ptr<FileSystem> create(Options options, Parts parts);
  virtual ~FileSystem() = default;

  // Names. lookup, mknod, mkdir, symlink and create take one lookup count of the inode.
  virtual core::Result<Entry> lookup(const Request& request, InodeNumber parent,
                                     std::string_view name) = 0;
  virtual void forget(InodeNumber inode, std::uint64_t count) = 0;
  virtual core::Result<Entry> mknod(const Request& request, InodeNumber parent,
                                    std::string_view name, mode_t mode, dev_t device) = 0;
  virtual core::Result<Entry> mkdir(const Request& request, InodeNumber parent,
                                    std::string_view name, mode_t mode) = 0;
  virtual core::Result<Entry> symlink(const Request& request, InodeNumber parent,
                                      std::string_view name, std::string_view target) = 0;
  virtual core::Result<std::string> readlink(const Request& request, InodeNumber inode) = 0;
  virtual core::Status unlink(const Request& request, InodeNumber parent,
                              std::string_view name) = 0;
  virtual core::Status rmdir(const Request& request, InodeNumber parent, std::string_view name) = 0;
  /// A second name. Errors: NotPermitted, but with HardLinks::Copy.
  virtual core::Result<Entry> link(const Request& request, InodeNumber inode,
                                   InodeNumber new_parent, std::string_view new_name) = 0;
  /// `flags` as renameat2: 0, RENAME_NOREPLACE; RENAME_EXCHANGE is Unsupported.
  virtual core::Status rename(const Request& request, InodeNumber parent, std::string_view name,
                              InodeNumber new_parent, std::string_view new_name,
                              unsigned flags) = 0;

  // Attributes.
  virtual core::Result<Entry> getattr(const Request& request, InodeNumber inode) = 0;
  virtual core::Result<Entry> setattr(const Request& request, InodeNumber inode,
                                      const AttributeChange& change) = 0;
  virtual core::Status setxattr(const Request& request, InodeNumber inode, std::string_view name,
                                std::string_view value, int flags) = 0;
  virtual core::Result<std::string> getxattr(const Request& request, InodeNumber inode,
                                             std::string_view name) = 0;
  virtual core::Result<std::vector<std::string>> listxattr(const Request& request,
                                                           InodeNumber inode) = 0;
  virtual core::Status removexattr(const Request& request, InodeNumber inode,
                                   std::string_view name) = 0;

  // Files. `flags` as open(2).
  virtual core::Result<Opened> open(const Request& request, InodeNumber inode, int flags) = 0;
  using Created = fs::Created;
  virtual core::Result<Created> create(const Request& request, InodeNumber parent,
                                       std::string_view name, mode_t mode, int flags) = 0;
  /// Errors: Changed if the object was replaced since open.
  virtual void read(const Request& request, FileHandle handle, std::uint64_t offset,
                    std::size_t size, ReadDone done) = 0;
  virtual core::Result<std::size_t> write(const Request& request, FileHandle handle,
                                          std::uint64_t offset,
                                          std::span<const std::byte> data) = 0;
  /// The same with bytes that may be all of a block, which may be kept.
  virtual core::Result<std::size_t> write_block(const Request& request, FileHandle handle,
                                                std::uint64_t offset,
                                                std::span<const std::byte> data,
                                                core::BlockOffer& /*offer*/) {
    return write(request, handle, offset, data);
  }
  /// close(2) of one descriptor: uploads what is dirty and reports how that went.
  virtual core::Status flush(const Request& request, FileHandle handle) = 0;
  virtual core::Status fsync(const Request& request, FileHandle handle) = 0;
  /// The last descriptor is gone. What mmap dirtied after the flush uploads now.
  virtual void release(const Request& request, FileHandle handle) = 0;
  virtual core::Status fallocate(const Request& request, FileHandle handle, int mode,
                                 std::uint64_t offset, std::uint64_t length) = 0;
  /// Errors: Unsupported: whoever asks has to move the bytes.
  virtual core::Result<std::uint64_t> copy_range(const Request& request,
                                                 const CopyRange& range) = 0;
  /// SEEK_DATA and SEEK_HOLE.
  virtual core::Result<std::uint64_t> seek(const Request& request, FileHandle handle,
                                           std::uint64_t offset, int whence) = 0;

  // Directories. Offsets are stable for the life of the handle.
  virtual core::Result<FileHandle> opendir(const Request& request, InodeNumber inode) = 0;
  /// With `plus`, every entry filled in with `complete` takes a lookup count.
  virtual core::Status readdir(const Request& request, FileHandle handle, std::uint64_t offset,
                               bool plus, const DirectoryFill& fill) = 0;
  virtual void releasedir(FileHandle handle) = 0;
  /// Returns when what was unlinked in the directory is gone from the bucket, or with why not.
  virtual core::Status fsyncdir(const Request& request, InodeNumber inode) = 0;

  virtual core::Result<SpaceInfo> statfs(const Request& request) = 0;

  // Life.
  /// Uploads everything dirty; returns the first failure after trying all. Where close() promises
  /// no more than that content is safe on this host, what is so by now is no failure.
  virtual core::Status drain(const core::OpContext& context) = 0;
  /// Uploads again what failed to, where nobody has it open for writing: a program that has will
  /// learn by its own fsync or close. Returns the first failure after trying all.
  virtual core::Status retry_uploads(const core::OpContext& context) = 0;
  /// Whether changes are refused (ReadOnly) because the mount is about to end. What is open can
  /// still be closed.
  virtual void refuse_changes(bool refuse) = 0;
  /// What the bucket does not have, at most so many.
  [[nodiscard]] virtual std::vector<Unpublished> unpublished(std::size_t most) const = 0;
  /// Uploads what was written and neither closed nor synced since: once nobody has written to it
  /// for `quiet`, or five times that after it was last in the bucket. Returns the first failure
  /// after trying all; whoever closes is told of those, too.
  virtual core::Status publish_due(const core::OpContext& context, core::Duration quiet) = 0;
  [[nodiscard]] virtual FileSystemStatus status() const = 0;
  /// Who is told what the kernel must forget; null: nobody any more, for good, once this returns.
  virtual void attach(KernelCache* kernel) = 0;
};

}  // namespace fs
