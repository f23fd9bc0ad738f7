#include "emulator/objects/restorations.h"

#include "core/format.h"

namespace emulator {
namespace {

constexpr core::Duration kTakes = std::chrono::seconds{1};

}  // namespace

bool is_archived(const Version& version) { return version.storage_class.ends_with("Archive"); }

/// An object that replaces another has another time, and so another name.
std::string Restorations::name_of(std::string_view bucket, std::string_view key,
                                  const Version& version) {
  return core::format("{}\n{}\n{}\n{}", bucket, key, version.id,
                      version.modified.time_since_epoch().count());
}

Restorations::Begun Restorations::begin(std::string_view bucket, std::string_view key,
                                        const Version& version, unsigned days) {
  const core::WallTime present = now();
  const auto ends = [days](core::WallTime from) { return from + std::chrono::hours{24} * days; };
  const core::MutexLock lock(mutex_);
  std::erase_if(states_, [present](const auto& entry) { return entry.second.expires <= present; });
  const auto [entry, fresh] = states_.try_emplace(name_of(bucket, key, version),
                                                  State{present + kTakes, ends(present + kTakes)});
  if (fresh) {
    return Begun::New;
  }
  if (entry->second.ongoing(present)) {
    return Begun::UnderWay;
  }
  entry->second.expires = ends(present);
  return Begun::Extended;
}

std::optional<Restorations::State> Restorations::find(std::string_view bucket, std::string_view key,
                                                      const Version& version) const {
  const core::MutexLock lock(mutex_);
  const auto found = states_.find(name_of(bucket, key, version));
  return found == states_.end() || found->second.expires <= now() ? std::nullopt
                                                                  : std::optional(found->second);
}

bool Restorations::readable(std::string_view bucket, std::string_view key,
                            const Version& version) const {
  if (!is_archived(version)) {
    return true;
  }
  const auto state = find(bucket, key, version);
  return state && !state->ongoing(now());
}

}  // namespace emulator
