#include "fs/content.h"

#include <algorithm>
#include <utility>

#include "core/digest.h"
#include "core/format.h"
#include "core/log.h"
#include "fs/claims.h"
#include "fs/description.h"
#include "state/journal.h"
#include "store/evidence.h"
#include "transfer/downloads.h"
#include "transfer/source_sum.h"
#include "transfer/staging.h"
#include "transfer/uploads.h"

namespace fs {
namespace {

using core::ErrorKind;
using store::Precondition;

constexpr int kMostConflictNames = 10;
// For what is fetched beside a change; whoever publishes fetches what did not come.
constexpr core::Duration kPatienceBeside = std::chrono::seconds{30};

Precondition precondition_of(const std::optional<Stored>& stored) {
  Precondition precondition;
  if (stored) {
    precondition.kind = Precondition::Kind::Matches;
    precondition.etag = stored->meta.etag;
  } else {
    precondition.kind = Precondition::Kind::Absent;
  }
  return precondition;
}

std::string tell_of_conflict(const std::string& key, const std::string& other,
                             std::uint64_t lost_bytes) {
  std::string text =
      core::format("somebody else has changed {}; what was written here is kept as {}", key, other);
  if (lost_bytes > 0) {
    text += core::format(
        ", in which {} bytes are zeros that nobody wrote: they were only in the version that is "
        "gone",
        lost_bytes);
  }
  return text;
}

}  // namespace

core::Status Content::stage(const core::OpContext& context, const NodePtr& node, Keep keep) {
  model::ObjectVersion version;
  std::shared_ptr<transfer::LayeredFile> staged;
  {
    const core::MutexLock lock(mount_.mutex);
    staged = node->draft.content();
    if (node->stored) {
      version = mount_.version_of(*node);
    }
  }
  if (staged) {
    return keep == Keep::All
               ? mount_.parts.uploads.bring(context, version, *staged, {0, staged->size()})
               : core::Status{};
  }
  TRY_ASSIGN(staged, mount_.drafts.create());
  if (keep != Keep::Nothing && version.size > 0) {
    if (keep == Keep::All || mount_.parts.uploads.goes_whole(version.size)) {
      TRY(fetch_whole(context, version, *staged));
    } else {
      TRY(staged->lie_over(version.size));
    }
  }
  const core::MutexLock lock(mount_.mutex);
  mount_.drafts.begin(node, std::move(staged));
  return {};
}

core::Status Content::fetch_whole(const core::OpContext& context,
                                  const model::ObjectVersion& version,
                                  transfer::LayeredFile& staged) {
  if (!mount_.drafts.has_room(version.size)) {
    return core::fail(ErrorKind::NoSpace, core::format("no room to stage the {} bytes of {}",
                                                       version.size, version.key.text()));
  }
  transfer::StagedFile& local = *staged.local();
  TRY_ASSIGN(const int fd, local.on_disk());
  if (auto fetched = mount_.parts.downloads.fetch(context, version, fd); !fetched) {
    core::Error error = std::move(fetched).error();
    if (error.kind == ErrorKind::NotFound) {
      error.kind = ErrorKind::Changed;  // it was there when it was opened
    }
    return std::move(error).within("fetch " + version.key.text());
  }
  TRY(local.truncate(version.size));  // accounts for what was fetched
  staged.settled();
  return {};
}

void Content::fetch_beside(const NodePtr& node,
                           const std::shared_ptr<transfer::LayeredFile>& staged,
                           model::ByteRange range) {
  const auto wanted =
      staged->wanted_beside(range, mount_.parts.store.capabilities().min_part_bytes);
  if (wanted.empty()) {
    return;
  }
  model::ObjectVersion base;
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->stored) {
      return;
    }
    base = mount_.version_of(*node);
  }
  auto pass = fetching_.enter();
  if (!pass) {
    return;
  }
  mount_.parts.pool.post([this, pass = std::make_shared<core::Gate::Pass>(*std::move(pass)), wanted,
                          base = std::move(base), staged] {
    core::OpContext own;
    own.cause = core::Cause::Prefetch;
    own.deadline = mount_.now() + kPatienceBeside;
    for (const model::ByteRange& one : wanted) {
      (void)mount_.parts.uploads.bring(own, base, *staged, one);
    }
  });
}

core::Status Content::publish(const core::OpContext& context, const NodePtr& node) {
  Wish wish;
  wish.nodes = {node};
  wish.patient = true;
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, context, std::move(wish)));
  return publish_claimed(context, node, std::nullopt);
}

