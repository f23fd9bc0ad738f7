#include "fs/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "fs/claims.h"
#include "transfer/staging.h"

namespace fs {
namespace {

using core::ErrorKind;

bool wants_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }

int access_mask(int flags) {
  const int mode = flags & O_ACCMODE;
  return (mode == O_WRONLY ? 0 : R_OK) | (wants_write(flags) ? W_OK : 0);
}

core::Error replaced(const Node& node) {
  return core::fail(ErrorKind::Changed,
                    path_of(node) + " was replaced by somebody else since it was opened");
}

/// Writing by anybody but root takes the set-id bits away (write(2), and its like).
void drop_set_id(Attributes& attributes) {
  attributes.mode &= ~mode_t{S_ISUID};
  if ((attributes.mode & S_IXGRP) != 0) {
    attributes.mode &= ~mode_t{S_ISGID};
  }
}

void read_staged(const transfer::StagedFile& staged, std::uint64_t offset, std::size_t size,
                 const ReadDone& done) {
  const std::uint64_t end = staged.size();
  if (offset >= end) {
    done(std::vector<core::Bytes>{});
    return;
  }
  const auto buffer = std::make_shared<std::vector<std::byte>>(
      static_cast<std::size_t>(std::min<std::uint64_t>(size, end - offset)));
  const auto count = staged.read(offset, *buffer);
  if (!count) {
    done(count.error());
    return;
  }
  const core::ByteView view(buffer->data(), *count);
  done(std::vector<core::Bytes>{core::Bytes(buffer, view)});
}

}  // namespace

Opened add_handle(Mount& mount, const NodePtr& node, int flags) {
  auto file = std::make_shared<OpenFile>();
  file->node = node;
  file->writable = (flags & O_ACCMODE) != O_RDONLY;
  file->lineage = node->lineage;
  ++node->handles;
  node->writers += file->writable ? 1 : 0;
  Opened opened;
  opened.handle = mount.next_handle++;
  opened.no_flush = !file->writable;
  // What is dirty here went through the kernel's pages.
  opened.keep_cache = node->dirty || (node->stored && !node->kernel_pages.empty() &&
                                      node->kernel_pages == node->stored->version.etag);
  if (node->stored) {
    node->kernel_pages = node->stored->version.etag;
  }
  mount.files.emplace(opened.handle, std::move(file));
  return opened;
}

core::Result<std::shared_ptr<OpenFile>> Files::handle_of(HandleId handle) const {
  const core::MutexLock lock(mount_.mutex);
  const auto at = mount_.files.find(handle);
  if (at == mount_.files.end()) {
    return core::fail(ErrorKind::Changed, core::format("no file handle {}", handle));
  }
  return at->second;
}

core::Result<Opened> Files::open(const Request& request, InodeNumber inode, int flags) {
  if (wants_write(flags)) {
    TRY(check_writable(mount_));
  }
  NodePtr node;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(node, mount_.node(inode));
    if (node->is_directory()) {
      return core::fail(ErrorKind::IsDirectory, path_of(*node) + " is a directory");
    }
    if (!node->is_regular()) {
      return core::fail(ErrorKind::Unsupported, path_of(*node) + " is no regular file");
    }
  }
  TRY_ASSIGN(const Lookup::Refreshed refreshed,
             lookup_.refresh(request.context, node, Lookup::Need::Now));
  TRY(lookup_.check_access(request, node, access_mask(flags)));
  if (refreshed.replaced) {
    const core::MutexLock lock(mount_.mutex);
    const Attributes& about = node->about.attributes;
    if (mount_.now() < node->told_until &&
        (node->told_size != about.size || node->told_modified != about.modified)) {
      // The kernel would go on with the old length: appends would land inside the new content.
      // ESTALE from open makes it look the name up again, unseen by the program.
      return core::fail(ErrorKind::Changed, path_of(*node) + " was replaced by somebody else");
    }
  }
  if ((flags & O_TRUNC) != 0) {
    Wish wish;
    wish.nodes = {node};
    TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
    TRY(truncate_claimed(request, node, 0));
  }
  const core::MutexLock lock(mount_.mutex);
  return add_handle(mount_, node, flags);
}

