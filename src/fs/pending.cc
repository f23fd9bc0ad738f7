#include "fs/pending.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "core/thread_pool.h"
#include "fs/claims.h"
#include "fs/description.h"
#include "fs/facts.h"
#include "state/journal.h"
#include "transfer/kept_files.h"

namespace fs {
namespace {

using core::ErrorKind;

// A file that was just closed is often renamed, or written again.
constexpr core::Duration kPause = std::chrono::milliseconds{500};
constexpr core::Duration kLongest = std::chrono::minutes{1};
constexpr unsigned kMostDoublings = 7;
constexpr unsigned kAtOnce = 8;
constexpr core::Duration kPatience = std::chrono::minutes{30};

core::Duration pause_after(unsigned tries) {
  return std::min<core::Duration>(kPause * (1U << std::min(tries, kMostDoublings)), kLongest);
}

}  // namespace

Pending::Pending(Mount& mount, Content& content) : mount_(mount), content_(content) {
  if (mount_.parts.journal == nullptr || mount_.parts.kept == nullptr) {
    return;
  }
  content_.on_safe([this](const NodePtr& node) { add(node); });
  take_over();
  thread_ = std::jthread([this] { run(); });
}

Pending::~Pending() {
  stop_.request_stop();
  const core::MutexLock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  while (running_ > 0) {
    changed_.wait(mutex_);
  }
}

void Pending::add(const NodePtr& node) {
  const core::MutexLock lock(mutex_);
  remove(node);
  insert(node, {mount_.now() + kPause, 0});
}

void Pending::again(const NodePtr& node, unsigned tries) {
  const core::MutexLock lock(mutex_);
  if (!waiting_.contains(node)) {
    insert(node, {mount_.now() + pause_after(tries), tries});
  }
}

void Pending::insert(const NodePtr& node, Entry entry) {
  const auto at = due_.emplace(entry.due, node);
  waiting_.emplace(node, entry);
  if (running_ < kAtOnce && at.first == due_.begin()) {
    changed_.notify_all();
  }
}

void Pending::remove(const NodePtr& node) {
  if (const auto at = waiting_.find(node); at != waiting_.end()) {
    due_.erase({at->second.due, node});
    waiting_.erase(at);
  }
}

NodePtr Pending::next(unsigned& tries, core::SteadyTime& wake) {
  wake = core::SteadyTime::max();
  if (running_ >= kAtOnce || due_.empty()) {
    return nullptr;
  }
  wake = due_.begin()->first;
  if (wake > mount_.now()) {
    return nullptr;
  }
  NodePtr node = due_.begin()->second;
  tries = waiting_.at(node).tries;
  remove(node);
  return node;
}

void Pending::run() {
  core::name_this_thread("pending");
  for (;;) {
    NodePtr node;
    unsigned tries = 0;
    {
      const core::MutexLock lock(mutex_);
      core::SteadyTime wake;
      while (!stopping_ && (node = next(tries, wake)) == nullptr) {
        mount_.parts.clock.wait_until(changed_, mutex_, wake);
      }
      if (stopping_) {
        return;
      }
      ++running_;
    }
    mount_.parts.pool.post([this, node = std::move(node), tries] {
      upload(node, tries);
      const core::MutexLock lock(mutex_);
      --running_;
      changed_.notify_all();
    });
  }
}

void Pending::upload(const NodePtr& node, unsigned tries) {
  const auto stop = std::make_shared<std::stop_source>();
  const std::stop_callback at_end(stop_.get_token(), [&] { stop->request_stop(); });
  core::OpContext context;
  context.cause = core::Cause::Upload;
  context.deadline = mount_.now() + kPatience;
  context.stop = stop->get_token();
  Wish wish;
  wish.nodes = {node};
  wish.patient = true;
  {
    const auto claim = Claim::take(mount_, context, std::move(wish));
    if (!claim) {
      again(node, tries);
      return;
    }
    {
      const core::MutexLock lock(mount_.mutex);
      if (node->draft.noted() && !node->draft.safe() && node->uses.writers > 0) {
        again(node, tries + 1);  // somebody is in the middle of a change
        return;
      }
      node->claimed.gives_way = stop;
    }
    // Whatever went wrong is told by the one below.
    (void)content_.publish_claimed(context, node, std::nullopt);
    const core::MutexLock lock(mount_.mutex);
    node->claimed.gives_way = nullptr;
  }
  bool done = false;
  {
    const core::MutexLock lock(mount_.mutex);
    const Draft& draft = node->draft;
    done = !draft.unpublished() || (draft.kept() && !draft.kept()->broken());
  }
  if (!done) {
    again(node, context.stopped() ? tries : tries + 1);
  }
}

void Pending::take_over() {
  state::Journal& journal = *mount_.parts.journal;
  const auto& found = journal.found().files;
  std::set<std::uint64_t> beside;
  for (const state::KeptFile& file : found) {
    if (!file.inside) {
      beside.insert(file.number);
    }
  }
  mount_.parts.kept->remove_all_but(beside);
  Contents inside;
  const auto visited = beside.size() == found.size()
                           ? core::Status()
                           : journal.visit_contents(
                                 [&](std::uint64_t number, std::string_view bytes) -> core::Status {
                                   TRY_ASSIGN(inside[number], mount_.drafts.create());
                                   TRY(inside[number]->write(0, core::as_bytes(bytes)));
                                   inside[number]->set_aside();
                                   return {};
                                 });
  if (!visited) {
    mount_.report("take over", "the journal", visited.error());
  }
  for (const state::KeptFile& file : found) {
    if (auto taken = take_over(file, inside); !taken) {
      mount_.report("take over", file.wanted.key, taken.error());
    }
  }
  if (!found.empty()) {
    core::log(core::LogLevel::Warn, "journal.taken_over",
              {{"files", found.size()}, {"effect", "they are uploaded now"}});
  }
}

core::Result<Pending::Taken> Pending::content_of(const state::KeptFile& file, Contents& inside) {
  Taken taken;
  if (!file.inside) {
    TRY_ASSIGN(auto reopened, mount_.parts.kept->reopen(file.number, file.size));
    taken.content = std::make_shared<transfer::LayeredFile>(std::move(reopened.content));
    taken.name = std::move(reopened.name);
    return taken;
  }
  if (file.size == 0) {
    TRY_ASSIGN(taken.content, mount_.drafts.create());
  } else {
    taken.content = std::move(inside[file.number]);
  }
  if (!taken.content || taken.content->size() != file.size) {
    return core::fail(ErrorKind::Io, "its content could not be read");
  }
  return taken;
}

core::Status Pending::take_over(const state::KeptFile& file, Contents& inside) {
  const std::string& key = file.wanted.key;
  const std::string& prefix = mount_.options.prefix;
  const auto meta = from_facts(file.wanted);
  if (!meta || !key.starts_with(prefix)) {
    return core::fail(ErrorKind::Corrupt, "what the journal says of it makes no sense");
  }
  TRY_ASSIGN(Taken taken, content_of(file, inside));
  Found found;
  found.meta = *meta;
  Description about = describe(mount_.options, key, found);
  about.attributes.size = taken.content->size();
  const core::MutexLock lock(mount_.mutex);
  NodePtr directory = mount_.table.root();
  std::size_t at = prefix.size();
  for (std::size_t slash = key.find('/', at); slash != std::string::npos;
       at = slash + 1, slash = key.find('/', at)) {
    const model::KeyComponent component{key.substr(at, slash - at), false};
    const std::string name = model::file_name(component);
    NodePtr below = InodeTable::child(*directory, name);
    if (!below) {
      const std::string own = key.substr(0, slash + 1);
      Found nothing;
      nothing.directory = true;
      below = mount_.table.add(directory, name, component, mount_.free_number(own, model::ETag()),
                               describe(mount_.options, own, nothing));
    }
    directory = below;
  }
  const model::KeyComponent component{key.substr(at), false};
  const std::string name = model::file_name(component);
  if (InodeTable::child(*directory, name)) {
    return core::fail(ErrorKind::Exists, "the journal has it twice");
  }
  const InodeNumber number = file.wanted.inode != 0 && !mount_.table.contains(file.wanted.inode)
                                 ? file.wanted.inode
                                 : mount_.new_number(key);
  NodePtr node = mount_.table.add(directory, name, component, number, std::move(about));
  if (!file.base.etag.empty()) {
    auto base = from_facts(file.base);
    if (!base) {
      base.emplace();
      base->etag = file.base.etag;
    }
    node->stored = Stored{*std::move(base), key, true, true, false};
  }
  mount_.drafts.adopt(node, std::move(taken.content));
  if (taken.name) {
    mount_.drafts.named(node, std::move(taken.name));
  }
  for (const state::Remembered& sent : file.sent) {
    if (auto made = from_facts(sent)) {
      mount_.drafts.sent(node, *std::move(made));
    }
  }
  mount_.drafts.wrote(node);
  mount_.drafts.made_safe(node, file.number, file.inside);
  mount_.name_changed(*node);
  add(node);
  return {};
}

}  // namespace fs
