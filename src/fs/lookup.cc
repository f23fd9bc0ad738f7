#include "fs/lookup.h"

#include <optional>
#include <stop_token>
#include <utility>

#include "core/format.h"
#include "fs/adoption.h"
#include "model/names.h"
#include "transfer/downloads.h"

namespace fs {
namespace {

using core::ErrorKind;

// A lookup begins anew when we changed the directory while it asked. More often than this in a
// row somebody else's work is not ours to wait for.
constexpr int kMostTries = 100;

// What is fetched with a look at an object that somebody opens to read: a block.
constexpr std::uint64_t kFirstBytes = std::uint64_t{128} << 10U;

/// Waits for one answer.
class Waiting {
 public:
  void set(core::Result<store::ObjectMeta> answer) {
    const core::MutexLock lock(mutex_);
    answer_ = std::move(answer);
    set_.notify_all();
  }
  void wake() {
    const core::MutexLock lock(mutex_);
    set_.notify_all();
  }
  core::Result<store::ObjectMeta> await(const core::OpContext& context, core::Clock& clock) {
    const core::MutexLock lock(mutex_);
    while (!answer_) {
      if (context.stopped()) {
        return core::fail(ErrorKind::Cancelled, "told to stop while waiting for an object");
      }
      if (clock.steady_now() >= context.deadline) {
        return core::fail(ErrorKind::Timeout, "no answer before the deadline");
      }
      clock.wait_until(set_, mutex_, context.deadline);
    }
    return *answer_;
  }

