#include "fs/flat_names.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace fs {
namespace {

// As many as a page of a directory's own listing has.
constexpr std::size_t kMostPending = 1000;

void mark(std::optional<ListingProgress::Asked>& known, const ListingProgress::Asked& asked) {
  known = known ? ListingProgress::Asked{std::min(known->at, asked.at),
                                         std::min(known->ticket, asked.ticket)}
                : asked;
}

}  // namespace

FlatNames::FlatNames(cache::KeyIndex& index, std::string prefix, const std::string& start_after)
    : index_(index), position_(start_after) {
  std::string from = start_after.substr(std::min(prefix.size(), start_after.size()));
  if (!from.empty()) {
    from += '\0';
  }
  open_.push_back({ListingProgress(std::move(prefix), std::move(from)), {}, {}});
}

void FlatNames::enter(std::string key) {
  open_.back().pending.common_prefixes.push_back(key);
  open_.push_back({ListingProgress(std::move(key)), {}, {}});
}

void FlatNames::flush(bool more) {
  Open& inner = open_.back();
  inner.pending.next_token = more ? "more" : "";
  inner.progress.add(inner.pending, index_, *inner.asked);
  inner.pending = {};
  inner.asked.reset();
}

void FlatNames::leave(const ListingProgress::Asked& asked) {
  mark(open_.back().asked, asked);  // that nothing more came
  flush(false);
  open_.pop_back();
}

void FlatNames::go_to(const std::string& key, const ListingProgress::Asked& asked) {
  while (!key.starts_with(open_.back().progress.key())) {
    leave(asked);
  }
  for (;;) {
    const std::string& inner = open_.back().progress.key();
    mark(open_.back().asked, asked);
    const auto slash = key.find('/', inner.size());
    if (slash == std::string::npos) {
      return;
    }
    enter(key.substr(0, slash + 1));
  }
}

void FlatNames::add(store::ListPage page, const ListingProgress::Asked& asked) {
  for (store::ListedObject& object : page.objects) {
    go_to(object.key.text(), asked);
    position_ = object.key.text();
    store::ListPage& pending = open_.back().pending;
    pending.objects.push_back(std::move(object));
    if (pending.objects.size() + pending.common_prefixes.size() >= kMostPending) {
      flush(true);
    }
  }
  ended_ = page.next_token.empty();
  while (ended_ && !open_.empty()) {
    leave(asked);
  }
}

}  // namespace fs
