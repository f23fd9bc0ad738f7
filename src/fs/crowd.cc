#include "fs/crowd.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace fs {
namespace {

// Asked for at a time: a walk over so many takes the lock for less than a millisecond.
constexpr std::size_t kAtOnce = 256;
// Looks in a row that find nobody who may go, before the rest is let be.
constexpr std::size_t kMostInVain = 64;

bool may_go(const Node& node) {
  return !node.is_directory() && node.place.parent && node.uses.lookups > 0 &&
         node.uses.handles == 0 && !node.is_local() && !node.claimed.busy &&
         node.claimed.sharers == 0;
}

}  // namespace

Crowd::Crowd(Mount& mount) : mount_(mount) {
  const core::MutexLock lock(mount_.mutex);
  mount_.table.on_crowded(mount_.options.nodes_bytes / InodeTable::kNodeBytes, [this] { begin(); });
}

Crowd::~Crowd() {
  {
    const core::MutexLock lock(mount_.mutex);
    mount_.table.on_crowded(0, nullptr);
  }
  telling_.close();
}

void Crowd::attach(KernelCache* kernel) {
  kernel_ = kernel;
  if (kernel == nullptr) {
    telling_.close();
  }
}

void Crowd::begin() {
  if (kernel_ == nullptr) {
    return;
  }
  again_ = true;
  if (at_work_.exchange(true)) {
    return;  // whoever is at work sees it
  }
  // Not here: the kernel may hold the directory for the very request that adds the node.
  if (auto pass = telling_.enter()) {
    const auto held = std::make_shared<core::Gate::Pass>(*std::move(pass));
    mount_.parts.pool.post([this, held] { thin_out(); });
  }
}

void Crowd::thin_out() {
  do {
    while (again_.exchange(false)) {
      ask_once();
    }
    at_work_ = false;
  } while (again_ && !at_work_.exchange(true));
}

void Crowd::ask_once() {
  std::size_t to_go = 0;
  std::size_t in_vain = 0;
  {
    const core::MutexLock lock(mount_.mutex);
    to_go = mount_.table.too_many();
  }
  while (to_go > 0) {
    std::vector<Name> names;
    {
      const core::MutexLock lock(mount_.mutex);
      names = some(std::min(to_go, kAtOnce));
    }
    for (const Name& one : names) {
      KernelCache* const kernel = kernel_;
      if (kernel == nullptr) {
        return;
      }
      kernel->forget_name(one.directory, one.name);
    }
    to_go -= std::min(to_go, names.size());
    in_vain = names.empty() ? in_vain + 1 : 0;
    if (in_vain > kMostInVain) {
      return;  // directories, and what is open
    }
  }
}

std::vector<Crowd::Name> Crowd::some(std::size_t count) {
  std::vector<Name> names;
  mount_.table.walk_on(count, [&](const Node& node) {
    if (may_go(node)) {
      names.push_back({node.place.parent->number, node.place.name});
    }
  });
  return names;
}

}  // namespace fs
