#include "transfer/staging.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "core/digest.h"
#include "support/results.h"

namespace {

using core::ErrorKind;
using test::FailsWith;
using transfer::StagedFile;
using transfer::StagingArea;

constexpr std::uint64_t kMiB = 1 << 20;

class Staging : public testing::Test {
 protected:
  Staging() {
    std::string name = (std::filesystem::temp_directory_path() / "staging.XXXXXX").string();
    base_ = ::mkdtemp(name.data());
  }
  ~Staging() override { std::filesystem::remove_all(base_); }

  std::unique_ptr<StagingArea> area(std::uint64_t limit = 64 * kMiB) {
    auto opened = StagingArea::open(base_ + "/deep/staging", limit, true);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    return std::move(*opened);
  }
  static core::Status write(StagedFile& file, std::uint64_t offset, std::string_view text) {
    return file.write(offset, core::as_bytes(text));
  }
  static std::string content(const StagedFile& file) {
    std::string text(file.size() + 10, 'x');
    const auto n = file.read(0, std::as_writable_bytes(std::span<char>(text)));
    text.resize(n.value());
    return text;
  }

  std::string base_;
};

TEST_F(Staging, HoldsWhatWasWrittenAndLeavesNoName) {
  const auto staging = area();
  const auto file = staging->create().value();
  ASSERT_TRUE(write(*file, 0, "hello world"));
  ASSERT_TRUE(write(*file, 6, "there"));
  EXPECT_EQ(content(*file), "hello there");
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(content(*file), "hello");
  ASSERT_TRUE(file->truncate(7));
  EXPECT_EQ(content(*file), std::string("hello\0\0", 7));
  EXPECT_TRUE(std::filesystem::is_empty(base_ + "/deep/staging"));
}

TEST_F(Staging, TheDirectoryIsPrivate) {
  std::filesystem::create_directories(base_ + "/deep/staging");
  ::chmod((base_ + "/deep/staging").c_str(), 0755);
  const auto staging = area();
  struct stat found {};
  ASSERT_EQ(::stat((base_ + "/deep/staging").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0700U);
}

TEST_F(Staging, RefusesMemoryUnlessAllowed) {
  struct stat found {};
  if (::stat("/dev/shm", &found) != 0 || ::access("/dev/shm", W_OK) != 0) {
    GTEST_SKIP() << "no tmpfs at /dev/shm";
  }
  const std::string directory = "/dev/shm/staging-test-" + std::to_string(::getpid());
  const auto refused = StagingArea::open(directory, kMiB, false);
  ASSERT_THAT(refused, FailsWith(ErrorKind::InvalidArgument));
  EXPECT_TRUE(StagingArea::open(directory, kMiB, true));
  std::filesystem::remove_all(directory);
}

TEST_F(Staging, AFileInTheWayIsRefusedByName) {
  std::ofstream(base_ + "/file") << "x";
  const auto refused = StagingArea::open(base_ + "/file", kMiB, true);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(base_ + "/file"));
}

TEST_F(Staging, TheLimitIsKeptAtWriteAndGivenBack) {
  const auto staging = area(kMiB);
  const std::string half(kMiB / 2, 'a');
  auto first = staging->create().value();
  auto second = staging->create().value();
  ASSERT_TRUE(write(*first, 0, half));
  ASSERT_TRUE(write(*second, 100 * kMiB, half));  // the hole is free
  EXPECT_EQ(staging->used_bytes(), kMiB);
  const auto full = write(*first, half.size(), "one more");
  ASSERT_THAT(full, FailsWith(ErrorKind::NoSpace));
  EXPECT_EQ(first->size(), half.size());
  EXPECT_TRUE(write(*first, 1000, "over what is there"));
  EXPECT_THAT(first->allocate(0, half.size(), 4096), FailsWith(ErrorKind::NoSpace));

  ASSERT_TRUE(second->truncate(0));
  EXPECT_EQ(staging->used_bytes(), kMiB / 2);
  EXPECT_TRUE(write(*first, half.size(), half));
  first.reset();
  EXPECT_EQ(staging->used_bytes(), 0);
}

TEST_F(Staging, NoLimitGivenMeansMostOfWhatIsFree) {
  const auto staging = area(0);
  EXPECT_GT(staging->limit_bytes(), 0);
  EXPECT_LT(staging->limit_bytes(), std::filesystem::space(base_).available);
}

TEST_F(Staging, AllocateAsFallocateDoes) {
  const auto staging = area();
  const auto file = staging->create().value();
  ASSERT_TRUE(file->allocate(0, 0, 8192));
  EXPECT_EQ(file->size(), 8192);
  ASSERT_TRUE(file->allocate(FALLOC_FL_KEEP_SIZE, 0, kMiB));
  EXPECT_EQ(file->size(), 8192);
  EXPECT_GE(file->blocks() * 512, kMiB);
  EXPECT_GE(staging->used_bytes(), kMiB);

  ASSERT_TRUE(write(*file, 0, std::string(8192, 'x')));
  ASSERT_TRUE(file->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  EXPECT_EQ(content(*file), std::string(4096, '\0') + std::string(4096, 'x'));
  ASSERT_TRUE(file->allocate(FALLOC_FL_ZERO_RANGE, 8000, 1000));
  EXPECT_EQ(content(*file),
            std::string(4096, '\0') + std::string(8000 - 4096, 'x') + std::string(1000, '\0'));

  EXPECT_THAT(file->allocate(FALLOC_FL_COLLAPSE_RANGE, 0, 4096), FailsWith(ErrorKind::Unsupported));
  EXPECT_THAT(file->allocate(FALLOC_FL_PUNCH_HOLE, 0, 4096), FailsWith(ErrorKind::Unsupported));
  EXPECT_THAT(file->allocate(0, 0, 0), FailsWith(ErrorKind::InvalidArgument));
}

TEST_F(Staging, FindsDataAndHoles) {
  const auto staging = area();
  const auto file = staging->create().value();
  ASSERT_TRUE(write(*file, kMiB, std::string(4096, 'x')));
  ASSERT_TRUE(file->truncate(2 * kMiB));
  EXPECT_EQ(file->seek(0, SEEK_DATA).value(), kMiB);
  EXPECT_EQ(file->seek(kMiB, SEEK_HOLE).value(), kMiB + 4096);
  EXPECT_THAT(file->seek(kMiB + 4096, SEEK_DATA), FailsWith(ErrorKind::OutOfRange));
  EXPECT_THAT(file->seek(2 * kMiB, SEEK_HOLE), FailsWith(ErrorKind::OutOfRange));
  EXPECT_THAT(file->seek(0, SEEK_SET), FailsWith(ErrorKind::InvalidArgument));
}

TEST_F(Staging, NoFileIsLargerThanFilesCanBe) {
  const auto staging = area();
  const auto file = staging->create().value();
  EXPECT_THAT(write(*file, ~std::uint64_t{0} - 3, "x"), FailsWith(ErrorKind::TooLarge));
  EXPECT_THAT(file->truncate(std::uint64_t{1} << 63U), FailsWith(ErrorKind::TooLarge));
  EXPECT_THAT(file->allocate(0, 1, ~std::uint64_t{0} >> 1U), FailsWith(ErrorKind::TooLarge));
}

TEST_F(Staging, WhatIsWrittenLiesInMemoryWhileThereIsRoom) {
  const auto staging = area();
  const auto file = staging->create().value();
  ASSERT_TRUE(write(*file, 0, std::string(2 * kMiB + 100, 'x')));
  EXPECT_EQ(staging->memory_bytes(), 3 * kMiB);
  EXPECT_EQ(staging->used_bytes(), 2 * kMiB + 4096);
  EXPECT_EQ(file->blocks() * 512, 2 * kMiB + 4096);
  const auto runs = file->runs({kMiB, 2 * kMiB + 100});
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].fd, -1);
  EXPECT_EQ(runs[0].memory.size(), kMiB);
  EXPECT_EQ(runs[1].memory.size(), 100U);
  EXPECT_TRUE(file->runs({0, 3 * kMiB}).empty()) << "there is no more";
  ASSERT_TRUE(file->truncate(0));
  EXPECT_EQ(staging->used_bytes(), 0U);
}