 private:
  core::Mutex mutex_{core::LockRank::Leaf};
  core::CondVar set_;
  std::optional<core::Result<store::ObjectMeta>> answer_ GUARDED_BY(mutex_);
};

core::Error no_such(std::string_view name) {
  return core::fail(ErrorKind::NotFound, "no " + std::string(name));
}

std::string joined(const std::string& path, std::string_view name) {
  return path + (path.empty() ? "" : "/") + std::string(name);
}

}  // namespace

/// Whether the first bytes of an object are to come with what is said of it.
enum class Lookup::Bytes : std::uint8_t {
  None,
  Now,    ///< for the open that asks
  Later,  ///< for one that is expected: who goes through this directory reads it
};

/// What was known of a name when the bucket was asked.
struct Lookup::Known {
  std::string directory_key;
  std::string directory_path;
  std::string name;
  cache::KeyIndex::Ticket ticket = 0;
  std::uint64_t moves = 0;
  std::uint64_t changes = 0;
  cache::KeyIndex::Answer listed;
  NodePtr node;  ///< none: no node has that name
  std::uint64_t revision = 0;
  model::ObjectVersion version;  ///< of an object with content
  Bytes bytes = Bytes::None;
  bool brought = false;  ///< they came, for later
  bool is_directory = false;
  bool has_marker = false;
  std::string key;  ///< of the node, or of what the listing shows; else empty
  model::KeyComponent component;
};

/// Notes what is known of a name before the bucket is asked; `node` has that name, or is none.
core::Status Lookup::take_down(Known& known, const NodePtr& directory, const NodePtr& node,
                               std::string_view name) {
  TRY_ASSIGN(known.directory_key, mount_.key(*directory));
  known.directory_path = path_of(*directory);
  known.name = name;
  known.ticket = mount_.names.ticket();
  known.moves = mount_.moves;
  known.changes = directory->place.changes;
  known.listed = mount_.names.find(known.directory_key, known.name);
  if (node) {
    known.node = node;
    known.revision = node->revision;
    known.is_directory = node->is_directory();
    known.has_marker = node->stored.has_value();
    known.component = node->place.component;
    if (node->is_regular() && node->stored && node->stored->meta.size > 0 &&
        node->stored->meta.type != store::ObjectType::Symlink) {
      known.version = mount_.version_of(*node);
    }
    TRY_ASSIGN(known.key, mount_.key(*node));
    const cache::ListedName* const listed = known.listed.listed();
    if (listed != nullptr && known.directory_key + listed->key() != known.key) {
      known.listed = {};  // shows another thing of that name, and tells nothing of this one
    }
  } else if (const cache::ListedName* const listed = known.listed.listed()) {
    const cache::ListedName& row = *listed;
    known.is_directory = row.directory;
    known.component = {std::string(row.component), row.beside_directory};
    known.key = known.directory_key + row.key();
  }
  return {};
}

bool Lookup::bring_neighbours(const core::OpContext& context, const Known& known) {
  if (known.listed.kind != cache::KeyIndex::Answer::Kind::Unknown) {
    neighbours_.served(known.directory_key, known.name, known.listed.until);
    return false;
  }
  // Exact attributes take a look at the object all the same, if that can be told.
  const bool told = !known.key.empty() || ahead_.hint(known.directory_key, known.name);
  if (!model::is_file_name(known.name) || (told && !mount_.plain())) {
    return false;
  }
  return neighbours_.bring(context, known.directory_key, known.name);
}

std::optional<Answer> Lookup::remembered(const Known& known) const {
  return known.key.empty() ? std::nullopt
                           : known_of(mount_, known.key, known.listed.listed(), known.listed.until);
}

std::optional<Found> Lookup::ask_by_reading(const core::OpContext& context, const Known& known) {
  const std::uint64_t bytes = known.bytes == Bytes::Later ? known.version.size : kFirstBytes;
  const auto answer = std::make_shared<Waiting>();
  const std::stop_callback wake(context.stop, [answer] { answer->wake(); });
  if (!mount_.parts.downloads.bring(
          context, known.version, bytes,
          [answer](core::Result<store::ObjectMeta> meta) { answer->set(std::move(meta)); })) {
    return std::nullopt;
  }
  auto meta = answer->await(context, mount_.parts.clock);
  if (!meta || meta->etag != known.version.etag) {
    return std::nullopt;
  }
  Found found;
  found.component = known.component;
  found.meta = *std::move(meta);
  return found;
}

core::Result<Found> Lookup::ask_about(const core::OpContext& context, Known& known) {
  if (known.bytes != Bytes::None) {
    if (auto found = ask_by_reading(context, known)) {
      known.brought = known.bytes == Bytes::Later;
      return *std::move(found);
    }
  }
  auto found = !known.is_directory ? bucket_.object(context, known.key, known.component)
               : known.listed.listed() != nullptr
                   ? bucket_.listed_directory(context, known.key)
                   : bucket_.directory(context, known.key, joined(known.directory_path, known.name),
                                       known.has_marker || !known.node);
  if (found) {
    found->component = known.component;
  }
  return found;
}

core::Result<Found> Lookup::ask_bucket(const core::OpContext& context, Known& known) {
  if (!known.key.empty()) {
    auto found = ask_about(context, known);
    if (found || found.error().kind != ErrorKind::NotFound) {
      return found;
    }
  }
  return bucket_.find(context, known.directory_key, known.directory_path, known.name);
}

core::Result<Answer> Lookup::learn(const core::OpContext& context, Known& known,
                                   Question question) {
  const core::SteadyTime asked = mount_.now();
  const Learnt::Ticket ticket = mount_.learnt.ticket();
  auto told = (this->*question)(context, known);
  if (!told && told.error().kind == ErrorKind::NotFound) {
    return Answer{};
  }
  if (!told) {
    return std::move(told).error().within("look up " + joined(known.directory_path, known.name));
  }
  known.component = told->component;
  known.key = known.directory_key + told->key();
  const auto found = std::make_shared<const Found>(*std::move(told));
  mount_.learnt.add(known.key, found, asked, ticket, known.brought);
  return Answer{found, asked + mount_.options.metadata_lifetime};
}

core::Result<Answer> Lookup::ask(const core::OpContext& context, Known& known) {
  if (known.key.empty()) {
    if (const auto hint = ahead_.hint(known.directory_key, known.name)) {
      known.is_directory = hint->directory;
      known.component = hint->component;
      known.key = known.directory_key + hint->key();
    }
  }
  auto answer = remembered(known);
  if (!answer && !known.key.empty()) {
    ahead_.await(context, known.key);
    answer = remembered(known);  // also what has come in since
  }
  if (!answer) {
    const auto hint = ahead_.hint(known.directory_key, known.name);
    if (hint && hint->content && hint->content->key.text() == known.key) {
      known.version = *hint->content;
      known.bytes = Bytes::Later;
    }
  }
  ahead_.looked(known.directory_key, known.name, answer.has_value());
  if (answer) {
    return *std::move(answer);
  }
  TRY_ASSIGN(Answer told, learn(context, known, &Lookup::ask_bucket));
  if (told.found && !known.node) {
    mount_.learnt.recall_number(known.key);
  }
  return told;
}

core::Result<NodePtr> Lookup::adopt(const NodePtr& directory, const Known& known,
                                    const Answer& answer) {
  const NodePtr node = InodeTable::child(*directory, known.name);
  if (mount_.moves != known.moves || directory->place.changes != known.changes ||
      (!node && mount_.in_transit(*directory, known.name)) || node != known.node ||
      (node && (node->revision != known.revision || node->claimed.busy))) {
    return NodePtr();  // somebody else was faster
  }
  if (node && meet(mount_, node, known.key, answer)) {
    return node;
  }
  if (!answer.found) {
    mount_.names.add_absent(known.directory_key, known.name, known.ticket);
    return no_such(known.name);
  }
  return make_node(mount_, directory, known.name, known.component, known.key, answer);
}

core::Result<NodePtr> Lookup::find(const core::OpContext& context, const NodePtr& directory,
                                   std::string_view name) {
  const Waker waker(mount_, context);
  bool brought = false;
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    Known known;
    {
      const core::MutexLock lock(mount_.mutex);
      while (!InodeTable::child(*directory, name) && mount_.in_transit(*directory, name)) {
        TRY(mount_.wait(context));
      }
      TRY(mount_.key(*directory));
      const NodePtr node = InodeTable::child(*directory, name);
      if (node && (node->is_local() || node->claimed.busy || node->fresh_until > mount_.now())) {
        return node;
      }
      TRY(take_down(known, directory, node, name));
      if (node && known.listed.listed() != nullptr &&
          confirm(*node, *known.listed.listed(), known.listed.until)) {
        return node;
      }
    }
    if (!std::exchange(brought, true) && bring_neighbours(context, known)) {
      continue;
    }
    if (known.listed.kind == cache::KeyIndex::Answer::Kind::Absent && !known.node) {
      return no_such(name);
    }
    TRY_ASSIGN(const Answer answer, ask(context, known));
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(const NodePtr node, adopt(directory, known, answer));
    if (node) {
      return node;
    }
  }
  return core::fail(ErrorKind::Busy, core::format("{} does not come to rest", name));
}

