#include "cache/key_index.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "model/names.h"

namespace cache {
namespace {

constexpr core::Duration kSweepEvery = std::chrono::seconds{5};
// What a directory and a change take besides their texts, about.
constexpr std::size_t kDirectoryBytes = 300;
constexpr std::size_t kPartBytes = 160;
constexpr std::size_t kChangeBytes = 160;

bool ends_behind(const KeySpan& span, std::string_view key) { return !span.to || key < *span.to; }

}  // namespace

KeyIndex::KeyIndex(core::Clock& clock, core::Duration lifetime, std::size_t most_bytes)
    : clock_(clock), lifetime_(lifetime), most_bytes_(most_bytes) {}

const KeyIndex::Part* KeyIndex::part_at(const Directory& known, std::string_view key) {
  const auto behind =
      std::upper_bound(known.parts.begin(), known.parts.end(), key,
                       [](std::string_view k, const Part& part) { return k < part.span.from; });
  if (behind == known.parts.begin() || !ends_behind(std::prev(behind)->span, key)) {
    return nullptr;
  }
  return &*std::prev(behind);
}

KeyIndex::Answer KeyIndex::find_component(const Directory& known, const std::string& name,
                                          const std::string& component, core::SteadyTime now) {
  Answer answer;
  answer.kind = Answer::Kind::Absent;
  answer.until = core::SteadyTime::max();
  // A directory goes before an object. Absent is what neither of both places has.
  for (const std::string& key : {component + '/', component}) {
    const Part* const part = part_at(known, key);
    if (part == nullptr || part->until <= now) {
      answer.kind = Answer::Kind::Unknown;
      continue;
    }
    if (const auto at = part->page->find(key, name)) {
      return {Answer::Kind::Listed, part->page, (*part->page)[*at], part->until};
    }
    if (part->absence == Absence::NotProved) {
      answer.kind = Answer::Kind::Unknown;
    }
    answer.until = std::min(answer.until, part->until);
  }
  return answer;
}

KeyIndex::Answer KeyIndex::find_renamed(const Directory& known, const std::string& name,
                                        core::SteadyTime now) {
  for (const Part& part : known.parts) {
    for (const std::uint32_t at : part.page->renamed()) {
      const ListedName row = (*part.page)[at];
      if (row.name == name && part.until > now && part_at(known, row.key()) == &part) {
        return {Answer::Kind::Listed, part.page, row, part.until};
      }
    }
  }
  return {};
}

KeyIndex::Answer KeyIndex::find(const std::string& directory, const std::string& name) const {
  const core::MutexLock lock(mutex_);
  const auto at = directories_.find(directory);
  if (at == directories_.end()) {
    return {};
  }
  const Directory& known = at->second;
  const core::SteadyTime now = clock_.steady_now();
  if (const auto change = known.changes.find(name); change != known.changes.end()) {
    Answer answer;
    if (change->second.absent && change->second.until > now) {
      answer.kind = Answer::Kind::Absent;
      answer.until = change->second.until;
    }
    return answer;
  }
  const auto parsed = model::parse_file_name(name);
  if (!parsed) {
    return {};
  }
  const auto* const component = std::get_if<model::KeyComponent>(&*parsed);
  return component != nullptr ? find_component(known, name, component->text, now)
                              : find_renamed(known, name, now);
}

bool KeyIndex::is_complete(const Directory& known) const {
  const core::SteadyTime now = clock_.steady_now();
  std::string_view from;
  for (const Part& part : known.parts) {
    if (part.span.from != from || part.until <= now || part.absence == Absence::NotProved) {
      return false;
    }
    from = part.span.to ? std::string_view(*part.span.to) : std::string_view();
  }
  return !known.parts.empty() && !known.parts.back().span.to &&
         std::all_of(known.changes.begin(), known.changes.end(), [now](const auto& change) {
           return change.second.absent && change.second.until > now;
         });
}

bool KeyIndex::is_complete(const std::string& directory) const {
  const core::MutexLock lock(mutex_);
  const auto at = directories_.find(directory);
  return at != directories_.end() && is_complete(at->second);
}

KeyIndex::Complete KeyIndex::listing(const std::string& directory) {
  Complete complete;
  const core::MutexLock lock(mutex_);
  const auto at = directories_.find(directory);
  if (at == directories_.end() || !is_complete(at->second)) {
    return complete;
  }
  settle(at->second);
  complete.known = true;
  complete.until = core::SteadyTime::max();
  for (const Part& part : at->second.parts) {
    complete.pages.push_back(part.page);
    complete.until = std::min(complete.until, part.until);
  }
  return complete;
}

void KeyIndex::settle(Directory& known) {
  const auto within = [](const ListedName& row, const KeySpan& span) {
    return row.compare_key(span.from) >= 0 && (!span.to || row.compare_key(*span.to) < 0);
  };
  for (Part& part : known.parts) {
    if (part.page->empty() || (known.changes.empty() && within(part.page->front(), part.span) &&
                               within(part.page->back(), part.span))) {
      continue;
    }
    std::vector<ListedName> rows;
    for (std::size_t i = 0; i < part.page->size(); ++i) {
      const ListedName row = (*part.page)[i];
      if (within(row, part.span) &&
          (known.changes.empty() || !known.changes.contains(std::string(row.name)))) {
        rows.push_back(row);
      }
    }
    if (rows.size() < part.page->size()) {
      known.bytes -= part.page->bytes();
      bytes_ -= part.page->bytes();
      part.page = std::make_shared<const ListedPage>(rows);
      known.bytes += part.page->bytes();
      bytes_ += part.page->bytes();
    }
  }
}

KeyIndex::Ticket KeyIndex::ticket() const {
  const core::MutexLock lock(mutex_);
  return changes_;
}

std::size_t KeyIndex::bytes() const {
  const core::MutexLock lock(mutex_);
  return bytes_ + buried_bytes_;
}

KeyIndex::Directory& KeyIndex::make(const std::string& directory) {
  const auto [at, added] = directories_.try_emplace(directory);
  Directory& known = at->second;
  if (added) {
    known.floor = forgotten_at_;
    known.last_until = clock_.steady_now() + lifetime_;
    known.bytes = kDirectoryBytes + directory.size();
    bytes_ += known.bytes;
  }
  return known;
}

KeyIndex::Directory* KeyIndex::accept(const std::string& directory, Ticket ticket) {
  if (lifetime_ <= core::Duration::zero()) {
    return nullptr;
  }
  Directory& known = make(directory);
  if (ticket < known.floor) {
    return nullptr;
  }
  known.last_until = clock_.steady_now() + lifetime_;
  return &known;
}

void KeyIndex::note(Directory& known, const std::string& name, Change change) {
  const auto [at, added] = known.changes.insert_or_assign(name, change);
  if (added) {
    known.bytes += kChangeBytes + name.size();
    bytes_ += kChangeBytes + name.size();
  }
}

void KeyIndex::add_absent(const std::string& directory, const std::string& name, Ticket ticket) {
  const core::MutexLock lock(mutex_);
  sweep();
  Directory* const known = accept(directory, ticket);
  if (known == nullptr) {
    return;
  }
  const auto at = known->changes.find(name);
  if (at == known->changes.end() || at->second.at <= ticket) {
    note(*known, name, {true, known->last_until, ticket});
  }
}

void KeyIndex::add_page(const std::string& directory, Page page, KeySpan span, Ticket ticket,
                        core::SteadyTime asked, Absence absence) {
  Ended ended;
  const core::MutexLock lock(mutex_);
  sweep();
  ended = compost();
  Directory* const known = accept(directory, ticket);
  if (known == nullptr) {
    return;
  }
  const auto is_told = [&](const std::string& name) {
    const auto parsed = model::parse_file_name(name);
    const auto* const component = parsed ? std::get_if<model::KeyComponent>(&*parsed) : nullptr;
    return component == nullptr
               ? span.is_all()
               : span.from <= component->text && ends_behind(span, component->text + '/');
  };
  for (auto at = known->changes.begin(); at != known->changes.end();) {
    if (at->second.at <= ticket && is_told(at->first)) {
      const std::size_t gone = kChangeBytes + at->first.size();
      at = known->changes.erase(at);
      known->bytes -= gone;
      bytes_ -= gone;
    } else {
      ++at;
    }
  }
  place(*known, {std::move(span), std::move(page), asked + lifetime_, absence});
}

void KeyIndex::place(Directory& known, Part part) {
  std::vector<Part>& parts = known.parts;
  const auto first = std::partition_point(parts.begin(), parts.end(), [&](const Part& one) {
    return !ends_behind(one.span, part.span.from);
  });
  const auto last = std::partition_point(
      first, parts.end(), [&](const Part& one) { return ends_behind(part.span, one.span.from); });
  std::vector<Part> put;
  if (first != last && first->span.from < part.span.from) {
    put.push_back(*first);
    put.back().span.to = part.span.from;
  }
  const std::optional<std::string> to = part.span.to;
  put.push_back(std::move(part));
  if (first != last && to && ends_behind(std::prev(last)->span, *to)) {
    put.push_back(*std::prev(last));
    put.back().span.from = *to;
  }
  const auto bytes_of = [](const Part& one) { return kPartBytes + one.page->bytes(); };
  std::size_t gone = 0;
  for (auto at = first; at != last; ++at) {
    gone += bytes_of(*at);
  }
  std::size_t come = 0;
  for (const Part& one : put) {
    come += bytes_of(one);
  }
  known.bytes += come - gone;
  bytes_ += come - gone;
  const auto at = parts.erase(first, last);
  parts.insert(at, std::move_iterator(put.begin()), std::move_iterator(put.end()));
}

KeyIndex::Ticket KeyIndex::changed(const std::string& directory, const std::string& name) {
  const core::MutexLock lock(mutex_);
  ++changes_;
  if (lifetime_ > core::Duration::zero()) {
    sweep();
    Directory& known = make(directory);
    known.changed_at = changes_;
    note(known, name, {false, {}, changes_});
  }
  return changes_;
}

void KeyIndex::changed_tree(const std::string& prefix) {
  const core::MutexLock lock(mutex_);
  ++changes_;
  forgotten_at_ = changes_;
  auto at = directories_.lower_bound(prefix);
  while (at != directories_.end() && at->first.starts_with(prefix)) {
    at = bury(at);
  }
}

KeyIndex::Directories::iterator KeyIndex::bury(Directories::iterator at) {
  forgotten_at_ = std::max(forgotten_at_, at->second.changed_at);
  bytes_ -= at->second.bytes;
  buried_bytes_ += at->second.bytes;
  const auto next = std::next(at);
  buried_.push_back(directories_.extract(at));
  return next;
}

void KeyIndex::sweep() {
  const core::SteadyTime now = clock_.steady_now();
  if (now >= next_sweep_) {
    next_sweep_ = now + kSweepEvery;
    for (auto at = directories_.begin(); at != directories_.end();) {
      at = at->second.last_until > now ? std::next(at) : bury(at);
    }
  }
  // The last quarter is for what was taken out, and for an answer that comes now.
  if (bytes_ > most_bytes_ / 4 * 3) {
    halve();
  }
  if (buried_bytes_ > most_bytes_ / 4) {
    // Nobody came who could take his time.
    (void)compost();
  }
}

void KeyIndex::halve() {
  std::vector<core::SteadyTime> ages;
  for (const auto& [name, known] : directories_) {
    ages.push_back(known.last_until);
  }
  const auto median = ages.begin() + static_cast<std::ptrdiff_t>(ages.size() / 2);
  std::nth_element(ages.begin(), median, ages.end());
  for (auto at = directories_.begin(); at != directories_.end();) {
    at = at->second.last_until > *median ? std::next(at) : bury(at);
  }
}

}  // namespace cache