TEST_F(Staging, WhoReadsABlockSeesItAsItWas) {
  const auto staging = area();
  const auto file = staging->create().value();
  ASSERT_TRUE(write(*file, 0, "before"));
  const auto runs = file->runs({0, 6});
  ASSERT_TRUE(write(*file, 0, "after!!"));
  ASSERT_TRUE(file->truncate(2));
  ASSERT_TRUE(write(*file, 2, "-2"));
  EXPECT_EQ(core::as_text(runs.at(0).memory.view()), "before");
  EXPECT_EQ(content(*file), "af-2");
}

TEST_F(Staging, WithLittleMemoryTheDiskHasTheRest) {
  const auto staging = StagingArea::open(base_ + "/staging", 64 * kMiB, true, 4 * kMiB).value();
  const auto file = staging->create().value();
  std::string text;
  for (std::size_t i = 0; i < 20; ++i) {
    const std::string block(kMiB, static_cast<char>('a' + i));
    ASSERT_TRUE(write(*file, text.size(), block));
    text += block;
    EXPECT_LE(staging->memory_bytes(), 4 * kMiB);
    EXPECT_GE(staging->used_bytes(), text.size());  // what is on its way to the disk counts twice
  }
  ASSERT_TRUE(file->truncate(text.size()));  // which waits for it
  EXPECT_EQ(staging->used_bytes(), text.size());
  EXPECT_EQ(content(*file), text);
  std::uint64_t sent = 0;
  for (const core::Run& run : file->runs({0, text.size()})) {
    std::string piece(run.size, '-');
    ASSERT_TRUE(run.fd < 0 ||
                ::pread(run.fd, piece.data(), piece.size(), static_cast<off_t>(run.offset)) ==
                    static_cast<ssize_t>(piece.size()));
    EXPECT_EQ(run.fd < 0 ? core::as_text(run.memory.view()) : std::string_view(piece),
              std::string_view(text).substr(sent, run.size));
    sent += run.size;
  }
  EXPECT_EQ(sent, text.size());
  EXPECT_EQ(file->known_crc64({0, text.size()}), core::crc64(core::as_bytes(text)));
}

