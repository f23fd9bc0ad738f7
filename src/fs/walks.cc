#include "fs/walks.h"

#include <algorithm>
#include <stop_token>
#include <utility>

namespace fs {
namespace {

constexpr std::size_t kMostSeen = 64;
constexpr std::size_t kMostWalks = 8;
// Who has not listed the next directory for so long does something else.
constexpr core::Duration kPatience = std::chrono::seconds{5};
// Names that a walk may pass on its way to the next directory that somebody asks for: it began by
// guessing, and each directory found allows more. A page has a thousand.
constexpr std::int64_t kFirstCredit = 4'000;
constexpr std::int64_t kCreditEach = 1'500;
constexpr std::int64_t kMostCredit = 8'000;
constexpr std::size_t kLeastAhead = 2;
// Behind all that can follow a name without its slash, and before whatever lies in the directory.
constexpr std::string_view kBeforeSlash = ".\xf4\x8f\xbf\xbf";

/// The key of the directory above; none above the bucket.
std::string above(const std::string& directory) {
  const auto slash =
      directory.size() < 2 ? std::string::npos : directory.rfind('/', directory.size() - 2);
  return slash == std::string::npos ? std::string() : directory.substr(0, slash + 1);
}

}  // namespace

bool WalkRule::listing(const std::string& directory, core::SteadyTime now) {
  const std::string parent = above(directory);
  const auto at = std::find_if(seen_.begin(), seen_.end(),
                               [&](const Seen& one) { return one.above == parent; });
  const bool follows = at != seen_.end() && now - at->at <= kPatience && at->last < directory;
  if (at != seen_.end()) {
    seen_.erase(at);
  }
  seen_.push_front({parent, directory, now});
  if (seen_.size() > kMostSeen) {
    seen_.pop_back();
  }
  return follows;
}

Walks::Walk::Walk(Mount& mount, const std::string& p, const std::string& start_after)
    : prefix(p),
      listing(
          mount.parts.store, mount.parts.rate, mount.parts.listing_room,
          [&] {
            store::ListQuery query;
            query.prefix = p;
            query.start_after = start_after;
            return query;
          }(),
          mount.stamp()),
      watch(p),
      names(mount.names, p, start_after),
      credit(kFirstCredit) {}

Walks::WalkPtr Walks::claim(const core::OpContext& context, const std::string& directory) {
  std::list<WalkPtr> ended;  // go without the lock: they may wait for their requests
  const std::stop_callback wake(context.stop, [this] {
    const core::MutexLock lock(mutex_);
    released_.notify_all();
  });
  const core::MutexLock lock(mutex_);
  const core::SteadyTime now = mount_.now();
  const bool follows = rule_.listing(directory, now);
  for (;;) {
    for (auto at = walks_.begin(); at != walks_.end();) {
      const auto next = std::next(at);
      if (!(*at)->busy && ((*at)->ended || now - (*at)->used > kPatience)) {
        ended.splice(ended.end(), walks_, at);
      }
      at = next;
    }
    const auto walk = std::find_if(walks_.begin(), walks_.end(), [&](const WalkPtr& one) {
      return directory.starts_with(one->prefix) && (one->busy || !one->names.has_passed(directory));
    });
    if (walk == walks_.end()) {
      break;
    }
    if (!(*walk)->busy) {
      (*walk)->busy = true;
      return *walk;
    }
    if (context.stopped() || mount_.now() >= context.deadline) {
      return nullptr;
    }
    mount_.parts.clock.wait_until(released_, mutex_, context.deadline);
  }
  if (!follows || walks_.size() >= kMostWalks) {
    return nullptr;
  }
  const std::string own = directory.substr(0, directory.size() - 1);
  mount_.counters.walks.add();
  walks_.push_back(
      std::make_shared<Walk>(mount_, above(directory), own + std::string(kBeforeSlash)));
  walks_.back()->busy = true;
  return walks_.back();
}

Walks::Reached Walks::go_to(const core::OpContext& context, Mount& mount, Walk& walk,
                            const std::string& directory) {
  while (!walk.names.has_passed(directory)) {
    if (walk.credit <= 0) {
      return Reached::Not;
    }
    auto page = walk.listing.next(context);
    if (!page || !walk.watch.inspect(page->page)) {
      return Reached::Not;
    }
    walk.credit -= static_cast<std::int64_t>(page->page.objects.size());
    walk.names.add(std::move(page->page), page->asked);
  }
  if (!mount.names.is_complete(directory)) {
    return Reached::TooLate;
  }
  walk.credit = std::min(walk.credit + kCreditEach, kMostCredit);
  return Reached::Known;
}

bool Walks::reach(const core::OpContext& context, const std::string& directory) {
  if (directory.empty() || directory.size() <= mount_.options.prefix.size() ||
      mount_.options.metadata_lifetime <= core::Duration::zero()) {
    return false;
  }
  const WalkPtr walk = claim(context, directory);
  if (!walk) {
    return mount_.names.is_complete(directory);
  }
  const Reached reached = go_to(context, mount_, *walk, directory);
  if (reached == Reached::Known) {
    walk->listing.run_ahead(context, ahead());
  }
  release(walk, reached);
  return reached == Reached::Known;
}

std::size_t Walks::ahead() const {
  const core::MutexLock lock(mutex_);
  return ahead_;
}

void Walks::release(const WalkPtr& walk, Reached reached) {
  const core::MutexLock lock(mutex_);
  if (reached == Reached::Known) {
    ahead_ = std::min(ahead_ + 1, transfer::ListParts::kMostAhead);
  } else if (reached == Reached::TooLate) {
    ahead_ = std::max(ahead_ / 2, kLeastAhead);
  }
  walk->busy = false;
  walk->ended = reached != Reached::Known || walk->ended;
  walk->used = mount_.now();
  released_.notify_all();
}

}  // namespace fs