core::Result<Content::Upload> Content::plan(const NodePtr& node,
                                            const std::optional<Destination>& destination) {
  const core::MutexLock lock(mount_.mutex);
  Upload upload;
  upload.path = path_of(*node);
  upload.staged = node->draft.content();
  upload.precondition = precondition_of(node->stored);
  if (destination) {
    upload.key = destination->key;
    upload.precondition = destination->precondition;
  } else {
    TRY_ASSIGN(upload.key, mount_.key(*node));
  }
  TRY_ASSIGN(upload.attributes,
             object_attributes(mount_.options, upload.key, node->stored, node->about));
  upload.overlay.content = upload.staged;
  if (node->stored && upload.staged->has_clean()) {
    upload.overlay.base = mount_.version_of(*node);
    upload.overlay.base_crc64 = node->stored->meta.crc64;
  }
  upload.outgoing = node->draft.outgoing();
  if (upload.outgoing && node->about.attributes.modified == node->draft.written()) {
    TRY_ASSIGN(upload.untimed, object_attributes(mount_.options, upload.key, node->stored,
                                                 node->about, Times::TheService));
  }
  if (stays_appendable(*node, upload.key)) {
    const store::ObjectMeta& has = node->stored->meta;
    upload.overlay.appendable = true;
    upload.untimed = {has.content_type, has.user, has.content, has.settings};
  }
  return upload;
}

bool Content::stays_appendable(const Node& node, const std::string& key) const {
  return node.stored && node.stored->meta.type == store::ObjectType::Appendable &&
         mount_.parts.store.capabilities().append && node.stored->key == key &&
         node.about.attributes.modified == node.draft.written() &&
         is_all_stored(mount_.options, *node.stored, node.about);
}

void Content::send_ahead(const NodePtr& node, transfer::Outgoing& outgoing) {
  if (!mount_.plain() && !mount_.parts.store.capabilities().dates_joins_at_end) {
    return;  // it would show a time before its last write
  }
  transfer::Outgoing::Target target;
  {
    const core::MutexLock lock(mount_.mutex);
    auto key = mount_.key(*node);
    if (!key || node->is_out_of_tree() ||
        (node->stored && node->stored->meta.type == store::ObjectType::Appendable)) {
      return;
    }
    auto attributes =
        object_attributes(mount_.options, *key, node->stored, node->about, Times::TheService);
    if (!attributes) {
      return;  // whoever closes is told
    }
    target = {model::ObjectKey(*std::move(key)), *std::move(attributes)};
  }
  outgoing.start(std::move(target));
}

core::Result<store::Published> Content::send_staged(const core::OpContext& context,
                                                    const Upload& upload,
                                                    const model::ObjectKey& key,
                                                    const Precondition& precondition) {
  return mount_.parts.uploads.publish_over(context, key, upload.overlay, upload.attributes,
                                           precondition);
}

core::Result<store::Published> Content::send(const core::OpContext& context, Upload& upload) {
  if (!upload.outgoing) {
    TRY_ASSIGN(auto sent,
               send_staged(context, upload, model::ObjectKey(upload.key), upload.precondition));
    return as_appended(upload, std::move(sent));
  }
  const transfer::Outgoing::Delivery delivery{{model::ObjectKey(upload.key), upload.attributes},
                                              upload.untimed,
                                              upload.precondition,
                                              upload.overlay};
  TRY_ASSIGN(auto delivered, upload.outgoing->publish(context, delivery));
  upload.attributes = std::move(delivered.attributes);
  upload.amended = std::move(delivered.amended);
  return as_appended(upload, std::move(delivered.published));
}

store::Published Content::as_appended(Upload& upload, store::Published published) {
  if (published.type == store::ObjectType::Appendable) {
    upload.attributes = *upload.untimed;  // nothing else was changed of it
    published.settings = *upload.untimed->settings;
  }
  return published;
}

