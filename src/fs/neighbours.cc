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

bool NeighbourRule::unknown(const std::string& directory, core::SteadyTime now) {
  if (accounts_.size() >= kMostDirectories && !accounts_.contains(directory)) {
    std::erase_if(accounts_, [now](const auto& one) { return now - one.second.used > kPatience; });
    if (accounts_.size() >= kMostDirectories) {
      accounts_.clear();
    }
  }
  Account& account = accounts_[directory];
  if (account.price == 0 || now - account.used > kPatience) {
    account = {0, kFirstPrice, now};
  }
  account.used = now;
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
    at->second.credit = std::min(at->second.credit + 1, kFirstPrice - 1);
    at->second.price = kFirstPrice;
  }
}

void Neighbours::served(const std::string& directory) {
  const core::MutexLock lock(mutex_);
  rule_.served(directory);
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
    under_way_.insert(directory);
  }
  const bool brought = list(context, directory, component);
  const core::MutexLock lock(mutex_);
  under_way_.erase(directory);
  listed_.notify_all();
  return brought;
}

bool Neighbours::list(const core::OpContext& context, const std::string& directory,
                      const std::string& component) {
  store::ListQuery query;
  query.prefix = directory;
  query.delimiter = "/";
  query.start_after = before(directory, component);
  const ListingProgress::Asked asked = mount_.stamp()();
  auto page = mount_.parts.store.list(context, query);
  if (!page || !ListingWatch(directory).inspect(*page)) {
    return false;
  }
  mount_.counters.pages_around_names.add();
  // Nobody has asked for the names that are not there: somebody else may be about to make one, and
  // tell us.
  ListingProgress progress(directory, query.start_after.substr(directory.size()) + '\0',
                           cache::KeyIndex::Absence::NotProved);
  const Names names = progress.add(*page, mount_.names, asked);
  if (!names.page->empty()) {
    ahead_.met(directory, names.page, asked.at + mount_.options.metadata_lifetime);
  }
  return true;
}

}  // namespace fs
