#include "fs/neighbours.h"

#include <algorithm>
#include <stop_token>
#include <utility>

#include "fs/listing.h"

namespace fs {
namespace {

// Two looks ask for themselves, the third gets a page.
constexpr unsigned kFirstPrice = 3;
constexpr unsigned kMostPrice = 4096;
constexpr std::size_t kMostDirectories = 256;
constexpr core::Duration kPatience = std::chrono::seconds{30};
// A directory is being filled from the third name on, as long as no second passes without one.
constexpr unsigned kFilled = 3;
constexpr core::Duration kPause = std::chrono::seconds{1};

/// A key that comes before all names of the component, and not long before.
std::string before(const std::string& directory, const std::string& component) {
  std::string key = directory + component.substr(0, component.size() - 1);
  const char last = component.back();
  if (last > '!' && last <= '~') {
    key += static_cast<char>(last - 1);
    key += "\xf4\x8f\xbf\xbf";
  }
  return key;
}

}  // namespace

bool NeighbourRule::Account::is_filled(core::SteadyTime now) const {
  return made >= kFilled && now - made_at <= kPause;
}

unsigned NeighbourRule::Account::first_price(core::SteadyTime now) const {
  return is_filled(now) ? 1 : kFirstPrice;
}

NeighbourRule::Account& NeighbourRule::account_of(const std::string& directory,
                                                  core::SteadyTime now) {
  if (accounts_.size() >= kMostDirectories && !accounts_.contains(directory)) {
    std::erase_if(accounts_, [now](const auto& one) { return now - one.second.used > kPatience; });
    if (accounts_.size() >= kMostDirectories) {
      accounts_.clear();
    }
  }
  Account& account = accounts_[directory];
  if (account.price == 0 || now - account.used > kPatience) {
    account.credit = 0;
    account.price = account.first_price(now);
  }
  account.used = now;
  return account;
}

bool NeighbourRule::unknown(const std::string& directory, core::SteadyTime now) {
  Account& account = account_of(directory, now);
  if (++account.credit < account.price) {
    return false;
  }
  account.credit = 0;
  account.price = std::min(2 * account.price, kMostPrice);
  return true;
}

void NeighbourRule::served(const std::string& directory) {
  const auto at = accounts_.find(directory);
  if (at != accounts_.end()) {
    Account& account = at->second;
    account.price = account.first_price(account.made_at);
    account.credit = std::min(account.credit + 1, account.price - 1);
  }
}

void NeighbourRule::made(const std::string& directory, core::SteadyTime now) {
  Account& account = account_of(directory, now);
  const bool was_filled = account.is_filled(now);
  account.made = now - account.made_at <= kPause ? account.made + 1 : 1;
  account.made_at = now;
  if (!was_filled && account.is_filled(now)) {
    account.price = 1;
  }
}

void NeighbourRule::born(const std::string& directory, core::SteadyTime now) {
  Account& account = account_of(directory, now);
  account.made = kFilled - 1;
  account.made_at = now;
}

bool NeighbourRule::is_filled(const std::string& directory, core::SteadyTime now) const {
  const auto at = accounts_.find(directory);
  return at != accounts_.end() && at->second.is_filled(now);
}

Neighbours::~Neighbours() {
  stop_.request_stop();
  renewing_.close();
}

void Neighbours::served(const std::string& directory, const std::string& component,
                        core::SteadyTime until) {
  {
    const core::MutexLock lock(mutex_);
    rule_.served(directory);
    const core::SteadyTime now = mount_.now();
    if (until - now > mount_.options.metadata_lifetime / 2 || !rule_.is_filled(directory, now) ||
        !under_way_.insert(directory).second) {
      return;
    }
  }
  renew(directory, component);
}

void Neighbours::made(const std::string& directory) {
  const core::MutexLock lock(mutex_);
  rule_.made(directory, mount_.now());
}

void Neighbours::born(const std::string& directory) {
  const core::MutexLock lock(mutex_);
  rule_.born(directory, mount_.now());
}

void Neighbours::end(const std::string& directory) {
  const core::MutexLock lock(mutex_);
  under_way_.erase(directory);
  listed_.notify_all();
}

void Neighbours::renew(const std::string& directory, const std::string& component) {
  auto pass = renewing_.enter();
  if (!pass) {
    end(directory);
    return;
  }
  const auto held = std::make_shared<core::Gate::Pass>(*std::move(pass));
  mount_.parts.pool.post([this, held, directory, component] {
    core::OpContext context;
    context.cause = core::Cause::Prefetch;
    context.stop = stop_.get_token();
    context.deadline = mount_.now() + kPatience;
    (void)list(context, directory, component, cache::KeyIndex::Absence::Proved);
    end(directory);
  });
}

bool Neighbours::bring(const core::OpContext& context, const std::string& directory,
                       const std::string& component) {
  if (component.empty() || mount_.options.metadata_lifetime <= core::Duration::zero()) {
    return false;
  }
  const std::stop_callback wake(context.stop, [this] {
    const core::MutexLock lock(mutex_);
    listed_.notify_all();
  });
  // Nobody has asked for the names that are not there: somebody else may be about to make one, and
  // tell us. Where we make them ourselves it is we who are about to.
  auto absence = cache::KeyIndex::Absence::NotProved;
  {
    const core::MutexLock lock(mutex_);
    if (under_way_.contains(directory)) {
      while (under_way_.contains(directory) && !context.stopped()) {
        listed_.wait(mutex_);
      }
      return true;
    }
    if (!rule_.unknown(directory, mount_.now())) {
      return false;
    }
    if (rule_.is_filled(directory, mount_.now())) {
      absence = cache::KeyIndex::Absence::Proved;
    }
    under_way_.insert(directory);
  }
  const bool brought = list(context, directory, component, absence);
  end(directory);
  return brought;
}

bool Neighbours::list(const core::OpContext& context, const std::string& directory,
                      const std::string& component, cache::KeyIndex::Absence absence) {
  bool whole = absence == cache::KeyIndex::Absence::Proved;
  {
    const core::MutexLock lock(mutex_);
    whole = whole && !large_.contains(directory);
  }
  // All of a small directory tells of whatever name is made next.
  const auto last =
      list_from(context, directory, whole ? directory : before(directory, component), absence);
  if (!last || !whole || last->empty()) {
    return last.has_value();
  }
  {
    const core::MutexLock lock(mutex_);
    if (large_.size() >= kMostDirectories) {
      large_.clear();
    }
    large_.insert(directory);
  }
  return component < *last ||
         list_from(context, directory, before(directory, component), absence).has_value();
}

std::optional<std::string> Neighbours::list_from(const core::OpContext& context,
                                                 const std::string& directory,
                                                 const std::string& start_after,
                                                 cache::KeyIndex::Absence absence) {
  const std::string from = start_after.substr(directory.size());
  store::ListQuery query;
  query.prefix = directory;
  query.delimiter = "/";
  query.start_after = from.empty() ? std::string() : start_after;
  const ListingProgress::Asked asked = mount_.stamp()();
  auto page = mount_.parts.store.list(context, query);
  if (!page || !ListingWatch(directory).inspect(*page)) {
    return std::nullopt;
  }
  mount_.counters.pages_around_names.add();
  ListingProgress progress(directory, from.empty() ? from : from + '\0', absence);
  const Names names = progress.add(*page, mount_.names, asked);
  if (!names.page->empty()) {
    ahead_.met(directory, names.page);
  }
  return names.to.value_or(std::string());
}

}  // namespace fs
