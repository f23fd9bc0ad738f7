#include "state/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include "core/format.h"
#include "support/results.h"

namespace state {
namespace {

using core::ErrorKind;
namespace files = std::filesystem;

const Identity kOurs{"oss", "http://e", "bucket", "p/", "host"};

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    std::string name = files::temp_directory_path() / "journal.XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~JournalTest() override { files::remove_all(directory_); }

  core::Result<std::unique_ptr<Journal>> open(const Identity& identity = kOurs) {
    return Journal::open(path(), identity, metrics_);
  }
  [[nodiscard]] std::string path() const { return directory_ + "/journal.db"; }

  static KeptFile file(std::uint64_t number, const std::string& key) {
    KeptFile file;
    file.number = number;
    file.size = 1000 + number;
    file.wanted.key = key;
    file.wanted.inode = 77;
    file.wanted.facts = {{"size", "5"}, {"user.mode", "33188"}};
    file.base.key = key;
    file.base.etag = model::ETag("\"base\"");
    return file;
  }
  /// The same with its content.
  static KeptFile inside(std::uint64_t number, const std::string& content) {
    KeptFile kept = file(number, core::format("inside {}", number));
    kept.inside = true;
    kept.size = content.size();
    return kept;
  }
  static std::map<std::uint64_t, std::string> contents(Journal& journal) {
    std::map<std::uint64_t, std::string> found;
    EXPECT_TRUE(journal.visit_contents([&](std::uint64_t number, std::string_view content) {
      found.emplace(number, content);
      return core::Status();
    }));
    return found;
  }
  static KeptUpload upload(const std::string& key) { return {key, "id-" + key, "digest", {}}; }

  /// What a crash of the process leaves, while the journal goes on.
  std::string snapshot() {
    const std::string copy = directory_ + "/copy";
    files::remove_all(copy);
    files::create_directory(copy);
    for (const char* suffix : {"", "-wal", ".seen"}) {
      if (files::exists(path() + suffix)) {
        files::copy_file(path() + suffix, copy + "/journal.db" + suffix);
      }
    }
    return copy + "/journal.db";
  }

