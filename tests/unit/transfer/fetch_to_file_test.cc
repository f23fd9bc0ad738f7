#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "support/results.h"
#include "unit/transfer/downloads_fixture.h"

namespace {

using core::ErrorKind;
using test::FailsWith;
using test::kMiB;
using test::noise;
using test::Op;

class FetchTest : public test::DownloadsTest {
 protected:
  FetchTest() : file_(std::tmpfile()) {}
  ~FetchTest() override { std::fclose(file_); }
  [[nodiscard]] int fd() const { return ::fileno(file_); }
  [[nodiscard]] std::string fetched(std::size_t size) const {
    std::string text(size + 1, 'x');
    const auto n = ::pread(fd(), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(n));
    return text;
  }
  std::FILE* file_;
};

TEST_F(FetchTest, BringsTheWholeVersionSideBySide) {
  const std::string content = noise(20 * kMiB + 7);
  store_.set("a", content);
  ASSERT_TRUE(downloads().fetch({}, store_.version("a"), fd()));
  EXPECT_TRUE(fetched(content.size()) == content);
  EXPECT_EQ(store_.count(Op::Read), 3);
  EXPECT_EQ(downloads_->cached_bytes(), 0);
  store_.set("empty", "");
  EXPECT_TRUE(downloads_->fetch({}, store_.version("empty"), fd()));
}

TEST_F(FetchTest, TellsWhatWentWrong) {
  store_.set("a", noise(20 * kMiB));
  test::Rule rule;
  rule.op = Op::Read;
  rule.offset = 8 * kMiB;
  rule.after_bytes = kMiB;
  store_.before(rule, [&] { store_.set("a", noise(20 * kMiB, 2)); });
  store_.fail(rule, core::fail(ErrorKind::Changed, "replaced"));
  const auto status = downloads().fetch({}, store_.version("a"), fd());
  ASSERT_THAT(status, FailsWith(ErrorKind::Changed));
}

TEST_F(FetchTest, ADamagedPieceIsCorrupt) {
  store_.set("a", noise(20 * kMiB));
  test::Rule rule;
  rule.op = Op::Read;
  rule.offset = 16 * kMiB;
  rule.after_bytes = 100;
  store_.corrupt(rule);
  const auto status = downloads().fetch({}, store_.version("a"), fd());
  ASSERT_THAT(status, FailsWith(ErrorKind::Corrupt));
}

TEST_F(FetchTest, AStopEndsIt) {
  store_.set("a", noise(20 * kMiB));
  downloads();
  test::Rule rule;
  rule.op = Op::Read;
  rule.times = 0;
  auto held = store_.hold(rule);
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  std::thread stopper([&] {
    held.await(3);
    stop.request_stop();
  });
  const auto status = downloads_->fetch(context, store_.version("a"), fd());
  stopper.join();
  ASSERT_THAT(status, FailsWith(ErrorKind::Cancelled));
}

}  // namespace
