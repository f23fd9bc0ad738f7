#include "transfer/layered_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>
// GoogleTest first.
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/digest.h"
#include "support/results.h"

namespace {

using core::ErrorKind;
using model::ByteRange;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::IsEmpty;
using transfer::LayeredFile;

class Staging {
 public:
  Staging() {
    std::string name = std::filesystem::temp_directory_path() / "stsfs-layered-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    area_ = *transfer::StagingArea::open(directory_, std::uint64_t{1} << 30U, true);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() { std::filesystem::remove_all(directory_); }

  std::shared_ptr<LayeredFile> create() { return std::make_shared<LayeredFile>(*area_->create()); }

 private:
  std::string directory_;
  std::unique_ptr<transfer::StagingArea> area_;
};

class LayeredFileTest : public testing::Test {
 protected:
  core::Status write(std::uint64_t offset, const std::string& text) {
    return file_->write(offset, core::as_bytes(text));
  }
  /// As whoever reads with the base at hand.
  std::string text() {
    std::vector<std::byte> buffer(file_->size());
    const auto n = file_->read_over(0, buffer, 0, core::as_bytes(base_));
    EXPECT_TRUE(n);
    return std::string(core::as_text(core::ByteView(buffer.data(), *n)));
  }

  Staging staging_;
  std::string base_ = "0123456789";
  std::shared_ptr<LayeredFile> file_ = staging_.create();
};

TEST_F(LayeredFileTest, ShowsTheBaseUnderWhatWasWritten) {
  ASSERT_TRUE(file_->lie_over(base_.size()));
  ASSERT_TRUE(write(3, "abc"));
  EXPECT_EQ(text(), "012abc6789");
  EXPECT_THAT(file_->missing({0, 10}), ElementsAre(ByteRange{0, 3}, ByteRange{6, 10}));
  EXPECT_EQ(file_->layers().clean, file_->layers().missing);
}

TEST_F(LayeredFileTest, DoesNotReadWhatIsNotHere) {
  ASSERT_TRUE(file_->lie_over(base_.size()));
  ASSERT_TRUE(write(3, "abc"));
  std::vector<std::byte> buffer(4);
  EXPECT_THAT(file_->read(3, buffer), FailsWith(ErrorKind::Io));
  EXPECT_THAT(file_->read_over(3, buffer, 0, {}), FailsWith(ErrorKind::Io));
  EXPECT_THAT(file_->read(3, std::span(buffer).first(3)), IsOkAnd(3U));
}

TEST_F(LayeredFileTest, WhatIsCutOffDoesNotComeBack) {
  ASSERT_TRUE(file_->lie_over(base_.size()));
  ASSERT_TRUE(file_->truncate(4));
  ASSERT_TRUE(file_->truncate(6));
  EXPECT_EQ(text(), std::string("0123\0\0", 6));
  EXPECT_EQ(file_->layers().clean.ranges(), (std::vector<ByteRange>{{0, 4}}));
}

TEST_F(LayeredFileTest, WhatIsFetchedDoesNotCoverWhatWasWritten) {
  ASSERT_TRUE(file_->lie_over(base_.size()));
  ASSERT_TRUE(write(3, "abc"));
  ASSERT_TRUE(file_->fill(2, core::as_bytes("23456")));
  EXPECT_THAT(file_->missing({0, 10}), ElementsAre(ByteRange{0, 2}, ByteRange{7, 10}));
  EXPECT_EQ(text(), "012abc6789");
  EXPECT_EQ(file_->layers().clean.ranges(), (std::vector<ByteRange>{{0, 3}, {6, 10}}));
}

TEST_F(LayeredFileTest, AfterPublishingAllIsClean) {
  ASSERT_TRUE(file_->lie_over(base_.size()));
  ASSERT_TRUE(write(9, "abc"));
  file_->settled();
  EXPECT_EQ(file_->layers().clean.ranges(), (std::vector<ByteRange>{{0, 12}}));
  EXPECT_THAT(file_->missing({0, 12}), ElementsAre(ByteRange{0, 9}));
}

TEST_F(LayeredFileTest, ALostBaseIsZeros) {
  ASSERT_TRUE(file_->lie_over(base_.size()));
  ASSERT_TRUE(write(3, "abc"));
  const transfer::Layers before = file_->lose_base();
  EXPECT_EQ(before.missing.bytes(), 7U);
  EXPECT_EQ(text(), std::string("\0\0\0abc\0\0\0\0", 10));
  EXPECT_TRUE(file_->layers().clean.empty());
  file_->regain_base(before);
  EXPECT_EQ(text(), "012abc6789");
  EXPECT_EQ(file_->layers().clean.bytes(), 7U);
}

TEST_F(LayeredFileTest, WantsTheRestOfAPartOnce) {
  ASSERT_TRUE(file_->lie_over(base_.size()));
  ASSERT_TRUE(write(3, "ab"));
  EXPECT_THAT(file_->wanted_beside({3, 5}, 4), ElementsAre(ByteRange{5, 7}));
  EXPECT_THAT(file_->wanted_beside({3, 5}, 4), IsEmpty());
  ASSERT_TRUE(write(5, "c"));
  EXPECT_THAT(file_->wanted_beside({5, 6}, 4), IsEmpty()) << "it goes on from what was written";
  ASSERT_TRUE(write(0, "d"));
  EXPECT_THAT(file_->wanted_beside({0, 1}, 1), IsEmpty()) << "it is a part";
}

TEST_F(LayeredFileTest, TakesWhatIsMissingForData) {
  const std::uint64_t page = 4096;
  ASSERT_TRUE(file_->lie_over(2 * page));
  ASSERT_TRUE(file_->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, page));
  ASSERT_TRUE(file_->truncate(4 * page));
  EXPECT_THAT(file_->seek(0, SEEK_HOLE), IsOkAnd(0U));
  EXPECT_THAT(file_->seek(0, SEEK_DATA), IsOkAnd(page));
  EXPECT_THAT(file_->seek(page, SEEK_HOLE), IsOkAnd(2 * page));
  EXPECT_THAT(file_->seek(2 * page, SEEK_DATA), FailsWith(ErrorKind::OutOfRange));
  EXPECT_GE(file_->blocks(), page / 512);
}

/// A plain string does all that the file does.
RC_GTEST_PROP(LayeredFileModel, IsLikeAPlainFile, ()) {
  Staging staging;
  const auto file = staging.create();
  std::string base = *rc::gen::container<std::string>(*rc::gen::inRange<std::size_t>(0, 300),
                                                      rc::gen::inRange('a', 'z'));
  std::string model = base;
  RC_ASSERT(file->lie_over(base.size()).has_value());
  const auto steps = *rc::gen::inRange(1, 40);
  for (int i = 0; i < steps; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, 400);
    const auto n = *rc::gen::inRange<std::size_t>(1, 100);
    switch (*rc::gen::inRange(0, 6)) {
      case 0: {
        const std::string text(n, static_cast<char>('A' + i % 26));
        RC_ASSERT(file->write(at, core::as_bytes(text)).has_value());
        model.resize(std::max(model.size(), at + n), '\0');
        model.replace(at, n, text);
        break;
      }
      case 1:
        RC_ASSERT(file->truncate(at).has_value());
        model.resize(at, '\0');
        break;
      case 2:
        RC_ASSERT(file->allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, n).has_value());
        for (std::size_t k = at; k < std::min(model.size(), at + n); ++k) {
          model[k] = '\0';
        }
        break;
      case 3:
        if (at < base.size()) {
          RC_ASSERT(file->fill(at, core::as_bytes(base).subspan(at, std::min(n, base.size() - at)))
                        .has_value());
        }
        break;
      case 4:  // published
        file->settled();
        base = model;
        break;
      case 5: {
        std::vector<std::byte> buffer(n);
        const auto got = file->read_over(at, buffer, 0, core::as_bytes(base));
        RC_ASSERT(got.has_value());
        RC_ASSERT(core::as_text(core::ByteView(buffer.data(), *got)) ==
                  (at < model.size() ? model.substr(at, n) : std::string()));
        break;
      }
    }
    RC_ASSERT(file->size() == model.size());
    for (const ByteRange& range : file->layers().clean.ranges()) {
      RC_ASSERT(range.last <= base.size());
      RC_ASSERT(base.substr(range.first, range.size()) == model.substr(range.first, range.size()));
    }
    for (const ByteRange& range : file->layers().missing.ranges()) {
      RC_ASSERT(file->layers().clean.contains(range));
    }
  }
}

}  // namespace
