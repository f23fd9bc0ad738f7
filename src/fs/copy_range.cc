// copy_file_range: whole objects are copied on the server, where that is the same as moving bytes.
#include <utility>

#include "fs/claims.h"
#include "fs/description.h"
#include "fs/files.h"
#include "transfer/uploads.h"

namespace fs {
namespace {

using core::ErrorKind;
using store::Precondition;

// Below this one request with the bytes costs no more than one without, and what a program sets
// after it (`cp -p`) goes along.
constexpr std::uint64_t kLeastBytes = std::uint64_t{1} << 20U;
// What an answer can tell the kernel (struct fuse_write_out), in whole pages.
constexpr std::uint64_t kMostBytes = 0xFFFF'F000;

core::Error by_hand(const char* why) { return core::fail(ErrorKind::Unsupported, why); }

/// May the source be copied as the bucket has it?
core::Status check_source(const Node& node, std::uint64_t length) {
  if (!node.is_regular() || node.is_out_of_tree() || !node.stored || node.draft.unpublished() ||
      node.stored->meta.type == store::ObjectType::Symlink) {
    return by_hand("what is to be copied is not what the bucket has");
  }
  const std::uint64_t size = node.stored->meta.size;
  if (size < kLeastBytes || size > kMostBytes || length < size) {
    return by_hand("not a whole object of a size that pays");
  }
  return {};
}

/// Is the target new or emptied, with nobody's bytes in it?
core::Status check_void(const Node& node) {
  const DraftState state = node.draft.state();
  const bool clean = state == DraftState::None || state == DraftState::Copy;
  if (!node.is_regular() || node.is_out_of_tree() || node.about.attributes.size != 0 ||
      (!clean && state != DraftState::Changed)) {
    return by_hand("what is to be written is not empty");
  }
  return {};
}

}  // namespace

core::Result<std::uint64_t> Files::copy_range(const Request& request, const CopyRange& range) {
  TRY(check_writable(mount_));
  TRY_ASSIGN(const auto from, handle_of(range.from));
  TRY_ASSIGN(const auto to, handle_of(range.to));
  if (from->node == to->node || range.from_offset != 0 || range.to_offset != 0) {
    return by_hand("not all of one file to another");
  }
  {
    const core::MutexLock lock(mount_.mutex);
    TRY(check_source(*from->node, range.length));
    TRY(check_void(*to->node));
  }
  Wish wish;
  wish.nodes = {from->node, to->node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  TRY_ASSIGN(ServerCopy copy, plan_copy(request, *from, *to, range.length));
  TRY(check_target(request.context, copy));
  auto published = mount_.parts.uploads.copy(request.context, copy.request);
  if (published) {
    copied(to->node, copy, *published);
    return copy.request.source.size;
  }
  core::Error error = std::move(published).error();
  switch (error.kind) {
    case ErrorKind::NotFound:  // the source was there when it was opened
      error.kind = ErrorKind::Changed;
      break;
    case ErrorKind::Exists:  // whoever closes the target learns of that
    case ErrorKind::Denied:  // of a copy, which takes more rights than reading and writing may
      error.kind = ErrorKind::Unsupported;
      break;
    default:
      break;
  }
  return error;
}

core::Result<Files::ServerCopy> Files::plan_copy(const Request& request, const OpenFile& from,
                                                 const OpenFile& to, std::uint64_t length) {
  ServerCopy copy;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY(check_source(*from.node, length));
    TRY(check_void(*to.node));
    TRY_ASSIGN(std::string key, mount_.key(*to.node));
    copy.request.source = mount_.version_of(*from.node);
    copy.request.target = model::ObjectKey(std::move(key));
    copy.target = to.node->stored;
    copy.about = to.node->about;
  }
  Attributes& attributes = copy.about.attributes;
  attributes.modified = attributes.changed = mount_.parts.clock.wall_now();
  if (request.uid != 0) {
    drop_set_id(attributes);
  }
  TRY_ASSIGN(auto wanted, object_attributes(mount_.options, copy.request.target.text(), copy.target,
                                            copy.about));
  if (!copy.target) {
    // A new object, and no heir of the one whose bytes it gets.
    TRY_ASSIGN(wanted.settings,
               mount_.parts.store.complete_settings(request.context, std::nullopt));
    copy.request.precondition.kind = Precondition::Kind::Absent;
  }
  copy.request.replace = std::move(wanted);
  return copy;
}

core::Status Files::check_target(const core::OpContext& context, const ServerCopy& copy) {
  const auto there = mount_.parts.store.head(context, copy.request.target);
  if (!there && there.error().kind != ErrorKind::NotFound &&
      there.error().kind != ErrorKind::Denied) {
    return there.error();
  }
  const bool as_known = copy.target ? there && there->etag == copy.target->meta.etag : !there;
  // Whoever closes the file is told of the other, by the rules for what is written.
  return as_known ? core::Status{} : by_hand("somebody else has changed what is to be written");
}

void Files::copied(const NodePtr& node, const ServerCopy& copy, const store::Published& published) {
  const std::string& key = copy.request.target.text();
  mount_.counters.server_copies.add();
  mount_.parts.downloads.forget(copy.request.target);
  const core::MutexLock lock(mount_.mutex);
  const InodeNumber number = node->number;
  mount_.drafts.apply(node, DraftEvent::Copied);
  node->about = copy.about;
  node->about.attributes.inode = number;
  node->about.attributes.size = copy.request.source.size;
  settle(*node, mount_.options, key, copy.request.source.size, published, *copy.request.replace,
         store::ObjectType::Normal);
  node->told.until = {};
  const bool needs_date =
      shows_service_times(mount_.options, *copy.request.replace) && !node->stored->dated;
  node->fresh_until = needs_date ? core::SteadyTime{} : mount_.fresh_from_now();
  mount_.name_changed(*node);
  mount_.remember(*node);
}

}  // namespace fs
