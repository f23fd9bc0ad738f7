#include "app/memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/format.h"
#include "core/text.h"
#include "options/text_file.h"
#include "options/usage.h"

namespace app {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMostByDefault = 1024 * kMiB;
// Measured: the program, its threads' stacks, the buffers that messages and answers arrive in, and
// what the allocator has free.
constexpr std::uint64_t kProgram = 32 * kMiB;

// More makes readers slower: what they run ahead by is memory that is touched for the first time.
// Four at once: 540 MB/s with 496 MiB, 820 MB/s with 48.
constexpr std::uint64_t kMostBlocksByDefault = 192 * kMiB;

// All parts that go up at once, and those that a writer fills meanwhile. More is memory that is
// touched for the first time; and the disk takes what is too much faster than a network does.
constexpr std::uint64_t kMostWritten = 96 * kMiB;

/// The most that blocks may have where that is told.
std::uint64_t most_for_blocks(std::uint64_t limit) { return (limit - kProgram) / 4 * 3; }

/// The least limit that leaves the others enough.
std::uint64_t least_limit(std::uint64_t blocks) {
  return std::max(kLeastMemory, kProgram + blocks / 3 * 4 + 4);
}

std::optional<std::uint64_t> number_in(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc()) {
    return std::nullopt;  // no such file, or "max"
  }
  return value;
}

void keep_least(std::optional<std::uint64_t>& least, std::optional<std::uint64_t> value) {
  if (value && (!least || *value < *least)) {
    least = value;
  }
}

/// Of the group at `path` and of all above it. In a container the path may be one of outside, of
/// which only the root is to be seen.
std::optional<std::uint64_t> least_along(const ReadFile& read, const std::string& root,
                                         std::string path, const std::string& file) {
  std::optional<std::uint64_t> least;
  for (;;) {
    if (path == "/") {
      path.clear();
    }
    keep_least(least, number_in(read(core::format("{}{}/{}", root, path, file))));
    if (path.empty()) {
      return least;
    }
    path.resize(std::min(path.size() - 1, path.rfind('/')));
  }
}

/// Whether a list with commas, as "cpu,memory", has the word.
bool has_word(std::string_view list, std::string_view word) {
  const auto words = core::split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<std::string> read_if_there(const std::string& path) {
  auto text = options::read_text_file(path);
  return text ? std::optional(*std::move(text)) : std::nullopt;
}

}  // namespace

core::Result<MemoryShares> divide_memory(std::uint64_t limit, std::optional<std::uint64_t> blocks) {
  if (blocks && *blocks > most_for_blocks(limit)) {
    return options::usage(
        core::format("--cache-size {} does not fit into --memory-limit {}: at most {} does",
                     core::format_size(*blocks), core::format_size(limit),
                     core::format_size(most_for_blocks(limit))));
  }
  MemoryShares shares;
  shares.limit = limit;
  shares.blocks = blocks.value_or(std::min((limit - kProgram) / 2, kMostBlocksByDefault));
  shares.written = std::min((limit - kProgram - shares.blocks) / 3, kMostWritten);
  const std::uint64_t rest = limit - kProgram - shares.blocks - shares.written;
  shares.names = rest / 3;
  shares.nodes = rest / 3;
  shares.objects = rest / 6;
  shares.pages = rest / 6;
  return shares;
}

std::uint64_t default_memory_limit(std::uint64_t host_bytes,
                                   std::optional<std::uint64_t> group_bytes) {
  const std::uint64_t ours = std::min(host_bytes, group_bytes.value_or(host_bytes)) / 4;
  return std::clamp(ours / kMiB * kMiB, kLeastMemory, kMostByDefault);
}

std::optional<std::uint64_t> group_memory_limit(const ReadFile& read) {
  // Lines of "hierarchy:controllers:path"; version 2 has one, "0::path".
  const std::string groups = read("/proc/self/cgroup").value_or("");
  std::optional<std::uint64_t> least;
  for (const std::string_view line : core::split(groups, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) {
      continue;
    }
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (line.starts_with("0::")) {
      keep_least(least, least_along(read, "/sys/fs/cgroup", path, "memory.max"));
    } else if (has_word(controllers, "memory")) {
      keep_least(least, least_along(read, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
  }
  return least;
}

std::uint64_t resident_bytes(const ReadFile& read) {
  const std::string text = read("/proc/self/statm").value_or("");
  const auto fields = core::split(text, ' ');
  if (fields.size() < 2) {
    return 0;
  }
  return number_in(std::string(fields[1])).value_or(0) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t resident_bytes() { return resident_bytes(read_if_there); }

core::Result<MemoryShares> memory_shares(const options::Values& values, std::uint64_t host_bytes,
                                         std::optional<std::uint64_t> group_bytes) {
  std::optional<std::uint64_t> blocks;
  if (values.given("cache-size")) {
    blocks = values.size("cache-size");
  }
  if (values.given("memory-limit")) {
    return divide_memory(values.size("memory-limit"), blocks);
  }
  return divide_memory(std::max(default_memory_limit(host_bytes, group_bytes),
                                blocks ? least_limit(*blocks) : kLeastMemory),
                       blocks);
}

core::Result<MemoryShares> memory_shares(const options::Values& values) {
  const std::uint64_t host_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                   static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return memory_shares(values, host_bytes, group_memory_limit(read_if_there));
}

}  // namespace app
