#include "fake_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace test {

using core::ErrorKind;
using core::fail;
using core::MutexLock;
using fs::InodeNumber;
using fs::Request;

namespace {

constexpr core::Duration kLifetime = std::chrono::milliseconds{1500};
const core::WallTime kSomeTime = core::wall_from_unix(1'700'000'000, 123'456'789);

}  // namespace

FakeFileSystem::FakeFileSystem() {
  const MutexLock lock(mutex_);
  Node& root = nodes_[fs::kRoot];
  root.attributes.inode = fs::kRoot;
  root.attributes.mode = S_IFDIR | 0755U;
  root.attributes.links = 2;
  root.attributes.accessed = root.attributes.modified = root.attributes.changed = kSomeTime;
}

void FakeFileSystem::before(const std::string& operation, Hook hook) {
  const MutexLock lock(mutex_);
  hooks_[operation] = std::move(hook);
}

void FakeFileSystem::read_with(ReadHook hook) {
  const MutexLock lock(mutex_);
  read_hook_ = std::move(hook);
}

InodeNumber FakeFileSystem::add_file(InodeNumber parent, const std::string& name,
                                     std::string content) {
  const MutexLock lock(mutex_);
  return make(parent, name, S_IFREG | 0644U, std::move(content))->attributes.inode;
}

std::string FakeFileSystem::content(InodeNumber inode) const {
  const MutexLock lock(mutex_);
  return nodes_.at(inode).content;
}

std::int64_t FakeFileSystem::lookup_count(InodeNumber inode) const {
  const MutexLock lock(mutex_);
  return nodes_.at(inode).lookups;
}

std::size_t FakeFileSystem::calls(const std::string& operation) const {
  const MutexLock lock(mutex_);
  const auto found = calls_.find(operation);
  return found == calls_.end() ? 0 : found->second;
}

fs::AttributeChange FakeFileSystem::last_change() const {
  const MutexLock lock(mutex_);
  return last_change_;
}

Request FakeFileSystem::last_request() const {
  const MutexLock lock(mutex_);
  return last_request_;
}

void FakeFileSystem::list_incomplete() {
  const MutexLock lock(mutex_);
  incomplete_ = true;
}

void FakeFileSystem::open_as(fs::Opened opened) {
  const MutexLock lock(mutex_);
  opened_ = opened;
}

core::Status FakeFileSystem::enter(const std::string& operation, const Request& request) {
  Hook hook;
  {
    const MutexLock lock(mutex_);
    ++calls_[operation];
    last_request_ = request;
    const auto found = hooks_.find(operation);
    if (found != hooks_.end()) {
      hook = found->second;
    }
  }
  return hook ? hook(request) : core::Status{};
}

core::Result<FakeFileSystem::Node*> FakeFileSystem::find(InodeNumber inode) {
  const auto found = nodes_.find(inode);
  if (found == nodes_.end()) {
    return fail(ErrorKind::NotFound, "no such inode");
  }
  return &found->second;
}

core::Result<fs::Entry> FakeFileSystem::make(InodeNumber parent, std::string_view name, mode_t mode,
                                             std::string content) {
  TRY_ASSIGN(Node* const directory, find(parent));
  if (directory->children.contains(name)) {
    return fail(ErrorKind::Exists, "there already");
  }
  const InodeNumber inode = nodes_.rbegin()->first + 1;
  directory->children.emplace(name, inode);
  Node& node = nodes_[inode];
  node.attributes = nodes_.at(fs::kRoot).attributes;
  node.attributes.inode = inode;
  node.attributes.mode = mode;
  node.attributes.links = 1;
  node.attributes.size = content.size();
  node.content = std::move(content);
  return fs::Entry{node.attributes, kLifetime};
}

core::Result<fs::Entry> FakeFileSystem::lookup(const Request& request, InodeNumber parent,
                                               std::string_view name) {
  TRY(enter("lookup", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(Node* const directory, find(parent));
  const auto found = directory->children.find(name);
  if (found == directory->children.end()) {
    return fail(ErrorKind::NotFound, "no such name");
  }
  Node& node = nodes_.at(found->second);
  ++node.lookups;
  return fs::Entry{node.attributes, kLifetime};
}

void FakeFileSystem::forget(InodeNumber inode, std::uint64_t count) {
  const MutexLock lock(mutex_);
  ++calls_["forget"];
  const auto found = nodes_.find(inode);
  if (found != nodes_.end()) {
    found->second.lookups -= static_cast<std::int64_t>(count);
  }
}

core::Result<fs::Entry> FakeFileSystem::mknod(const Request& request, InodeNumber parent,
                                              std::string_view name, mode_t mode, dev_t device) {
  TRY(enter("mknod", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(fs::Entry entry, make(parent, name, mode, {}));
  Node& node = nodes_.at(entry.attributes.inode);
  node.attributes.device = device;
  ++node.lookups;
  return fs::Entry{node.attributes, kLifetime};
}

core::Result<fs::Entry> FakeFileSystem::mkdir(const Request& request, InodeNumber parent,
                                              std::string_view name, mode_t mode) {
  TRY(enter("mkdir", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(fs::Entry entry, make(parent, name, S_IFDIR | mode, {}));
  ++nodes_.at(entry.attributes.inode).lookups;
  return entry;
}

core::Result<fs::Entry> FakeFileSystem::symlink(const Request& request, InodeNumber parent,
                                                std::string_view name, std::string_view target) {
  TRY(enter("symlink", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(fs::Entry entry, make(parent, name, S_IFLNK | 0777U, std::string(target)));
  ++nodes_.at(entry.attributes.inode).lookups;
  return entry;
}

core::Result<std::string> FakeFileSystem::readlink(const Request& request, InodeNumber inode) {
  TRY(enter("readlink", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(Node* const node, find(inode));
  return node->content;
}

core::Status FakeFileSystem::remove(InodeNumber parent, std::string_view name) {
  TRY_ASSIGN(Node* const directory, find(parent));
  const auto found = directory->children.find(name);
  if (found == directory->children.end()) {
    return fail(ErrorKind::NotFound, "no such name");
  }
  directory->children.erase(found);
  return {};
}

core::Status FakeFileSystem::unlink(const Request& request, InodeNumber parent,
                                    std::string_view name) {
  TRY(enter("unlink", request));
  const MutexLock lock(mutex_);
  return remove(parent, name);
}

core::Status FakeFileSystem::rmdir(const Request& request, InodeNumber parent,
                                   std::string_view name) {
  TRY(enter("rmdir", request));
  const MutexLock lock(mutex_);
  return remove(parent, name);
}

core::Status FakeFileSystem::rename(const Request& request, InodeNumber parent,
                                    std::string_view name, InodeNumber new_parent,
                                    std::string_view new_name, unsigned flags) {
  TRY(enter("rename", request));
  if (flags > 1) {
    return fail(ErrorKind::Unsupported, "exchange");
  }
  const MutexLock lock(mutex_);
  TRY_ASSIGN(Node* const directory, find(parent));
  const auto found = directory->children.find(name);
  if (found == directory->children.end()) {
    return fail(ErrorKind::NotFound, "no such name");
  }
  const InodeNumber inode = found->second;
  directory->children.erase(found);
  TRY_ASSIGN(Node* const target, find(new_parent));
  target->children.insert_or_assign(std::string(new_name), inode);
  return {};
}

core::Result<fs::Entry> FakeFileSystem::getattr(const Request& request, InodeNumber inode) {
  TRY(enter("getattr", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(const Node* const node, find(inode));
  return fs::Entry{node->attributes, kLifetime};
}

core::Result<fs::Entry> FakeFileSystem::setattr(const Request& request, InodeNumber inode,
                                                const fs::AttributeChange& change) {
  TRY(enter("setattr", request));
  const MutexLock lock(mutex_);
  last_change_ = change;
  TRY_ASSIGN(Node* const node, find(inode));
  fs::Attributes& now = node->attributes;
  now.mode = change.mode ? ((now.mode & S_IFMT) | (*change.mode & 07777U)) : now.mode;
  now.uid = change.uid.value_or(now.uid);
  now.gid = change.gid.value_or(now.gid);
  now.accessed = change.accessed.value_or(now.accessed);
  now.modified = change.modified.value_or(now.modified);
  if (change.size) {
    node->content.resize(*change.size);
    now.size = *change.size;
  }
  return fs::Entry{now, kLifetime};
}

core::Status FakeFileSystem::setxattr(const Request& request, InodeNumber inode,
                                      std::string_view name, std::string_view value,
                                      int /*flags*/) {
  TRY(enter("setxattr", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(Node* const node, find(inode));
  node->extended.insert_or_assign(std::string(name), std::string(value));
  return {};
}

core::Result<std::string> FakeFileSystem::getxattr(const Request& request, InodeNumber inode,
                                                   std::string_view name) {
  TRY(enter("getxattr", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(const Node* const node, find(inode));
  const auto found = node->extended.find(name);
  if (found == node->extended.end()) {
    return fail(ErrorKind::NoData, "no such attribute");
  }
  return found->second;
}

core::Result<std::vector<std::string>> FakeFileSystem::listxattr(const Request& request,
                                                                 InodeNumber inode) {
  TRY(enter("listxattr", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(const Node* const node, find(inode));
  std::vector<std::string> names;
  for (const auto& [name, value] : node->extended) {
    names.push_back(name);
  }
  return names;
}

core::Status FakeFileSystem::removexattr(const Request& request, InodeNumber inode,
                                         std::string_view name) {
  TRY(enter("removexattr", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(Node* const node, find(inode));
  const auto found = node->extended.find(name);
  if (found == node->extended.end()) {
    return fail(ErrorKind::NoData, "no such attribute");
  }
  node->extended.erase(found);
  return {};
}

// A handle is its inode's number.

core::Result<fs::Opened> FakeFileSystem::open(const Request& request, InodeNumber inode,
                                              int flags) {
  TRY(enter("open", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(Node* const node, find(inode));
  if ((flags & O_TRUNC) != 0) {
    node->content.clear();
    node->attributes.size = 0;
  }
  fs::Opened opened = opened_;
  opened.handle = {inode, inode};
  return opened;
}

core::Result<fs::FileSystem::Created> FakeFileSystem::create(const Request& request,
                                                             InodeNumber parent,
                                                             std::string_view name, mode_t mode,
                                                             int /*flags*/) {
  TRY(enter("create", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(fs::Entry entry, make(parent, name, S_IFREG | mode, {}));
  ++nodes_.at(entry.attributes.inode).lookups;
  fs::Opened opened = opened_;
  opened.handle = {entry.attributes.inode, entry.attributes.inode};
  return Created{entry, opened};
}

void FakeFileSystem::read(const Request& request, fs::FileHandle handle, std::uint64_t offset,
                          std::size_t size, fs::ReadDone done) {
  if (core::Status status = enter("read", request); !status) {
    done(std::move(status).error());
    return;
  }
  ReadHook hook;
  std::string piece;
  {
    const MutexLock lock(mutex_);
    hook = read_hook_;
    const std::string& all = nodes_.at(handle.inode).content;
    piece = all.substr(std::min<std::size_t>(offset, all.size()), size);
  }
  if (hook) {
    hook(request, offset, std::move(done));
  } else {
    done(std::vector<core::Bytes>{core::Bytes::of(std::move(piece))});
  }
}

core::Result<std::size_t> FakeFileSystem::write(const Request& request, fs::FileHandle handle,
                                                std::uint64_t offset,
                                                std::span<const std::byte> data) {
  TRY(enter("write", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(Node* const node, find(handle.inode));
  if (node->content.size() < offset + data.size()) {
    node->content.resize(offset + data.size());
  }
  node->content.replace(offset, data.size(), core::as_text(data));
  node->attributes.size = node->content.size();
  return data.size();
}

core::Status FakeFileSystem::flush(const Request& request, fs::FileHandle /*handle*/) {
  return enter("flush", request);
}

core::Status FakeFileSystem::fsync(const Request& request, fs::FileHandle /*handle*/) {
  return enter("fsync", request);
}

void FakeFileSystem::release(const Request& request, fs::FileHandle /*handle*/) {
  static_cast<void>(enter("release", request));
}

core::Status FakeFileSystem::fallocate(const Request& request, fs::FileHandle /*handle*/,
                                       int /*mode*/, std::uint64_t /*offset*/,
                                       std::uint64_t /*length*/) {
  TRY(enter("fallocate", request));
  return fail(ErrorKind::Unsupported, "fallocate");
}

core::Result<std::uint64_t> FakeFileSystem::seek(const Request& request, fs::FileHandle handle,
                                                 std::uint64_t offset, int whence) {
  TRY(enter("seek", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(const Node* const node, find(handle.inode));
  if (offset >= node->content.size()) {
    return fail(ErrorKind::OutOfRange, "beyond the end");
  }
  return whence == SEEK_HOLE ? node->content.size() : offset;
}

core::Result<fs::FileHandle> FakeFileSystem::opendir(const Request& request, InodeNumber inode) {
  TRY(enter("opendir", request));
  return fs::FileHandle{inode, inode};
}

core::Status FakeFileSystem::readdir(const Request& request, fs::FileHandle handle,
                                     std::uint64_t offset, bool plus,
                                     const fs::DirectoryFill& fill) {
  TRY(enter("readdir", request));
  const MutexLock lock(mutex_);
  TRY_ASSIGN(const Node* const directory, find(handle.inode));
  std::uint64_t position = 0;
  for (const auto& [name, inode] : directory->children) {
    if (position++ < offset) {
      continue;
    }
    Node& node = nodes_.at(inode);
    if (!fill({name, position, node.attributes, kLifetime, plus && !incomplete_})) {
      return {};
    }
    if (plus && !incomplete_) {
      ++node.lookups;
    }
  }
  return {};
}

void FakeFileSystem::releasedir(fs::FileHandle /*handle*/) {
  const MutexLock lock(mutex_);
  ++calls_["releasedir"];
}

core::Result<fs::SpaceInfo> FakeFileSystem::statfs(const Request& request) {
  TRY(enter("statfs", request));
  return fs::SpaceInfo{1ULL << 40U, 1ULL << 39U, 1000};
}

core::Status FakeFileSystem::drain(const core::OpContext& /*context*/) { return {}; }
core::Status FakeFileSystem::publish_due(const core::OpContext& /*context*/,
                                         core::Duration /*quiet*/) {
  return {};
}
core::Status FakeFileSystem::retry_uploads(const core::OpContext& /*context*/) { return {}; }

fs::FileSystemStatus FakeFileSystem::status() const { return {}; }

}  // namespace test
