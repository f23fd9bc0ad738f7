// Content that is safe on this host before it is in the bucket: the other half of fs/content.h.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fs/claims.h"
#include "fs/content.h"
#include "fs/description.h"
#include "fs/facts.h"
#include "state/journal.h"
#include "transfer/kept_files.h"
#include "transfer/layered_file.h"

namespace fs {
namespace {

using core::ErrorKind;

// What is no bigger lies in the journal itself: one wait for the disk instead of three. SQLite
// writes it twice, which bigger content had better not be.
constexpr std::uint64_t kMostInside = std::uint64_t{64} << 10U;

/// What an upload may have made.
state::Remembered to_remembered(const std::string& key, const store::ObjectMeta& meta) {
  state::Remembered sent;
  sent.key = key;
  sent.etag = model::ETag("sent");  // who has none is a directory
  sent.facts = to_facts(meta);
  return sent;
}

}  // namespace

core::Status Content::commit(const core::OpContext& context, const NodePtr& node) {
  if (!mount_.local()) {
    return publish(context, node);
  }
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->draft.unpublished() || node->draft.safe()) {
      return {};
    }
  }
  Wish wish;
  wish.nodes = {node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, context, std::move(wish)));
  return commit_claimed(context, node);
}

core::Status Content::commit_claimed(const core::OpContext& context, const NodePtr& node) {
  if (!mount_.local()) {
    return publish_claimed(context, node, std::nullopt);
  }
  std::shared_ptr<transfer::LayeredFile> content;
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->draft.unpublished() || node->draft.safe()) {
      return {};
    }
    content = node->draft.content();
  }
  if (!content->missing({0, UINT64_MAX}).empty()) {
    // The rest is in the bucket alone, and may be gone from there before an upload.
    return publish_claimed(context, node, std::nullopt);
  }
  core::Status safe = make_safe(node);
  const core::MutexLock lock(mount_.mutex);
  if (on_safe_) {
    on_safe_(node);  // also what could not be made safe here goes to the bucket
  }
  return safe;
}

core::Status Content::note_again(const core::OpContext& context, const NodePtr& node) {
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->draft.noted() || !node->draft.unpublished() || !node->draft.safe()) {
      return {};  // the next close() writes it down
    }
    mount_.drafts.outdated(node);
  }
  return commit_claimed(context, node);
}

core::Result<state::KeptFile> Content::row_of(const Node& node, const std::string& key,
                                              const std::optional<Stored>& stored) const {
  TRY_ASSIGN(auto attributes, object_attributes(mount_.options, key, stored, node.about));
  store::ObjectMeta wanted;
  wanted.size = node.draft.content()->size();
  wanted.content_type = std::move(attributes.content_type);
  wanted.content = std::move(attributes.content);
  wanted.user = std::move(attributes.user);
  if (attributes.settings) {
    wanted.settings = *std::move(attributes.settings);
  }
  state::KeptFile row;
  row.size = wanted.size;
  row.wanted.key = row.base.key = key;
  row.wanted.inode = node.number;
  row.wanted.last_modified = node.about.attributes.modified;
  row.wanted.facts = to_facts(wanted);
  if (stored) {
    row.base.etag = stored->meta.etag;
    row.base.last_modified = stored->meta.last_modified;
    row.base.facts = to_facts(stored->meta);
  }
  for (const store::ObjectMeta& meta : node.draft.sent()) {
    row.sent.push_back(to_remembered(key, meta));
  }
  return row;
}

core::Status Content::make_safe(const NodePtr& node) {
  Keeping keeping;
  {
    const core::MutexLock lock(mount_.mutex);
    const Draft& draft = node->draft;
    TRY_ASSIGN(const std::string key, mount_.key(*node));
    TRY_ASSIGN(keeping.row, row_of(*node, key, node->stored));
    keeping.row.number = draft.number();
    keeping.staged = draft.content();
    keeping.kept = draft.kept();
    keeping.before = draft.note();
  }
  if (keeping.row.number == 0) {
    keeping.row.number = mount_.parts.journal->new_number();
  }
  keeping.row.inside = !keeping.kept && keeping.row.size <= kMostInside;
  TRY(keeping.row.inside ? keep_inside(keeping) : keep_beside(node, keeping));
  const core::MutexLock lock(mount_.mutex);
  mount_.drafts.made_safe(node, keeping.row.number, keeping.row.inside);
  return {};
}

core::Status Content::keep_inside(const Keeping& keeping) {
  std::string content(static_cast<std::size_t>(keeping.row.size), '\0');
  const std::span<char> room(content);
  TRY_ASSIGN(const std::size_t n, keeping.staged->read(0, std::as_writable_bytes(room)));
  if (n != content.size()) {
    return core::fail(ErrorKind::Io, "staged content ends before its end");
  }
  TRY(note(keeping, &content));
  keeping.staged->set_aside();
  return {};
}

