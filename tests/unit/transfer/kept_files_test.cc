#include "transfer/kept_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/digest.h"
#include "support/results.h"

namespace transfer {
namespace {

class KeptFilesTest : public ::testing::Test {
 protected:
  KeptFilesTest() {
    std::string name = "/var/tmp/kept.XXXXXX";
    directory_ = ::mkdtemp(name.data());
    area_ = StagingArea::open(directory_ + "/staging", 1U << 20U, true).value();
  }
  ~KeptFilesTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<KeptFiles> open() {
    return KeptFiles::open(directory_ + "/data", *area_).value();
  }
  std::shared_ptr<StagedFile> staged(std::string_view text) {
    auto file = area_->create().value();
    EXPECT_TRUE(file->write(0, core::as_bytes(text)));
    return file;
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory_ + "/data/" + name;
  }
  static std::string text_of(const StagedFile& file) {
    std::string text(file.size(), '\0');
    EXPECT_TRUE(file.read(0, std::as_writable_bytes(std::span(text))));
    return text;
  }

  std::string directory_;
  std::unique_ptr<StagingArea> area_;
};

TEST_F(KeptFilesTest, WhatIsNeededOutlivesItsOwner) {
  {
    const auto files = open();
    const auto kept = files->name(staged("content and more"), 7).value();
    ASSERT_TRUE(kept->sync());
    ASSERT_TRUE(files->sync_names());
    kept->need();
  }
  struct stat about {};
  ASSERT_EQ(::stat(path("7").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777U, 0600U);
  const auto files = open();
  auto again = files->reopen(7, 7);
  ASSERT_TRUE(again);
  EXPECT_EQ(text_of(*again->content), "content");  // the rest was promised to nobody
  EXPECT_GT(area_->used_bytes(), 0U);
  again->name->release();
  again->name.reset();
  EXPECT_FALSE(std::filesystem::exists(path("7")));
}

TEST_F(KeptFilesTest, WhatNobodyNeedsGoes) {
  const auto files = open();
  {
    const auto kept = files->name(staged("x"), 1).value();
    EXPECT_TRUE(std::filesystem::exists(path("1")));
  }
  EXPECT_FALSE(std::filesystem::exists(path("1")));
  const auto two = files->name(staged("x"), 2).value();
  const auto three = files->name(staged("x"), 3).value();
  two->need();
  three->need();
  files->remove_all_but({3});
  EXPECT_FALSE(std::filesystem::exists(path("2")));
  EXPECT_TRUE(std::filesystem::exists(path("3")));
}

TEST_F(KeptFilesTest, NoNumberIsGivenTwice) {
  const auto files = open();
  const auto one = files->name(staged("first"), 1).value();
  EXPECT_FALSE(files->name(staged("second"), 1));
  EXPECT_FALSE(files->reopen(9, 0));
}

}  // namespace
}  // namespace transfer