TEST_F(Staging, WithoutMemoryAllIsOnTheDisk) {
  const auto staging = StagingArea::open(base_ + "/staging", 64 * kMiB, true, 0).value();
  const auto file = staging->create().value();
  ASSERT_TRUE(write(*file, 100, "text"));
  EXPECT_EQ(staging->memory_bytes(), 0U);
  EXPECT_EQ(content(*file), std::string(100, '\0') + "text");
}

TEST_F(Staging, OthersMayFillTheFileOnTheDisk) {
  const auto staging = area();
  const auto file = staging->create().value();
  ASSERT_TRUE(write(*file, 0, "ours"));
  const int fd = file->on_disk().value();
  ASSERT_EQ(::pwrite(fd, "theirs", 6, 4), 6);
  ASSERT_TRUE(file->truncate(10));
  EXPECT_EQ(content(*file), "ourstheirs");
  ASSERT_TRUE(write(*file, 0, "OURS"));
  EXPECT_EQ(content(*file), "OURStheirs");
}

/// Does what is said to a file of little memory and to a string, while blocks move to the disk.
class StagedAndText {
 public:
  explicit StagedAndText(std::shared_ptr<StagedFile> file) : file_(std::move(file)) {}

  void write(std::uint64_t offset, const std::string& data) {
    ASSERT_TRUE(file_->write(offset, core::as_bytes(data)));
    text_.resize(std::max<std::size_t>(text_.size(), offset + data.size()));
    text_.replace(offset, data.size(), data);
  }
  void truncate(std::uint64_t size) {
    ASSERT_TRUE(file_->truncate(size));
    text_.resize(size);
  }
  void punch(std::uint64_t offset, std::uint64_t length) {
    ASSERT_TRUE(file_->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
    for (std::uint64_t i = offset; i < std::min<std::uint64_t>(offset + length, text_.size());
         ++i) {
      text_[i] = '\0';
    }
  }
  void compare() const {
    ASSERT_EQ(file_->size(), text_.size());
    std::string seen(text_.size(), '-');
    ASSERT_EQ(file_->read(0, std::as_writable_bytes(std::span<char>(seen))).value(), seen.size());
    ASSERT_TRUE(seen == text_);
    // What is said to be a hole reads as zeros.
    for (std::uint64_t at = 0; at < text_.size();) {
      const auto data = file_->seek(at, SEEK_DATA);
      const std::uint64_t end = data ? *data : text_.size();
      ASSERT_EQ(text_.substr(at, end - at), std::string(end - at, '\0'));
      at = data ? file_->seek(*data, SEEK_HOLE).value() : end;
    }
  }

 private:
  const std::shared_ptr<StagedFile> file_;
  std::string text_;
};

TEST_F(Staging, IsAFileWhateverIsDoneToIt) {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    const auto staging = StagingArea::open(base_ + "/staging", 256 * kMiB, true, 3 * kMiB).value();
    std::minstd_rand random(seed);
    const auto below = [&random](std::uint64_t end) { return random() % end; };
    StagedAndText file(staging->create().value());
    for (int step = 0; step < 150; ++step) {
      const std::uint64_t kind = below(100);
      if (kind < 80) {
        const std::uint64_t size = below(4) == 0 ? below(2 * kMiB) : below(9000);
        file.write(below(8 * kMiB), std::string(size, static_cast<char>('a' + below(26))));
      } else if (kind < 97 || step < 100) {
        file.truncate(below(9 * kMiB));
      } else {
        file.punch(below(8 * kMiB), 1 + below(kMiB));
      }
      if (step % 10 == 9) {
        file.compare();
      }
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << ", step " << step;
    }
  }
}