  std::string directory_;
  core::Metrics metrics_;
};

TEST_F(JournalTest, KeepsWhatItWasTold) {
  {
    auto journal = open();
    ASSERT_TRUE(journal) << core::describe(journal.error());
    EXPECT_TRUE((*journal)->found().files.empty());
    ASSERT_TRUE((*journal)->keep(file(1, "a")));
    ASSERT_TRUE((*journal)->keep(file(2, "b")));
    ASSERT_TRUE((*journal)->keep(file(3, "c")));
    (*journal)->drop(2, Journal::When::Anytime, {});
    (*journal)->note_failure(3, "no network");
    ASSERT_TRUE((*journal)->begin_upload(upload("a")));
    ASSERT_TRUE((*journal)->begin_upload(upload("gone")));
    (*journal)->note_part("a", "id-a", {1, 0, 100, 0xffff'ffff'ffff'fff0ULL, "etag"});
    (*journal)->end_upload("gone", "id-gone");
    (*journal)->end_upload("gone", "id-gone");
    (*journal)->note_part("gone", "id-gone", {1, 0, 100, 1, "etag"});
  }
  auto journal = open();
  ASSERT_TRUE(journal) << core::describe(journal.error());
  KeptFile third = file(3, "c");
  third.tries = 1;
  third.error = "no network";
  EXPECT_EQ((*journal)->found().files, (std::vector<KeptFile>{file(1, "a"), third}));
  KeptUpload begun = upload("a");
  begun.parts = {{1, 0, 100, 0xffff'ffff'ffff'fff0ULL, "etag"}};
  EXPECT_EQ((*journal)->found().uploads, std::vector<KeptUpload>{begun});
  EXPECT_EQ((*journal)->new_number(), 4U);
}

TEST_F(JournalTest, KeepsContent) {
  const std::string first(1000, 'a');
  const std::string second(60'000, 'b');
  KeptFile other = inside(1, first);
  other.error = "later";
  {
    auto journal = open();
    ASSERT_TRUE(journal) << core::describe(journal.error());
    ASSERT_TRUE((*journal)->keep(inside(1, "short"), &first));
    ASSERT_TRUE((*journal)->keep(inside(2, second), &second));
    ASSERT_TRUE((*journal)->keep(inside(3, first), &first));
    ASSERT_TRUE((*journal)->keep(inside(4, first), &first));
    ASSERT_TRUE((*journal)->keep(inside(5, ""), nullptr));
    ASSERT_TRUE((*journal)->keep(other));  // what is said of it, not its content
    ASSERT_TRUE((*journal)->keep(file(3, "now beside")));
    (*journal)->drop(4, Journal::When::Anytime, {});
  }
  auto journal = open();
  ASSERT_TRUE(journal) << core::describe(journal.error());
  EXPECT_EQ(
      (*journal)->found().files,
      (std::vector<KeptFile>{other, inside(2, second), file(3, "now beside"), inside(5, "")}));
  EXPECT_EQ(contents(**journal), (std::map<std::uint64_t, std::string>{{1, first}, {2, second}}));
}

TEST_F(JournalTest, WhatNobodyWaitsForIsWrittenAllTheSame) {
  auto journal = open();
  ASSERT_TRUE(journal);
  ASSERT_TRUE((*journal)->keep(file(1, "a")));
  for (const auto when : {Journal::When::Anytime, Journal::When::Soon}) {
    std::promise<void> written;
    (*journal)->drop(1, when, [&] { written.set_value(); });
    written.get_future().wait();
  }
}

TEST_F(JournalTest, SurvivesTheEndOfTheProcessAtAnyTime) {
  auto journal = open();
  ASSERT_TRUE(journal);
  for (std::uint64_t n = 1; n <= 20; ++n) {
    ASSERT_TRUE((*journal)->keep(file(n, core::format("key {}", n))));
    const std::string copy = snapshot();
    auto later = Journal::open(copy, kOurs, metrics_);
    ASSERT_TRUE(later) << core::describe(later.error());
    EXPECT_EQ((*later)->found().files.size(), n);
  }
}

TEST_F(JournalTest, ManyWhoWaitShareATransaction) {
  auto journal = open();
  ASSERT_TRUE(journal);
  constexpr std::uint64_t kThreads = 8;
  constexpr std::uint64_t kEach = 20;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint64_t n = 0; n < kEach; ++n) {
          EXPECT_TRUE((*journal)->keep(file(1 + t * kEach + n, "k")));
        }
      });
    }
  }
  EXPECT_EQ(metrics_["journal.changes"].value(), static_cast<std::int64_t>(kThreads * kEach));
  EXPECT_LT(metrics_["journal.transactions"].value(), metrics_["journal.changes"].value());
}

TEST_F(JournalTest, RefusesAnotherBucketUnlessItIsEmpty) {
  Identity other = kOurs;
  other.bucket = "theirs";
  {
    auto journal = open();
    ASSERT_TRUE(journal);
    ASSERT_TRUE((*journal)->keep(file(1, "a")));
  }
  auto refused = open(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Changed);
  EXPECT_NE(refused.error().message.find("oss://bucket/p/"), std::string::npos);
  {
    auto journal = open();
    ASSERT_TRUE(journal);
    EXPECT_EQ((*journal)->found().files.size(), 1U);
    (*journal)->drop(1, Journal::When::Soon, {});
  }
  EXPECT_TRUE(open(other));
}

TEST_F(JournalTest, RefusesANewerSchema) {
  {
    auto database = Database::open(path(), Database::Access::Write);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("CREATE TABLE later(x); PRAGMA user_version=99"));
  }
  auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Unsupported);
}