core::Result<NodePtr> Lookup::find_counted(const core::OpContext& context, const NodePtr& directory,
                                           std::string_view name) {
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    TRY_ASSIGN(NodePtr node, find(context, directory, name));
    const core::MutexLock lock(mount_.mutex);
    if (node->place.parent == directory) {
      ++node->uses.lookups;
      return node;
    }
  }
  return core::fail(ErrorKind::Busy, core::format("{} does not come to rest", name));
}

core::Result<NodePtr> Lookup::find_number(const core::OpContext& context, InodeNumber number) {
  NodePtr at;
  {
    const core::MutexLock lock(mount_.mutex);
    if (auto node = mount_.node(number)) {
      return *std::move(node);
    }
    at = mount_.table.root();
  }
  const core::Error stale =
      core::fail(ErrorKind::Changed, core::format("no file has the number {} any more", number));
  const auto key = mount_.learnt.key_of_number(number);
  if (!key || !key->starts_with(mount_.options.prefix)) {
    return stale;
  }
  std::string_view rest = std::string_view(*key).substr(mount_.options.prefix.size());
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const model::KeyComponent component{std::string(rest.substr(0, slash)), false};
    auto below = find(context, at, model::file_name(component));
    if (!below) {
      return below.error().kind == ErrorKind::NotFound ? stale : below.error();
    }
    at = *std::move(below);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return at->number == number ? core::Result<NodePtr>(at) : stale;
}

core::Status Lookup::refresh(const core::OpContext& context, const NodePtr& node, Need need) {
  Known known;
  for (bool brought = need != Need::Fresh;; brought = true) {
    {
      const core::MutexLock lock(mount_.mutex);
      if (node->is_local() || node->claimed.busy || !node->place.parent) {
        return {};
      }
      const bool fresh = node->fresh_until > mount_.now();
      const bool whole = !node->stored || node->stored->whole;
      if (need != Need::Now && need != Need::Read && fresh && (need == Need::Fresh || whole)) {
        return {};
      }
      known = {};
      TRY(take_down(known, node->place.parent, node, node->place.name));
    }
    if (brought || !bring_neighbours(context, known)) {
      break;
    }
  }
  std::optional<Answer> answer;
  if (need == Need::Read && known.version.size > 0) {
    known.bytes = Bytes::Now;
    answer = mount_.learnt.take_brought(known.key);
    ahead_.opened(known.directory_key, known.name, answer.has_value());
  } else if (need != Need::Now) {
    answer = remembered(known);
    if (answer && answer->found->listed && need == Need::Whole) {
      answer.reset();
    }
  }
  if (!answer) {
    TRY_ASSIGN(answer, learn(context, known, &Lookup::ask_about));
  }
  const core::MutexLock lock(mount_.mutex);
  if (node->revision != known.revision || mount_.moves != known.moves) {
    return {};  // we changed it ourselves meanwhile, and know better
  }
  const NodePtr parent = node->place.parent;
  if (!meet(mount_, node, known.key, *answer)) {
    // Nor is what listed it believed any more: a link that is an object is listed as a file.
    mount_.name_changed(*parent, known.name, known.component);
  }
  return {};
}

core::Status Lookup::refresh_present(const core::OpContext& context, const NodePtr& node,
                                     Need need) {
  TRY(refresh(context, node, need));
  const core::MutexLock lock(mount_.mutex);
  if (node->place.gone) {
    return core::fail(ErrorKind::Changed,
                      path_of(*node) + " was removed or replaced by somebody else");
  }
  return {};
}

}  // namespace fs
