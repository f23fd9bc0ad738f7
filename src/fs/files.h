#pragma once
// Open files: reading from wherever the bytes are, writing into the staging area.
#include <atomic>
#include <memory>
#include <span>

#include "core/gate.h"
#include "fs/content.h"
#include "fs/lookup.h"
#include "fs/open_file.h"

namespace fs {

/// Writing by anybody but root takes the set-id bits away (write(2), and its like).
void drop_set_id(Attributes& attributes);

/// A handle of a node as it is.
Opened add_handle(Mount& mount, const NodePtr& node, int flags) REQUIRES(mount.mutex);

/// Threads: any; `read` does not block, everything else may.
class Files {
 public:
  Files(Mount& mount, Lookup& lookup, Content& content)
      : mount_(mount), lookup_(lookup), content_(content) {}

  core::Result<Opened> open(const Request& request, InodeNumber inode, int flags);

  void read(const Request& request, FileHandle handle, std::uint64_t offset, std::size_t size,
            ReadDone done);
  core::Result<std::size_t> write(const Request& request, FileHandle handle, std::uint64_t offset,
                                  std::span<const std::byte> data, core::BlockOffer& offer);
  core::Status flush(const Request& request, FileHandle handle);
  void release(const Request& request, FileHandle handle);
  core::Status fallocate(const Request& request, FileHandle handle, int mode, std::uint64_t offset,
                         std::uint64_t length);
  /// Copies the whole of a large, clean object over an empty file on the server; returns its size.
  /// Errors: Unsupported: the bytes have to be moved by whoever asks.
  core::Result<std::uint64_t> copy_range(const Request& request, const CopyRange& range);
  core::Result<std::uint64_t> seek(const Request& request, FileHandle handle, std::uint64_t offset,
                                   int whence);
  /// Changes the length of a claimed node; the upload is left to others.
  core::Status truncate_claimed(const Request& request, const NodePtr& node, std::uint64_t size);
  /// Who is told of damaged pages; null: nobody any more, for good, once this has returned.
  void attach(KernelCache* kernel);

 private:
  core::Result<std::shared_ptr<OpenFile>> handle_of(FileHandle handle) const;
  /// What a read needs: one is set, or both, or nothing is to be read.
  struct Way {
    std::shared_ptr<transfer::LayeredFile> staged;
    std::shared_ptr<transfer::Reader> reader;
    model::ObjectVersion version;
    model::ByteRange from_reader;  ///< the rest is staged
  };
  core::Result<Way> way_to(const std::shared_ptr<OpenFile>& file, model::ByteRange wanted);
  /// Sets the reader of what is stored.
  void read_version(OpenFile& file, Way& way) REQUIRES(mount_.mutex);
  /// Bytes of the object came with a wrong sum. What the kernel and we hold of it goes, and the
  /// next open builds on none of it.
  void forget_damaged(FileHandle handle, const model::ObjectVersion& version);
  void read_again_if_moved(const Request& request, FileHandle handle, std::uint64_t offset,
                           std::size_t size, const model::ObjectVersion& version, core::Error error,
                           const ReadDone& done);
  /// Of two claimed nodes. Errors: as copy_range.
  struct ServerCopy {
    store::CopyRequest request;
    Description about;             ///< of the target, afterwards
    std::optional<Stored> target;  ///< before
  };
  core::Result<ServerCopy> plan_copy(const Request& request, const OpenFile& from,
                                     const OpenFile& to, std::uint64_t length);
  core::Status check_target(const core::OpContext& context, const ServerCopy& copy);
  void copied(const NodePtr& node, const ServerCopy& copy, const store::Published& published);
  /// A staged file that may be written until end_write(), and who is to be told of it, if anybody.
  struct Writing {
    std::shared_ptr<transfer::LayeredFile> staged;
    std::shared_ptr<transfer::Outgoing> outgoing;
  };
  core::Result<Writing> begin_write(const core::OpContext& context,
                                    const std::shared_ptr<OpenFile>& file);
  void end_write(const Request& request, const NodePtr& node, const transfer::StagedFile& staged,
                 bool changed);
  /// Takes note that the staged content of a node is another now.
  void wrote(const Request& request, const NodePtr& node, const transfer::StagedFile& staged)
      REQUIRES(mount_.mutex);

  Mount& mount_;
  Lookup& lookup_;
  Content& content_;
  core::Gate telling_;  ///< the kernel, of pages
  std::atomic<KernelCache*> kernel_ = nullptr;
};

}  // namespace fs