// ---- reading

core::Result<Files::Way> Files::way_to(const std::shared_ptr<OpenFile>& file) {
  const core::MutexLock lock(mount_.mutex);
  Node& node = *file->node;
  Way way;
  way.epoch = node.epoch;
  const bool same = file->lineage == node.lineage;
  if (node.staged && same) {
    way.staged = node.staged;
    return way;
  }
  if (file->epoch != node.epoch || !file->reader) {
    if (!same && !file->reader) {
      return replaced(node);
    }
    if (same) {
      if (!node.stored || node.stored->version.size == 0) {
        return way;
      }
      if (file->reader) {
        file->retired.push_back(std::move(file->reader));
      }
      file->reader = mount_.parts.downloads.open(node.stored->version);
      file->epoch = node.epoch;
    }
  }
  way.reader = file->reader;
  return way;
}

void Files::read(const Request& request, HandleId handle, std::uint64_t offset, std::size_t size,
                 ReadDone done) {
  const auto file = handle_of(handle);
  if (!file) {
    done(file.error());
    return;
  }
  const auto way = way_to(*file);
  if (!way) {
    done(way.error());
    return;
  }
  if (way->staged) {
    read_staged(*way->staged, offset, size, done);
    return;
  }
  if (!way->reader) {
    done(std::vector<core::Bytes>{});
    return;
  }
  way->reader->read(request.context, offset, size,
                    [this, request, handle, offset, size, epoch = way->epoch,
                     done = std::move(done)](core::Result<std::vector<core::Bytes>> result) {
                      if (!result && result.error().kind == ErrorKind::Corrupt) {
                        forget_pages(handle);
                      }
                      if (result || (result.error().kind != ErrorKind::Changed &&
                                     result.error().kind != ErrorKind::NotFound)) {
                        done(std::move(result));
                        return;
                      }
                      read_again_if_moved(request, handle, offset, size, epoch,
                                          std::move(result).error(), done);
                    });
}

void Files::forget_pages(HandleId handle) {
  if (const auto file = handle_of(handle)) {
    const core::MutexLock lock(mount_.mutex);
    (*file)->node->kernel_pages = {};
  }
}

void Files::read_again_if_moved(const Request& request, HandleId handle, std::uint64_t offset,
                                std::size_t size, std::uint64_t epoch, core::Error error,
                                const ReadDone& done) {
  const auto file = handle_of(handle);
  if (file) {
    const core::MutexLock lock(mount_.mutex);
    const Node& node = *(*file)->node;
    if ((*file)->lineage != node.lineage || node.epoch == epoch) {
      error.kind = ErrorKind::Changed;  // a file that is open does not cease to exist
    } else {
      error = {};
    }
  }
  if (!file || error.kind == ErrorKind::Changed) {
    done(std::move(error));
    return;
  }
  read(request, handle, offset, size, done);  // our own rename or upload; the bytes are elsewhere
}

// ---- writing

core::Result<std::shared_ptr<transfer::StagedFile>> Files::begin_write(
    const core::OpContext& context, const std::shared_ptr<OpenFile>& file) {
  const NodePtr& node = file->node;
  const Waker waker(mount_, context);
  for (;;) {
    {
      const core::MutexLock lock(mount_.mutex);
      while (node->busy) {
        TRY(mount_.wait(context));
      }
      if (file->lineage != node->lineage) {
        return replaced(*node);
      }
      if (node->staged) {
        ++node->sharers;
        return node->staged;
      }
    }
    Wish wish;
    wish.nodes = {node};
    TRY_ASSIGN(const Claim claim, Claim::take(mount_, context, std::move(wish)));
    TRY(content_.stage(context, node, Content::Keep::All));
  }
}

void Files::end_write(const Request& request, const NodePtr& node,
                      const transfer::StagedFile& staged, bool changed) {
  const core::MutexLock lock(mount_.mutex);
  --node->sharers;
  if (changed) {
    Attributes& about = node->about.attributes;
    about.size = staged.size();
    about.modified = about.changed = mount_.parts.clock.wall_now();
    if (request.uid != 0) {
      drop_set_id(about);
    }
    mount_.set_dirty(node, true);
  }
  if (node->sharers == 0) {
    mount_.changed.notify_all();
  }
}