TEST_F(Staging, WhatIsSetAsideTakesNoBlockAndIsTheSame) {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    const auto staging = StagingArea::open(base_ + "/staging", 256 * kMiB, true, 3 * kMiB).value();
    std::minstd_rand random(seed);
    const auto below = [&random](std::uint64_t end) { return random() % end; };
    const auto staged = staging->create().value();
    StagedAndText file(staged);
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t kind = below(100);
      if (kind < 50) {
        file.write(below(20'000), std::string(1 + below(9000), static_cast<char>('a' + below(26))));
      } else if (kind < 60) {
        file.truncate(below(30'000));
      } else if (kind == 99 && step > 150) {
        ASSERT_TRUE(staged->settle_on_disk());
      } else {
        staged->set_aside();
      }
      file.compare();
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << ", step " << step;
    }
  }
}

TEST_F(Staging, LittleIsSetAsideAndMuchIsNot) {
  const auto staging = StagingArea::open(base_ + "/staging", 256 * kMiB, true, 16 * kMiB).value();
  const auto little = staging->create().value();
  const auto much = staging->create().value();
  ASSERT_TRUE(write(*little, 0, std::string(10'000, 'a')));
  ASSERT_TRUE(write(*much, 0, std::string(100'000, 'b')));
  EXPECT_EQ(staging->memory_bytes(), 2 * kMiB);
  const auto runs = little->runs({0, 10'000});
  little->set_aside();
  much->set_aside();
  EXPECT_EQ(staging->memory_bytes(), kMiB + 10'000 + kMiB) << "somebody sends what was there";
  EXPECT_EQ(content(*little), std::string(10'000, 'a'));
}

TEST_F(Staging, WhatIsOnTheDiskIsAllOfIt) {
  const auto staging = area();
  const auto file = staging->create().value();
  ASSERT_TRUE(write(*file, 0, "some"));
  const int fd = file->settle_on_disk().value();
  EXPECT_TRUE(file->known_crc64({0, 4})) << "nobody has written to it";
  ASSERT_TRUE(write(*file, 4, " more"));
  std::string seen(20, 'x');
  seen.resize(static_cast<std::size_t>(::pread(fd, seen.data(), seen.size(), 0)));
  EXPECT_EQ(seen, "some more");
}

TEST_F(Staging, TakesOverAFileOfAnEarlierProcess) {
  const std::string path = base_ + "/kept";
  std::ofstream(path) << "from before";
  const auto staging = area();
  const auto file =
      staging->adopt(core::UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC))).value();
  EXPECT_EQ(content(*file), "from before");
  EXPECT_GE(staging->used_bytes(), 11U);
  ASSERT_TRUE(write(*file, 5, "now on"));
  EXPECT_EQ(content(*file), "from now on");
  EXPECT_EQ(std::filesystem::file_size(path), 11U);
}

}  // namespace