/// Opens a copy of which one byte is another. True: refused as damaged, or all was right.
bool told_or_right(const std::string& path, const std::vector<KeptFile>& expected,
                   core::Metrics& metrics) {
  auto journal = Journal::open(path, kOurs, metrics);
  if (!journal) {
    return true;
  }
  std::string content;
  return (*journal)->found().files == expected &&
         (*journal)->visit_contents([&](std::uint64_t /*number*/, std::string_view bytes) {
           content = bytes;
           return core::Status();
         }) &&
         content == std::string(expected.back().size, 'c');
}

void flip(const std::string& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 0x5a));
}

TEST_F(JournalTest, NoFlippedByteGoesUnnoticed) {
  std::vector<KeptFile> expected;
  {
    auto journal = open();
    ASSERT_TRUE(journal);
    for (std::uint64_t n = 1; n <= 3; ++n) {
      expected.push_back(file(n, core::format("key {}", n)));
      ASSERT_TRUE((*journal)->keep(expected.back()));
    }
    const std::string content(9000, 'c');
    expected.push_back(inside(4, content));
    ASSERT_TRUE((*journal)->keep(expected.back(), &content));
  }
  const auto size = static_cast<std::streamoff>(files::file_size(path()));
  for (std::streamoff at = 0; at < size; at += 53) {
    const std::string copy = snapshot();
    flip(copy, at);
    EXPECT_TRUE(told_or_right(copy, expected, metrics_)) << "byte " << at;
  }
}

TEST_F(JournalTest, NoFlippedByteOfTheLogGoesUnnoticed) {
  auto journal = open();
  ASSERT_TRUE(journal);
  std::vector<KeptFile> expected;
  for (std::uint64_t n = 1; n <= 2; ++n) {
    expected.push_back(file(n, core::format("key {}", n)));
    ASSERT_TRUE((*journal)->keep(expected.back()));
  }
  const std::string content(9000, 'c');
  expected.push_back(inside(3, content));
  ASSERT_TRUE((*journal)->keep(expected.back(), &content));
  const auto size = static_cast<std::streamoff>(files::file_size(path() + "-wal"));
  ASSERT_GT(size, 0);
  for (std::streamoff at = 0; at < size; at += 211) {
    const std::string copy = snapshot();
    flip(copy + "-wal", at);
    EXPECT_TRUE(told_or_right(copy, expected, metrics_)) << "byte " << at;
  }
  const std::string copy = snapshot();
  files::remove(copy + "-wal");
  EXPECT_FALSE(Journal::open(copy, kOurs, metrics_));
}

TEST_F(JournalTest, SaysWhatIsDamagedAndLeavesItAlone) {
  {
    auto journal = open();
    ASSERT_TRUE(journal);
    ASSERT_TRUE((*journal)->keep(file(1, "a")));
  }
  std::ofstream(path(), std::ios::binary | std::ios::trunc) << std::string(8192, 'x');
  auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Corrupt);
  EXPECT_NE(refused.error().message.find(path()), std::string::npos);
  std::ifstream again(path(), std::ios::binary);
  EXPECT_EQ(again.get(), 'x');
}

TEST_F(JournalTest, AFullDiskIsAnErrorAndLosesNothing) {
  auto journal = open();
  ASSERT_TRUE(journal);
  ASSERT_TRUE((*journal)->keep(file(1, "a")));
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{files::file_size(path() + "-wal") + 1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  core::Status failed;
  for (std::uint64_t n = 2; n < 10 && failed; ++n) {
    failed = (*journal)->keep(file(n, std::string(3000, 'k')));
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(failed);
  ASSERT_TRUE((*journal)->keep(file(20, "after")));
  journal->reset();
  auto again = open();
  ASSERT_TRUE(again) << core::describe(again.error());
  EXPECT_EQ((*again)->found().files.front(), file(1, "a"));
  EXPECT_EQ((*again)->found().files.back(), file(20, "after"));
}

TEST_F(JournalTest, AFolderThatCannotBeWrittenIsAnError) {
  auto refused = Journal::open("/proc/stsfs-journal.db", kOurs, metrics_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("/proc/stsfs-journal.db"), std::string::npos);
}

}  // namespace
}  // namespace state
