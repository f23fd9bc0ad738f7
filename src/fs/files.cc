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

/// Has the kernel been told other things of the file than are true now? What it checked and what it
/// would go on with, rights and length, are those.
bool told_otherwise(const Node& node, core::SteadyTime now) {
  const Told& told = node.told;
  const Attributes& about = node.about.attributes;
  return now < told.until &&
         (told.mode != about.mode || told.uid != about.uid || told.gid != about.gid ||
          told.size != about.size || told.modified != about.modified);
}

core::Error replaced(const Node& node) {
  return core::fail(ErrorKind::Changed,
                    path_of(node) + " was replaced by somebody else since it was opened");
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

/// Staged bytes with those that were read of the object underneath, from `base_offset` on.
core::Result<std::vector<core::Bytes>> joined(const transfer::LayeredFile& staged,
                                              model::ByteRange wanted, std::uint64_t base_offset,
                                              const std::vector<core::Bytes>& slices) {
  std::vector<std::byte> base;
  for (const core::Bytes& slice : slices) {
    base.insert(base.end(), slice.view().begin(), slice.view().end());
  }
  const auto buffer = std::make_shared<std::vector<std::byte>>(wanted.size());
  TRY_ASSIGN(const std::size_t count, staged.read_over(wanted.first, *buffer, base_offset, base));
  return std::vector<core::Bytes>{core::Bytes(buffer, core::ByteView(buffer->data(), count))};
}

}  // namespace

void drop_set_id(Attributes& attributes) {
  attributes.mode &= ~mode_t{S_ISUID};
  if ((attributes.mode & S_IXGRP) != 0) {
    attributes.mode &= ~mode_t{S_ISGID};
  }
}

Opened add_handle(Mount& mount, const NodePtr& node, int flags) {
  auto file = std::make_shared<OpenFile>();
  file->node = node;
  file->writable = (flags & O_ACCMODE) != O_RDONLY;
  ++node->uses.handles;
  node->uses.writers += file->writable ? 1 : 0;
  Opened opened;
  opened.handle = {node->number, mount.next_handle++};
  opened.no_flush = !file->writable;
  opened.direct_io = mount.options.direct_io && !file->writable;
  // A node is one version and what was written over it through the kernel, whose pages are right.
  opened.keep_cache = !std::exchange(node->damaged, false);
  mount.files.emplace(opened.handle.id, std::move(file));
  return opened;
}

