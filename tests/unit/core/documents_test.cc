// What documents say of locks and threads is what the sources say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace {

const std::filesystem::path kRoot = STSFS_SOURCE_DIR;

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What `to` makes of every match of `pattern`, in std::regex's words.
std::set<std::string> all(const std::string& text, const char* pattern, const char* to = "$1") {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) {
    found.insert(at->format(to));
  }
  return found;
}

/// From `begin` to the next `end`.
std::string section(const std::string& text, const char* begin, const char* end) {
  const std::size_t from = text.find(begin);
  EXPECT_NE(from, std::string::npos) << begin;
  return text.substr(from, text.find(end, from + 1) - from);
}

TEST(Locking, ListsTheRanksOfMutexH) {
  const std::string ranks =
      section(content(kRoot / "src/core/mutex.h"), "enum class LockRank", "}");
  EXPECT_EQ(all(content(kRoot / "docs/locking.md"), "\\n\\| (\\d+ `\\w+`) \\|"),
            all(ranks, "\\n +(\\w+) = (\\d+),", "$2 `$1`"))
      << "left: docs/locking.md, right: src/core/mutex.h";
}

TEST(Architecture, ListsTheThreadsOfTheDaemon) {
  // How threads and pools get their names.
  constexpr const char* kNaming =
      "(?:name_this_thread\\(|ThreadPool \\w+\\{|pool_\\(|queue_\\(|<Loop>\\(common_, )\"([a-z "
      "-]+)\"";
  std::set<std::string> named;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / "src")) {
    const std::string room = entry.path().lexically_relative(kRoot / "src").begin()->string();
    if (entry.is_regular_file() && room != "emulator") {  // a process apart
      named.merge(all(content(entry.path()), kNaming));
    }
  }
  const std::string threads =
      section(content(kRoot / "docs/architecture.md"), "## Threads", "\n## ");
  EXPECT_EQ(all(threads, "\\n\\| `([a-z -]+)`"), named) << "left: docs/architecture.md, right: src";
}

}  // namespace