core::Status Content::keep_beside(const NodePtr& node, Keeping& keeping) {
  const bool unnamed = keeping.kept == nullptr;
  if (unnamed) {
    TRY_ASSIGN(keeping.kept, mount_.parts.kept->name(keeping.staged, keeping.row.number));
    const core::MutexLock lock(mount_.mutex);
    // Whatever follows: a failure to write it is for good.
    mount_.drafts.named(node, keeping.kept);
  }
  TRY(keeping.kept->sync());
  if (unnamed) {
    TRY(mount_.parts.kept->sync_names());
  }
  TRY(note(keeping, nullptr));
  if (keeping.before.name != keeping.kept) {
    keeping.kept->need();
  }
  return {};
}

core::Status Content::note(const Keeping& keeping, const std::string* content) {
  const std::uint64_t before = keeping.before.number;
  state::Journal& journal = *mount_.parts.journal;
  return before != 0 && before != keeping.row.number ? journal.replace(keeping.row, content, before)
                                                     : journal.keep(keeping.row, content);
}

core::Status Content::start_anew(const NodePtr& node, std::uint64_t size) {
  constexpr std::uint64_t kPiece = std::uint64_t{1} << 20U;
  std::shared_ptr<transfer::LayeredFile> old;
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->draft.is_promised_in_place() || size >= node->draft.content()->size()) {
      return {};
    }
    old = node->draft.content();
  }
  TRY_ASSIGN(auto fresh, mount_.drafts.create());
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(size, kPiece)));
  for (std::uint64_t at = 0; at < size;) {
    const auto want = static_cast<std::size_t>(std::min(size - at, kPiece));
    TRY_ASSIGN(const std::size_t n, old->read(at, std::span(piece).first(want)));
    if (n == 0) {
      return core::fail(ErrorKind::Io, "staged content ends before its end");
    }
    TRY(fresh->write(at, std::span(piece).first(n)));
    at += n;
  }
  const core::MutexLock lock(mount_.mutex);
  mount_.drafts.replace(node, std::move(fresh));
  return {};
}

core::Result<bool> Content::retarget(const NodePtr& node, const std::string& key,
                                     const NodePtr& replaced) {
  state::KeptFile row;
  std::optional<std::uint64_t> other;
  std::optional<Stored> stored;
  std::vector<store::ObjectMeta> sent;
  {
    const core::MutexLock lock(mount_.mutex);
    const Draft& draft = node->draft;
    // What was tried may have succeeded, its answer lost.
    if (!mount_.local() || !draft.unpublished() || !draft.safe() || node->stored ||
        draft.failure() != nullptr) {
      return false;
    }
    if (replaced) {
      if (!replaced->is_regular()) {
        return false;
      }
      stored = replaced->stored;
      sent = replaced->draft.sent();
      if (replaced->draft.failure() != nullptr && sent.empty()) {
        return false;
      }
      if (replaced->draft.noted()) {
        other = replaced->draft.note().number;
      }
    }
    TRY_ASSIGN(row, row_of(*node, key, stored));
    for (const store::ObjectMeta& meta : sent) {
      row.sent.push_back(to_remembered(key, meta));
    }
    row.number = draft.number();
    row.inside = draft.note().name == nullptr;
  }
  state::Journal& journal = *mount_.parts.journal;
  TRY(other ? journal.replace(row, nullptr, *other) : journal.keep(row));
  const core::MutexLock lock(mount_.mutex);
  for (store::ObjectMeta& meta : sent) {
    mount_.drafts.sent(node, std::move(meta));
  }
  node->stored = std::move(stored);
  ++node->revision;
  if (on_safe_) {
    on_safe_(node);
  }
  return true;
}

void Content::settle_journal() const {
  if (mount_.local()) {
    (void)mount_.parts.journal->settle();
  }
}

core::Status Content::note_tree(const NodePtr& directory) {
  std::vector<state::Journal::Renamed> renamed;
  {
    const core::MutexLock lock(mount_.mutex);
    for (const NodePtr& node : mount_.drafts.unpublished()) {
      if (!node->draft.noted() || !lies_in(*node, directory)) {
        continue;
      }
      TRY_ASSIGN(std::string key, mount_.key(*node));
      renamed.push_back({node->draft.note().number, std::move(key)});
    }
  }
  return renamed.empty() ? core::Status{} : mount_.parts.journal->rename_all(renamed);
}

}  // namespace fs
