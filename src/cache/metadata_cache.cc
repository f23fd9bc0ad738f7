#include "cache/metadata_cache.h"

#include <algorithm>
#include <utility>

namespace cache {
namespace {

constexpr core::Duration kSweepEvery = std::chrono::seconds{5};

}  // namespace

MetadataCache::MetadataCache(core::Clock& clock, core::Duration lifetime, std::size_t most_names)
    : clock_(clock), lifetime_(lifetime), most_names_(most_names) {}

MetadataCache::Answer MetadataCache::find(const std::string& directory,
                                          const std::string& name) const {
  Answer answer;
  const core::MutexLock lock(mutex_);
  const auto at = directories_.find(directory);
  if (at == directories_.end()) {
    return answer;
  }
  const Directory& known = at->second;
  const core::SteadyTime now = clock_.steady_now();
  const auto row = known.rows.find(name);
  if (row != known.rows.end() && row->second.until > now) {
    answer.kind = row->second.listed ? Answer::Kind::Listed : Answer::Kind::Absent;
    answer.listed = row->second.listed;
    answer.until = row->second.until;
  } else if (row == known.rows.end() && known.complete_until > now &&
             !known.changed.contains(name)) {
    answer.kind = Answer::Kind::Absent;
    answer.until = known.complete_until;
  }
  return answer;
}

MetadataCache::Complete MetadataCache::listing(const std::string& directory) const {
  const core::MutexLock lock(mutex_);
  const auto at = directories_.find(directory);
  if (at == directories_.end() || at->second.complete_until <= clock_.steady_now()) {
    return {};
  }
  return {at->second.pages_valid, at->second.pages, at->second.complete_until};
}

MetadataCache::Ticket MetadataCache::ticket() const {
  const core::MutexLock lock(mutex_);
  return changes_;
}

MetadataCache::Directory* MetadataCache::accept(const std::string& directory, Ticket ticket) {
  if (lifetime_ <= core::Duration::zero()) {
    return nullptr;
  }
  sweep();
  const auto at = directories_.find(directory);
  if (ticket < (at == directories_.end() ? forgotten_at_ : at->second.changed_at)) {
    return nullptr;
  }
  Directory& known = at == directories_.end() ? directories_[directory] : at->second;
  known.last_until = clock_.steady_now() + lifetime_;
  return &known;
}

void MetadataCache::add_absent(const std::string& directory, const std::string& name,
                               Ticket ticket) {
  const core::MutexLock lock(mutex_);
  if (Directory* known = accept(directory, ticket)) {
    const auto [row, added] = known->rows.insert_or_assign(name, Row{nullptr, known->last_until});
    names_ += added ? 1 : 0;
  }
}

void MetadataCache::add_page(const std::string& directory, const std::shared_ptr<const Page>& page,
                             Ticket ticket) {
  std::vector<Directories::node_type> ended;
  const core::MutexLock lock(mutex_);
  ended = compost();
  if (Directory* known = accept(directory, ticket)) {
    for (const ListedName& name : *page) {
      const auto [row, added] = known->rows.insert_or_assign(
          name.name, Row{std::shared_ptr<const ListedName>(page, &name), known->last_until});
      names_ += added ? 1 : 0;
    }
  }
}

void MetadataCache::add_listing(const std::string& directory, Pages all, Ticket ticket,
                                core::SteadyTime since) {
  std::vector<Directories::node_type> ended;
  const core::MutexLock lock(mutex_);
  ended = compost();
  if (Directory* known = accept(directory, ticket)) {
    known->pages.swap(all);
    known->pages_valid = true;
    known->complete_until = since + lifetime_;
    known->changed.clear();
  }
}

void MetadataCache::changed(const std::string& directory, const std::string& name) {
  const core::MutexLock lock(mutex_);
  ++changes_;
  const auto at = directories_.find(directory);
  if (at == directories_.end()) {
    forgotten_at_ = changes_;
    return;
  }
  Directory& known = at->second;
  known.changed_at = changes_;
  known.pages_valid = false;
  if (known.complete_until > clock_.steady_now()) {
    known.changed.insert(name);
  } else {
    known.changed.clear();
  }
  names_ -= known.rows.erase(name);
}

void MetadataCache::changed_tree(const std::string& prefix) {
  const core::MutexLock lock(mutex_);
  ++changes_;
  forgotten_at_ = changes_;
  auto at = directories_.lower_bound(prefix);
  while (at != directories_.end() && at->first.starts_with(prefix)) {
    at = bury(at);
  }
}

MetadataCache::Directories::iterator MetadataCache::bury(Directories::iterator at) {
  names_ -= at->second.rows.size();
  const auto next = std::next(at);
  buried_.push_back(directories_.extract(at));
  return next;
}

void MetadataCache::sweep() {
  const core::SteadyTime now = clock_.steady_now();
  const bool full = names_ >= most_names_;
  if (now < next_sweep_ && !full) {
    return;
  }
  next_sweep_ = now + kSweepEvery;
  for (auto at = directories_.begin(); at != directories_.end();) {
    if (!full && at->second.last_until > now) {
      ++at;
      continue;
    }
    forgotten_at_ = std::max(forgotten_at_, at->second.changed_at);
    at = bury(at);
  }
}

}  // namespace cache