core::Result<std::shared_ptr<OpenFile>> Files::handle_of(FileHandle handle) const {
  const core::MutexLock lock(mount_.mutex);
  const auto at = mount_.files.find(handle.id);
  if (at == mount_.files.end() || at->second->node->number != handle.inode) {
    return core::fail(ErrorKind::Changed,
                      core::format("no handle {} of inode {}", handle.id, handle.inode));
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
  const auto need = wants_write(flags) ? Lookup::Need::Now : Lookup::Need::Read;
  TRY(lookup_.refresh_present(request.context, node, need));
  {
    const core::MutexLock lock(mount_.mutex);
    if (told_otherwise(*node, mount_.now())) {
      // ESTALE from open makes the kernel look the name up again, unseen by the program, and check
      // rights and length anew.
      return core::fail(ErrorKind::Changed, path_of(*node) + " was changed by somebody else");
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

core::Result<Files::Way> Files::way_to(const std::shared_ptr<OpenFile>& file,
                                       model::ByteRange wanted) {
  const core::MutexLock lock(mount_.mutex);
  const Node& node = *file->node;
  Way way;
  way.staged = node.draft.content();
  way.from_reader = wanted;
  if (way.staged) {
    const auto missing = way.staged->missing(wanted);
    way.from_reader = {};
    if (missing.empty()) {
      return way;
    }
    if (!node.stored) {
      return replaced(node);
    }
    way.from_reader = {missing.front().first, missing.back().last};
    read_version(*file, way);
    return way;
  }
  if (node.place.gone || node.place.unlinked) {
    // What was begun goes on, under the condition that the object is still that version.
    if (file->reader && node.stored && file->version == mount_.version_of(node)) {
      way.reader = file->reader;
      way.version = file->version;
    }
    if (!way.reader && node.about.attributes.size > 0) {
      return replaced(node);
    }
    return way;
  }
  if (!node.stored || node.stored->meta.size == 0) {
    return way;
  }
  read_version(*file, way);
  return way;
}

void Files::read_version(OpenFile& file, Way& way) {
  way.version = mount_.version_of(*file.node);
  if (!file.reader || file.version != way.version) {
    if (file.reader) {
      file.retired.push_back(std::move(file.reader));
    }
    file.reader = mount_.parts.downloads.open(way.version);
    file.version = way.version;
  }
  way.reader = file.reader;
}

void Files::read(const Request& request, FileHandle handle, std::uint64_t offset, std::size_t size,
                 ReadDone done) {
  const auto file = handle_of(handle);
  if (!file) {
    done(file.error());
    return;
  }
  const auto way = way_to(*file, {offset, offset + size});
  if (!way) {
    done(way.error());
    return;
  }
  if (way->staged && way->from_reader.empty()) {
    read_staged(*way->staged, offset, size, done);
    return;
  }
  if (!way->reader) {
    done(std::vector<core::Bytes>{});
    return;
  }
  const model::ByteRange range = way->from_reader;
  way->reader->read(
      request.context, range.first, range.size(),
      [this, request, handle, offset, size, range, version = way->version, staged = way->staged,
       done = std::move(done)](core::Result<std::vector<core::Bytes>> result) {
        if (result) {
          done(staged ? joined(*staged, {offset, offset + size}, range.first, *result)
                      : std::move(result));
          return;
        }
        const ErrorKind kind = result.error().kind;
        if (kind == ErrorKind::Changed || kind == ErrorKind::NotFound) {
          read_again_if_moved(request, handle, offset, size, version, std::move(result).error(),
                              done);
          return;
        }
        done(std::move(result));
        if (kind == ErrorKind::Corrupt) {
          forget_damaged(handle, version);
        }
      });
}

void Files::forget_damaged(FileHandle handle, const model::ObjectVersion& version) {
  mount_.parts.downloads.forget(version.key);
  if (const auto file = handle_of(handle)) {
    const core::MutexLock lock(mount_.mutex);
    (*file)->node->damaged = true;
  }
  // Not here: this thread may be the one that the kernel's other pages wait for.
  if (auto pass = telling_.enter()) {
    const auto held = std::make_shared<core::Gate::Pass>(*std::move(pass));
    mount_.parts.pool.post([this, held, inode = handle.inode] {
      if (KernelCache* const kernel = kernel_) {
        kernel->forget_pages(inode);
      }
    });
  }
}

void Files::attach(KernelCache* kernel) {
  kernel_ = kernel;
  if (kernel == nullptr) {
    telling_.close();
  }
}

void Files::read_again_if_moved(const Request& request, FileHandle handle, std::uint64_t offset,
                                std::size_t size, const model::ObjectVersion& version,
                                core::Error error, const ReadDone& done) {
  bool moved = false;
  if (const auto file = handle_of(handle)) {
    const core::MutexLock lock(mount_.mutex);
    const Node& node = *(*file)->node;
    const auto& staged = node.draft.content();
    if (staged && staged->missing({offset, offset + size}).empty()) {
      moved = true;
    } else if ((staged || !node.is_out_of_tree()) && node.stored) {
      moved = mount_.version_of(node) != version;
    }
  }
  if (moved) {
    read(request, handle, offset, size, done);  // our own rename or upload; the bytes are elsewhere
    return;
  }
  error.kind = ErrorKind::Changed;  // a file that is open does not cease to exist
  done(std::move(error));
}

// ---- writing

core::Result<Files::Writing> Files::begin_write(const core::OpContext& context,
                                                const std::shared_ptr<OpenFile>& file) {
  const NodePtr& node = file->node;
  const Waker waker(mount_, context);
  for (;;) {
    {
      const core::MutexLock lock(mount_.mutex);
      while (node->claimed.busy) {
        ask_for_room(mount_, *node);
        TRY(mount_.wait(context));
      }
      if (node->place.gone) {
        return replaced(*node);
      }
      if (node->draft.content()) {
        ++node->claimed.sharers;
        return Writing{node->draft.content(), node->draft.outgoing()};
      }
    }
    Wish wish;
    wish.nodes = {node};
    TRY_ASSIGN(const Claim claim, Claim::take(mount_, context, std::move(wish)));
    TRY(content_.stage(context, node, Content::Keep::Over));
  }
}

void Files::end_write(const Request& request, const NodePtr& node,
                      const transfer::StagedFile& staged, bool changed) {
  const core::MutexLock lock(mount_.mutex);
  --node->claimed.sharers;
  if (changed) {
    wrote(request, node, staged);
  }
  if (node->claimed.sharers == 0) {
    mount_.changed.notify_all();
  }
}

void Files::wrote(const Request& request, const NodePtr& node, const transfer::StagedFile& staged) {
  Attributes& about = node->about.attributes;
  about.size = staged.size();
  about.modified = about.changed = mount_.parts.clock.wall_now();
  if (request.uid != 0) {
    drop_set_id(about);
  }
  ++node->revision;
  node->told.until = {};  // the kernel asks again after a write
  mount_.drafts.wrote(node);
}

core::Result<std::size_t> Files::write(const Request& request, FileHandle handle,
                                       std::uint64_t offset, std::span<const std::byte> data,
                                       core::BlockOffer& offer) {
  if (!request.write_back) {
    TRY(check_writable(mount_));
  }
  TRY_ASSIGN(const auto file, handle_of(handle));
  TRY_ASSIGN(const Writing writing, begin_write(request.context, file));
  const core::Status status = writing.staged->write_block(offset, data, offer);
  const model::ByteRange range{offset, offset + data.size()};
  if (status) {
    content_.fetch_beside(file->node, writing.staged, range);
  }
  if (writing.outgoing) {
    if (!status) {
      writing.outgoing->altered(range);
    } else if (writing.outgoing->wrote(range)) {
      content_.send_ahead(file->node, *writing.outgoing);
    }
  }
  end_write(request, file->node, *writing.staged, !data.empty());
  if (!status) {
    return status.error();
  }
  if (writing.outgoing) {
    writing.outgoing->await_room(request.context);  // with nothing held: others go on
  }
  return data.size();
}

core::Status Files::fallocate(const Request& request, FileHandle handle, int mode,
                              std::uint64_t offset, std::uint64_t length) {
  TRY(check_writable(mount_));
  TRY_ASSIGN(const auto file, handle_of(handle));
  TRY_ASSIGN(const Writing writing, begin_write(request.context, file));
  core::Status status = writing.staged->allocate(mode, offset, length);
  if (writing.outgoing && length > 0) {
    writing.outgoing->altered({offset, offset + length});
  }
  end_write(request, file->node, *writing.staged, status.has_value());
  return status;
}

core::Status Files::truncate_claimed(const Request& request, const NodePtr& node,
                                     std::uint64_t size) {
  TRY(content_.stage(request.context, node,
                     size == 0 ? Content::Keep::Nothing : Content::Keep::Over));
  TRY(content_.start_anew(node, size));
  std::shared_ptr<transfer::LayeredFile> staged;
  std::shared_ptr<transfer::Outgoing> outgoing;
  {
    const core::MutexLock lock(mount_.mutex);
    staged = node->draft.content();
    outgoing = node->draft.outgoing();
  }
  TRY(staged->truncate(size));
  if (outgoing) {
    outgoing->truncated(size);
  }
  const core::MutexLock lock(mount_.mutex);
  if (size == 0) {
    mount_.drafts.emptied(node);
  }
  wrote(request, node, *staged);
  return {};
}

// ---- closing

core::Status Files::flush(const Request& request, FileHandle handle) {
  TRY_ASSIGN(const auto file, handle_of(handle));
  if (!file->writable) {
    return {};
  }
  return content_.commit(request.context, file->node);
}

void Files::release(const Request& request, FileHandle handle) {
  std::shared_ptr<OpenFile> file;
  bool upload = false;
  {
    const core::MutexLock lock(mount_.mutex);
    const auto at = mount_.files.find(handle.id);
    if (at == mount_.files.end()) {
      return;
    }
    file = std::move(at->second);
    mount_.files.erase(at);
    Node& node = *file->node;
    node.uses.writers -= file->writable ? 1 : 0;
    // The last one who wrote; the node stays for its content until that is uploaded.
    upload = node.draft.unpublished() && node.uses.writers == 0;
  }
  if (upload) {
    if (const auto status = content_.commit(request.context, file->node); !status) {
      // Nobody waits for this error. Status shows the file, and drain() tries again.
      core::log(core::LogLevel::Warn, "closed before its content was safe",
                {{"inode", file->node->number}, {"error", core::describe(status.error())}});
    }
  }
  const core::MutexLock lock(mount_.mutex);
  Node& node = *file->node;
  --node.uses.handles;
  mount_.settle_draft(file->node);
  mount_.table.drop_if_unused(file->node);
}

core::Result<std::uint64_t> Files::seek(const Request& /*request*/, FileHandle handle,
                                        std::uint64_t offset, int whence) {
  TRY_ASSIGN(const auto file, handle_of(handle));
  std::shared_ptr<transfer::LayeredFile> staged;
  std::uint64_t size = 0;
  {
    const core::MutexLock lock(mount_.mutex);
    staged = file->node->draft.content();
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
