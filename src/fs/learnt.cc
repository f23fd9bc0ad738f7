#include "fs/learnt.h"

#include <utility>
#include <vector>

#include "fs/facts.h"
#include "fs/numbers.h"
#include "state/object_memory.h"

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

bool Learnt::Row::is_of_state(std::string_view etag, core::WallTime last_modified) const {
  const std::optional<store::ObjectMeta>& meta = told.found->meta;
  return meta && is_settled(*meta) && meta->etag.text() == etag &&
         meta->last_modified == last_modified;
}

void Learnt::add(const std::string& key, std::shared_ptr<const Found> found, core::SteadyTime asked,
                 Ticket ticket, bool brought) {
  Rows ended;  // goes without the lock
  const core::MutexLock lock(mutex_);
  const auto at = changed_.find(key);
  if (ticket < (at == changed_.end() ? floor_ : at->second)) {
    return;
  }
  const Row* const before = find(key);
  const bool same = before != nullptr && before->told.found->meta && found->meta &&
                    before->told.found->meta->etag == found->meta->etag;
  brought = brought || (same && before->is_brought(clock_.steady_now()));
  ended = put(key, Row{{std::move(found), asked + lifetime_}, 0, brought});
}

Learnt::Rows Learnt::put(const std::string& key, Row row) {
  old_.erase(key);
  young_.insert_or_assign(key, std::move(row));
  return young_.size() < kMostRows ? Rows{} : std::exchange(old_, std::exchange(young_, {}));
}

const Learnt::Row* Learnt::find(const std::string& key) const {
  for (const Rows* rows : {&young_, &old_}) {
    if (const auto at = rows->find(key); at != rows->end()) {
      return &at->second;
    }
  }
  return nullptr;
}

Learnt::Row* Learnt::find(const std::string& key) {
  return const_cast<Row*>(static_cast<const Learnt*>(this)->find(key));
}

std::optional<Answer> Learnt::fresh(const std::string& key) const {
  const core::MutexLock lock(mutex_);
  const Row* row = find(key);
  return row != nullptr && row->told.until > clock_.steady_now() ? std::optional(row->told)
                                                                 : std::nullopt;
}

bool Learnt::is_brought(const std::string& key) const {
  const core::MutexLock lock(mutex_);
  const Row* const row = find(key);
  return row != nullptr && row->is_brought(clock_.steady_now());
}

std::optional<Answer> Learnt::take_brought(const std::string& key) {
  const core::MutexLock lock(mutex_);
  Row* const row = find(key);
  if (row == nullptr || !row->is_brought(clock_.steady_now())) {
    return std::nullopt;
  }
  row->brought = false;
  return row->told;
}

std::shared_ptr<const Found> Learnt::of_state(const std::string& key, std::string_view etag,
                                              core::WallTime last_modified) const {
  const core::MutexLock lock(mutex_);
  const Row* row = find(key);
  return row != nullptr && row->is_of_state(etag, last_modified) ? row->told.found : nullptr;
}

void Learnt::add_number(const state::Remembered& about) {
  if (about.inode == 0 || about.inode == number_of(about.key, about.etag)) {
    return;
  }
  if (numbers_.size() >= kMostRows) {
    numbers_.clear();
  }
  numbers_[about.key] = {about.etag, about.inode};
}

void Learnt::recall(const std::string& directory, const std::string& first,
                    const std::string& last) {
  if (memory_ == nullptr) {
    return;
  }
  const auto known = memory_->between(directory, first, last);
  std::vector<Rows> ended;
  const core::MutexLock lock(mutex_);
  for (const state::Remembered& about : known) {
    add_number(about);
    if (Row* row = find(about.key)) {
      if (!about.facts.empty() && row->is_of_state(about.etag.text(), about.last_modified)) {
        row->remembered = about.inode;
      }
    } else if (auto meta = from_facts(about)) {
      // Only settled states are remembered.
      meta->served_at = meta->last_modified + kSettledAfter;
      auto found = std::make_shared<Found>();
      found->meta = *std::move(meta);
      if (Rows rows = put(about.key, Row{{std::move(found), {}}, about.inode, false});
          !rows.empty()) {
        ended.push_back(std::move(rows));
      }
    }
  }
}

InodeNumber Learnt::number(const std::string& key, const model::ETag& etag) const {
  const core::MutexLock lock(mutex_);
  const auto at = numbers_.find(key);
  return at != numbers_.end() && at->second.etag == etag ? at->second.number : number_of(key, etag);
}

void Learnt::recall_number(const std::string& key) {
  if (memory_ == nullptr) {
    return;
  }
  if (const auto about = memory_->find(key)) {
    const core::MutexLock lock(mutex_);
    add_number(*about);
  }
}

std::optional<std::string> Learnt::key_of_number(InodeNumber number) const {
  const auto about = memory_ == nullptr ? std::nullopt : memory_->by_inode(number);
  return about ? std::optional(about->key) : std::nullopt;
}

void Learnt::remember(const std::string& key, const model::ETag& etag, InodeNumber number,
                      const store::ObjectMeta* meta) {
  state::Remembered about;
  about.key = key;
  about.etag = etag;
  about.inode = number;
  {
    const core::MutexLock lock(mutex_);
    const Row* row = meta != nullptr ? find(key) : nullptr;
    if (row != nullptr && row->remembered == number &&
        row->is_of_state(etag.text(), meta->last_modified)) {
      return;  // from there it came
    }
    numbers_.erase(key);
    add_number(about);
  }
  if (memory_ == nullptr) {
    return;
  }
  if (meta != nullptr) {
    about.last_modified = meta->last_modified;
    about.facts = to_facts(*meta);
  }
  memory_->remember(std::move(about));
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
  if (memory_ != nullptr) {
    memory_->forget_tree(prefix);
  }
  const core::MutexLock lock(mutex_);
  floor_ = ++changes_;
  changed_.clear();
  std::erase_if(numbers_, [&](const auto& row) { return row.first.starts_with(prefix); });
  for (Rows* rows : {&young_, &old_}) {
    std::erase_if(*rows, [&](const auto& row) { return row.first.starts_with(prefix); });
  }
}

}  // namespace fs
