#include "core/metrics.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <string>

#include "app/metrics.h"
#include "core/log_thread.h"
#include "fs/metrics.h"
#include "fuse/metrics.h"
#include "oss/metrics.h"
#include "state/journal.h"
#include "state/metrics.h"
#include "transfer/metrics.h"

namespace app {
namespace {

/// "requests.GetObject" is documented as "requests.OPERATION".
std::string documented_name(const std::string& name) {
  for (const std::string family : {"requests.", "errors."}) {
    if (name.starts_with(family)) {
      return family + "OPERATION";
    }
  }
  return name;
}

TEST(Metrics, AreWhatTheDocumentLists) {
  core::Metrics registry;
  const MemoryGauges of_app(registry);
  const core::LogThread of_core(registry);
  const fs::Counters of_fs(registry);
  const fuse::Counters of_fuse(registry);
  const oss::Metrics of_oss(registry);
  const state::Counters of_state(registry);
  const state::JournalCounters of_the_journal(registry);
  const transfer::Counters of_transfer(registry);
  std::set<std::string> declared;
  for (const auto& [name, value] : registry.values()) {
    declared.insert(documented_name(name));
  }

  std::ifstream file(STSFS_SOURCE_DIR "/docs/metrics.md");
  ASSERT_TRUE(file);
  std::set<std::string> documented;
  const std::string text(std::istreambuf_iterator<char>(file), {});
  for (std::size_t at = text.find("\n| `"); at != std::string::npos;
       at = text.find("\n| `", at + 1)) {
    const std::size_t begin = at + 4;
    documented.insert(text.substr(begin, text.find('`', begin) - begin));
  }
  EXPECT_EQ(documented, declared);
  for (const auto name : oss::kOperationNames) {
    EXPECT_THAT(text, ::testing::HasSubstr(std::string(name)));
  }
}

}  // namespace
}  // namespace app
