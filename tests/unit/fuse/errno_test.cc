#include "fuse/errno.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <string>

#include "core/text.h"

namespace {

using core::ErrorKind;

/// kind to errno, as docs/errno.md tells people.
std::map<std::string, std::string> documented() {
  std::ifstream file(STSFS_SOURCE_DIR "/docs/errno.md");
  std::map<std::string, std::string> rows;
  for (std::string line; std::getline(file, line);) {
    const auto cells = core::split(line, '|');
    if (cells.size() == 5 && core::trim(cells[1]) != "kind" && !cells[1].starts_with(" ---")) {
      rows.emplace(core::trim(cells[1]), core::trim(cells[2]));
    }
  }
  return rows;
}

TEST(Errno, IsWhatTheDocumentationSays) {
  std::map<std::string, std::string> actual;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::Internal); ++kind) {
    const auto of = static_cast<ErrorKind>(kind);
    actual.emplace(core::to_string(of), ::strerrorname_np(fuse::to_errno(of)));
  }
  EXPECT_EQ(actual, documented());
}

TEST(Errno, OperatorsHearOfFailuresAndNotOfEverydayAnswers) {
  EXPECT_FALSE(fuse::is_trouble(ErrorKind::NotFound));
  EXPECT_FALSE(fuse::is_trouble(ErrorKind::NoData));
  EXPECT_TRUE(fuse::is_trouble(ErrorKind::Unauthenticated));
  EXPECT_TRUE(fuse::is_trouble(ErrorKind::Corrupt));
}

}  // namespace
