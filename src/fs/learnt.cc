#include "fs/learnt.h"

#include <utility>
#include <vector>

#include "fs/facts.h"
#include "fs/numbers.h"
#include "state/object_memory.h"

namespace fs {
namespace {

// Of the bound, in eighths: each generation of rows, and numbers. The rest is for changes.
constexpr std::size_t kGenerationShare = 3;
constexpr std::size_t kNumbersShare = 1;
// What an entry of a map takes besides what it holds.
constexpr std::size_t kEntryBytes = 48;
constexpr std::size_t kMostChanges = 10'000;
constexpr core::Duration kSettledAfter = std::chrono::seconds{2};

/// What a text takes besides itself: short ones lie in it.
std::size_t bytes_of(const std::string& text) {
  return text.capacity() > std::string().capacity() ? text.capacity() + 16 : 0;
}

std::size_t bytes_of(const std::vector<store::NamedValue>& values) {
  std::size_t bytes = values.capacity() * sizeof(store::NamedValue);
  for (const auto& [name, value] : values) {
    bytes += bytes_of(name) + bytes_of(value);
  }
  return bytes;
}

std::size_t bytes_of(const store::ObjectMeta& meta) {
  std::size_t bytes = 0;
  const store::ContentHeaders& content = meta.content;
  const store::ObjectSettings& settings = meta.settings;
  for (const std::string* text :
       {&meta.etag.text(), &meta.content_type, &meta.version_id, &content.encoding,
        &content.language, &content.disposition, &content.cache_control, &content.expires,
        &settings.storage_class, &settings.encryption, &settings.encryption_key,
        &settings.data_encryption, &settings.origin.text()}) {
    bytes += bytes_of(*text);
  }
  for (const auto& [name, value] : meta.user) {
    bytes += kEntryBytes + 2 * sizeof(std::string) + bytes_of(name) + bytes_of(value);
  }
  bytes += settings.acl ? bytes_of(*settings.acl) : 0;
  bytes += settings.tags ? bytes_of(*settings.tags) : 0;
  return bytes;
}

std::size_t bytes_of(const Found* found) {
  if (found == nullptr) {
    return 0;
  }
  std::size_t bytes = kEntryBytes + sizeof(Found) + bytes_of(found->component.text);
  bytes += found->meta ? bytes_of(*found->meta) : 0;
  bytes += found->symlink_key ? bytes_of(*found->symlink_key) : 0;
  return bytes;
}

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
  Generation ended;  // goes without the lock
  const core::MutexLock lock(mutex_);
  if (ticket < last_change(key)) {
    return;
  }
  const Row* const before = find(key);
  const bool same = before != nullptr && before->told.found->meta && found->meta &&
                    before->told.found->meta->etag == found->meta->etag;
  brought = brought || (same && before->is_brought(clock_.steady_now()));
  ended = put(key, Row{{std::move(found), asked + lifetime_}, 0, brought});
}

Learnt::Ticket Learnt::last_change(const std::string& key) const {
  Ticket last = floor_;
  if (const auto at = changed_.find(key); at != changed_.end()) {
    last = std::max(last, at->second);
  }
  for (auto slash = key.find('/'); slash != std::string::npos; slash = key.find('/', slash + 1)) {
    if (const auto at = changed_trees_.find(key.substr(0, slash + 1)); at != changed_trees_.end()) {
      last = std::max(last, at->second);
    }
  }
  return last;
}

void Learnt::note(Changes& changes, const std::string& what) {
  ++changes_;
  if (changes.size() >= kMostChanges) {
    changes.clear();
    floor_ = changes_;
  }
  changes[what] = changes_;
}

std::size_t Learnt::bytes_of_row(const std::string& key, const Row& row) {
  return kEntryBytes + sizeof(Rows::value_type) + bytes_of(key) + bytes_of(row.told.found.get());
}

void Learnt::Generation::erase(const std::string& key) {
  if (const auto at = rows.find(key); at != rows.end()) {
    bytes -= bytes_of_row(at->first, at->second);
    rows.erase(at);
  }
}

void Learnt::Generation::erase_tree(const std::string& prefix) {
  std::erase_if(rows, [&](const auto& entry) {
    if (!entry.first.starts_with(prefix)) {
      return false;
    }
    bytes -= bytes_of_row(entry.first, entry.second);
    return true;
  });
}

Learnt::Generation Learnt::put(const std::string& key, Row row) {
  old_.erase(key);
  young_.erase(key);
  const auto at = young_.rows.emplace(key, std::move(row)).first;
  young_.bytes += bytes_of_row(at->first, at->second);
  return young_.bytes < most_bytes_ / 8 * kGenerationShare
             ? Generation{}
             : std::exchange(old_, std::exchange(young_, {}));
}

std::size_t Learnt::bytes() const {
  const core::MutexLock lock(mutex_);
  return young_.bytes + old_.bytes + number_bytes_;
}

const Learnt::Row* Learnt::find(const std::string& key) const {
  for (const Rows* rows : {&young_.rows, &old_.rows}) {
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
  if (number_bytes_ >= most_bytes_ / 8 * kNumbersShare) {
    numbers_.clear();
    number_bytes_ = 0;
  }
  erase_number(about.key);
  const auto at = numbers_.emplace(about.key, Known{about.etag, about.inode}).first;
  number_bytes_ += bytes_of_number(at->first, at->second);
}

std::size_t Learnt::bytes_of_number(const std::string& key, const Known& known) {
  return kEntryBytes + sizeof(std::string) + sizeof(Known) + bytes_of(key) +
         bytes_of(known.etag.text());
}

void Learnt::erase_number(const std::string& key) {
  if (const auto at = numbers_.find(key); at != numbers_.end()) {
    number_bytes_ -= bytes_of_number(at->first, at->second);
    numbers_.erase(at);
  }
}

void Learnt::recall(const std::string& directory, const std::string& first,
                    const std::string& last) {
  if (memory_ == nullptr) {
    return;
  }
  const auto known = memory_->between(directory, first, last);
  std::vector<Generation> ended;
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
      auto rows = put(about.key, Row{{std::move(found), {}}, about.inode, false});
      if (rows.bytes > 0) {
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
    erase_number(key);
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
  note(changed_, key);
  young_.erase(key);
  old_.erase(key);
}

void Learnt::changed_tree(const std::string& prefix) {
  if (memory_ != nullptr) {
    memory_->forget_tree(prefix);
  }
  const core::MutexLock lock(mutex_);
  note(changed_trees_, prefix);
  for (auto at = numbers_.begin(); at != numbers_.end();) {
    if (at->first.starts_with(prefix)) {
      number_bytes_ -= bytes_of_number(at->first, at->second);
      at = numbers_.erase(at);
    } else {
      ++at;
    }
  }
  young_.erase_tree(prefix);
  old_.erase_tree(prefix);
}

}  // namespace fs
