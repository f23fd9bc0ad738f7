#include "fs/learnt.h"

#include <utility>

namespace fs {
namespace {

constexpr std::size_t kMostRows = 65'536;  // in each generation
constexpr std::size_t kMostChanges = 10'000;
constexpr core::Duration kSettledAfter = std::chrono::seconds{2};

}  // namespace

bool is_settled(const store::ObjectMeta& meta) {
  return meta.served_at && *meta.served_at - meta.last_modified >= kSettledAfter;
}

Learnt::Ticket Learnt::ticket() const {
  const core::MutexLock lock(mutex_);
  return changes_;
}

void Learnt::add(const std::string& key, Found found, core::SteadyTime asked, Ticket ticket) {
  Rows ended;  // goes without the lock
  const core::MutexLock lock(mutex_);
  const auto at = changed_.find(key);
  if (ticket < (at == changed_.end() ? floor_ : at->second)) {
    return;
  }
  old_.erase(key);
  young_.insert_or_assign(key, Row{std::move(found), asked + lifetime_});
  if (young_.size() >= kMostRows) {
    ended = std::exchange(old_, std::exchange(young_, {}));
  }
}

const Learnt::Row* Learnt::find(const std::string& key) const {
  for (const Rows* rows : {&young_, &old_}) {
    if (const auto at = rows->find(key); at != rows->end()) {
      return &at->second;
    }
  }
  return nullptr;
}

std::optional<Learnt::Fresh> Learnt::fresh(const std::string& key) const {
  const core::MutexLock lock(mutex_);
  const Row* row = find(key);
  if (row == nullptr || row->until <= clock_.steady_now()) {
    return std::nullopt;
  }
  return Fresh{row->found, row->until};
}

std::optional<Found> Learnt::of_state(const std::string& key, const model::ETag& etag,
                                      core::WallTime last_modified) const {
  const core::MutexLock lock(mutex_);
  const Row* row = find(key);
  if (row == nullptr || !row->found.meta || !is_settled(*row->found.meta) ||
      row->found.meta->etag != etag || row->found.meta->last_modified != last_modified) {
    return std::nullopt;
  }
  return row->found;
}

void Learnt::changed(const std::string& key) {
  const core::MutexLock lock(mutex_);
  ++changes_;
  if (changed_.size() >= kMostChanges) {
    changed_.clear();
    floor_ = changes_;
  }
  changed_[key] = changes_;
  young_.erase(key);
  old_.erase(key);
}

void Learnt::changed_tree(const std::string& prefix) {
  const core::MutexLock lock(mutex_);
  floor_ = ++changes_;
  changed_.clear();
  for (Rows* rows : {&young_, &old_}) {
    std::erase_if(*rows, [&](const auto& row) { return row.first.starts_with(prefix); });
  }
}

}  // namespace fs