core::Status Content::publish_claimed(const core::OpContext& context, const NodePtr& node,
                                      const std::optional<Destination>& destination) {
  bool noted = false;
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->draft.unpublished()) {
      return {};
    }
    noted = node->draft.noted();
    if (node->draft.kept()) {
      TRY(node->draft.kept()->broken());
    }
  }
  TRY_ASSIGN(Upload upload, plan(node, destination));
  {
    const core::MutexLock lock(mount_.mutex);
    mount_.drafts.publish(node, mount_.parts.clock.wall_now());
  }
  auto done = send(context, upload);
  const auto lost = [&] {
    return !done &&
           (done.error().kind == ErrorKind::Changed || done.error().kind == ErrorKind::Exists);
  };
  if (lost()) {
    done = recognise(context, upload, std::move(done).error());
    if (done) {
      done = as_appended(upload, *std::move(done));
    }
  }
  if (lost() && !destination && stands_on_ours(context, node, upload)) {
    auto again = plan(node, destination);
    if (again) {
      upload = *std::move(again);
      upload.outgoing.reset();
      done = send(context, upload);
    } else {
      done = std::move(again).error();
    }
  }
  if (done) {
    published(node, upload, *done);
    if (noted) {
      settle_journal();  // before anybody changes the object or its name again
    }
    if (!upload.amended) {
      failed(node, upload, upload.amended.error());
    }
    return upload.amended;
  }
  core::Error error = std::move(done).error().within("upload " + upload.path);
  if (lost() && destination) {
    const core::MutexLock lock(mount_.mutex);
    mount_.drafts.fail(node, error);
    return error;  // the caller wanted another place, and decides
  }
  if (lost()) {
    error = keep_apart(context, node, upload, error);
  }
  failed(node, upload, error);
  return error;
}

void Content::published(const NodePtr& node, const Upload& upload,
                        const store::Published& published) {
  mount_.counters.publishes.add();
  mount_.parts.downloads.forget(model::ObjectKey(upload.key));
  upload.staged->settled();
  if (published.overwrote) {
    mount_.counters.overwrites_found.add();
    mount_.report("publish", upload.path,
                  core::fail(ErrorKind::Changed,
                             core::format("somebody else had replaced it at the same time; the "
                                          "bucket keeps that as version {}",
                                          published.overwrote->id)));
  }
  const core::MutexLock lock(mount_.mutex);
  Description wanted = node->about;
  settle(*node, mount_.options, upload.key, upload.staged->size(), published, upload.attributes,
         published.type);
  if (upload.amended) {
    mount_.drafts.apply(node, DraftEvent::Published);
  } else {
    node->about = std::move(wanted);  // for the next try
  }
  // Not every answer tells Last-Modified.
  const bool needs_date =
      shows_service_times(mount_.options, upload.attributes) && !node->stored->dated;
  node->fresh_until = needs_date ? core::SteadyTime{} : mount_.fresh_from_now();
  mount_.name_changed(*node);
  mount_.remember(*node);
}

bool Content::stands_on_ours(const core::OpContext& context, const NodePtr& node,
                             const Upload& upload) {
  std::vector<store::ObjectMeta> sent;
  {
    const core::MutexLock lock(mount_.mutex);
    sent = node->draft.sent();
  }
  if (sent.empty()) {
    return false;
  }
  const auto found = mount_.parts.store.head(context, model::ObjectKey(upload.key));
  const bool ours =
      found && std::any_of(sent.begin(), sent.end(), [&](const auto& one) {
        store::Evidence evidence{.size = one.size, .crc64 = one.crc64, .user = one.user};
        evidence.replaced = upload.precondition.etag;
        return evidence.proves(*found);
      });
  if (ours) {
    const core::MutexLock lock(mount_.mutex);
    node->stored = Stored{*found, upload.key, true, true, false};
  }
  return ours;
}

store::ObjectMeta Content::made_of(const Upload& upload) {
  constexpr std::uint64_t kQuicklySummed = std::uint64_t{1} << 20U;
  store::ObjectMeta made;
  made.size = upload.staged->size();
  made.user = upload.attributes.user;
  if (made.size <= kQuicklySummed) {
    made.crc64 = sum_of(upload).value_or(std::nullopt);
  }
  return made;
}

void Content::failed(const NodePtr& node, const Upload& upload, const core::Error& error) {
  const bool is_doubtful = error.kind == ErrorKind::Cancelled || error.kind == ErrorKind::Timeout ||
                           error.kind == ErrorKind::Unavailable || error.kind == ErrorKind::Io;
  std::optional<store::ObjectMeta> made;
  if (is_doubtful) {
    made = made_of(upload);
  }
  {
    const core::MutexLock lock(mount_.mutex);
    const bool publishing = node->draft.state() == DraftState::Publishing;
    if (publishing && made) {
      mount_.drafts.sent(node, *std::move(made));
    }
    if (publishing && node->draft.noted() && error.kind == ErrorKind::Cancelled) {
      mount_.drafts.fail(node, error);  // somebody else wants the file, or this is the end
      return;
    }
    if (publishing && node->draft.noted()) {
      mount_.parts.journal->note_failure(node->draft.note().number, error.message);
    }
    if (publishing) {
      mount_.counters.publish_failures.add();
      mount_.drafts.fail(node, error);
    }
  }
  mount_.report("upload", upload.path, error);
}

