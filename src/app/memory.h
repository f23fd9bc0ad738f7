#pragma once
// One limit for what a mount keeps in memory, and how it is divided.
//
// Each share is a hard bound of whoever holds it, fixed at the start: nobody lends, so that nobody
// has to be asked back.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/result.h"
#include "options/values.h"

namespace app {

inline constexpr std::uint64_t kLeastMemory = std::uint64_t{64} << 20U;

/// Bytes, all of them.
struct MemoryShares {
  std::uint64_t limit = 0;
  std::uint64_t blocks = 0;   ///< of files that were read, or read ahead
  std::uint64_t written = 0;  ///< what was written and is not in the bucket
  std::uint64_t names = 0;    ///< what listings showed, and names known to be absent
  std::uint64_t nodes = 0;    ///< inodes that the kernel knows
  std::uint64_t objects = 0;  ///< what was learnt of objects
  std::uint64_t pages = 0;    ///< of listings that were asked for ahead of their readers
};

/// Divides `limit`, which is kLeastMemory at least. Of what the program itself leaves, blocks get
/// half, 192 MiB at most, or `blocks` if that is told; of the rest what is written gets a third, 96
/// MiB at most, and of what is left then names and nodes a third each. Errors: InvalidArgument:
/// what is told for blocks leaves the others less than a quarter.
core::Result<MemoryShares> divide_memory(std::uint64_t limit, std::optional<std::uint64_t> blocks);

/// The limit where none is told: a quarter of the host's memory, or of what our control group may
/// use, at most 1 GiB and at least kLeastMemory.
std::uint64_t default_memory_limit(std::uint64_t host_bytes,
                                   std::optional<std::uint64_t> group_bytes);

/// The content of a file; nothing if there is none.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

/// What the control groups that hold this process allow it, the least of them all; nothing if none
/// of them limits memory.
/// Source: cgroups(7); Linux, "Control Group v2" (memory.max) and "Memory Resource Controller"
/// (memory.limit_in_bytes).
std::optional<std::uint64_t> group_memory_limit(const ReadFile& read);

/// What this process has in memory, as the system counts it; 0 if that is not to be read.
/// Source: proc(5), /proc/self/statm.
std::uint64_t resident_bytes(const ReadFile& read);
/// The same, read now.
std::uint64_t resident_bytes();

/// The shares of a mount with these options, on this host. Where --cache-size alone is told, the
/// limit is what that takes, if the default is less.
/// Errors: InvalidArgument: the two contradict each other.
core::Result<MemoryShares> memory_shares(const options::Values& values, std::uint64_t host_bytes,
                                         std::optional<std::uint64_t> group_bytes);
/// The same with what this host has.
core::Result<MemoryShares> memory_shares(const options::Values& values);

}  // namespace app