core::Result<std::size_t> Files::write(const Request& request, HandleId handle,
                                       std::uint64_t offset, std::span<const std::byte> data) {
  TRY_ASSIGN(const auto file, handle_of(handle));
  TRY_ASSIGN(const auto staged, begin_write(request.context, file));
  const core::Status status = staged->write(offset, data);
  end_write(request, file->node, *staged, !data.empty());
  if (!status) {
    return status.error();
  }
  return data.size();
}

core::Status Files::fallocate(const Request& request, HandleId handle, int mode,
                              std::uint64_t offset, std::uint64_t length) {
  TRY_ASSIGN(const auto file, handle_of(handle));
  TRY_ASSIGN(const auto staged, begin_write(request.context, file));
  core::Status status = staged->allocate(mode, offset, length);
  end_write(request, file->node, *staged, status.has_value());
  return status;
}

core::Status Files::truncate_claimed(const Request& request, const NodePtr& node,
                                     std::uint64_t size) {
  TRY(content_.stage(request.context, node,
                     size == 0 ? Content::Keep::Nothing : Content::Keep::All));
  std::shared_ptr<transfer::StagedFile> staged;
  {
    const core::MutexLock lock(mount_.mutex);
    staged = node->staged;
  }
  TRY(staged->truncate(size));
  const core::MutexLock lock(mount_.mutex);
  Attributes& about = node->about.attributes;
  about.size = staged->size();
  about.modified = about.changed = mount_.parts.clock.wall_now();
  if (request.uid != 0) {
    drop_set_id(about);
  }
  mount_.set_dirty(node, true);
  return {};
}

// ---- closing

core::Status Files::flush(const Request& request, HandleId handle) {
  TRY_ASSIGN(const auto file, handle_of(handle));
  if (!file->writable) {
    return {};
  }
  return content_.publish(request.context, file->node);
}

void Files::release(const Request& request, HandleId handle) {
  std::shared_ptr<OpenFile> file;
  bool upload = false;
  {
    const core::MutexLock lock(mount_.mutex);
    const auto at = mount_.files.find(handle);
    if (at == mount_.files.end()) {
      return;
    }
    file = std::move(at->second);
    mount_.files.erase(at);
    Node& node = *file->node;
    node.writers -= file->writable ? 1 : 0;
    // The last one who wrote; the node stays for its dirty pages until they are uploaded.
    upload = node.dirty && !node.unlinked && node.writers == 0;
  }
  if (upload) {
    if (const auto status = content_.publish(request.context, file->node); !status) {
      // Nobody waits for this error. Status shows the file, and drain() tries again.
      core::log(core::LogLevel::Warn, "closed before its content was uploaded",
                {{"inode", file->node->number}, {"error", core::describe(status.error())}});
    }
  }
  const core::MutexLock lock(mount_.mutex);
  Node& node = *file->node;
  --node.handles;
  if (node.writers == 0 && !node.dirty && !node.busy && !node.unlinked) {
    node.staged.reset();
    ++node.epoch;
  }
  mount_.table.drop_if_unused(file->node);
}

core::Result<std::uint64_t> Files::seek(const Request& /*request*/, HandleId handle,
                                        std::uint64_t offset, int whence) {
  TRY_ASSIGN(const auto file, handle_of(handle));
  std::shared_ptr<transfer::StagedFile> staged;
  std::uint64_t size = 0;
  {
    const core::MutexLock lock(mount_.mutex);
    staged = file->node->staged;
    size = file->node->about.attributes.size;
  }
  if (staged) {
    return staged->seek(offset, whence);
  }
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    return core::fail(ErrorKind::InvalidArgument, "neither SEEK_DATA nor SEEK_HOLE");
  }
  if (offset >= size) {
    return core::fail(ErrorKind::OutOfRange, "past the end");
  }
  return whence == SEEK_DATA ? offset : size;  // an object has no holes
}

}  // namespace fs