core::Result<std::optional<std::uint64_t>> Content::sum_of(const Upload& upload) {
  const transfer::Layers layers = upload.staged->layers();
  std::uint64_t sum = 0;
  std::uint64_t at = 0;
  if (!layers.missing.empty()) {
    const transfer::Overlay& over = upload.overlay;
    if (!over.base_crc64 || !layers.clean.contains({0, over.base.size})) {
      return std::optional<std::uint64_t>();
    }
    sum = *over.base_crc64;
    at = over.base.size;
  }
  TRY_ASSIGN(const std::uint64_t here, transfer::source_sum(*upload.staged, {at, layers.size}));
  return std::optional(core::crc64_combine(sum, here, layers.size - at));
}

core::Result<store::Published> Content::recognise(const core::OpContext& context,
                                                  const Upload& upload, core::Error error) {
  auto found = mount_.parts.store.head(context, model::ObjectKey(upload.key));
  if (!found && found.error().kind != ErrorKind::NotFound &&
      found.error().kind != ErrorKind::Denied) {
    return std::move(found).error();  // whose it is shows the next try
  }
  store::Evidence ours{.size = upload.staged->size(), .user = upload.attributes.user};
  ours.replaced = upload.precondition.etag;
  if (found && !ours.allows(*found) && upload.untimed) {
    ours.user = upload.untimed->user;
  }
  if (!found || !ours.allows(*found)) {
    return error;
  }
  if (found->crc64) {
    TRY_ASSIGN(ours.crc64, sum_of(upload));
  }
  if (!ours.proves(*found)) {
    return error;
  }
  store::Published published;
  published.etag = found->etag;
  published.version_id = found->version_id;
  published.crc64 = found->crc64;
  published.last_modified = found->last_modified;
  published.settings = found->settings;
  if (upload.overlay.appendable) {
    published.type = found->type;
  }
  return published;
}

core::Result<store::Published> Content::send_apart(const core::OpContext& context,
                                                   const Upload& upload,
                                                   const model::ObjectKey& key,
                                                   std::uint64_t& lost_bytes) {
  Precondition absent;
  absent.kind = Precondition::Kind::Absent;
  auto kept = send_staged(context, upload, key, absent);
  if (kept || kept.error().kind != ErrorKind::Changed || !upload.staged->has_clean()) {
    return kept;
  }
  // Only where the bucket keeps versions does it still have the one that was written over.
  const transfer::Layers before = upload.staged->lose_base();
  lost_bytes = before.missing.bytes();
  kept = send_staged(context, upload, key, absent);
  if (!kept) {
    upload.staged->regain_base(before);  // or the next try would publish zeros as ours
  }
  return kept;
}

core::Error Content::keep_apart(const core::OpContext& context, const NodePtr& node,
                                const Upload& upload, const core::Error& why) {
  const std::string stamp =
      mount_.options.host_name + '-' + core::format_compact(mount_.parts.clock.wall_now());
  std::uint64_t lost_bytes = 0;
  for (int i = 1; i <= kMostConflictNames; ++i) {
    const std::string other =
        upload.key + ".conflict-" + stamp + (i > 1 ? core::format("-{}", i) : std::string());
    auto kept = send_apart(context, upload, model::ObjectKey(other), lost_bytes);
    if (!kept && kept.error().kind == ErrorKind::Exists) {
      continue;
    }
    if (!kept) {
      return std::move(kept).error().within("keep it as " + other).within(why.message);
    }
    mount_.counters.conflicts.add();
    const core::MutexLock lock(mount_.mutex);
    // The name is the other's now. Handles of ours have lost their object.
    mount_.drafts.apply(node, DraftEvent::Lost);
    if (const NodePtr directory = node->place.parent) {
      const model::KeyComponent component{other.substr(other.rfind('/') + 1), false};
      mount_.name_changed(*directory, model::file_name(component), component);
      mount_.name_changed(*node);
      node->place.gone = true;
      node->stored.reset();  // whose bytes are not what the handles have seen
      InodeTable::detach(*node);
    }
    return core::fail(ErrorKind::Changed, tell_of_conflict(upload.key, other, lost_bytes));
  }
  return core::fail(ErrorKind::Exists, "no conflict name is free for " + upload.key);
}

}  // namespace fs
