// What is remembered of objects takes no more than it may.
#include "fs/learnt.h"

#include <gmock/gmock.h>

#include <string>

#include "core/format.h"
#include "support/fake_clock.h"

namespace fs_test {
namespace {

using namespace std::chrono_literals;
using fs::Found;
using fs::Learnt;

class LearntTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kMost = 1 << 20;

  void add(const std::string& key, std::size_t metadata_bytes = 0) {
    add(key, metadata_bytes, learnt_.ticket());
  }

  void add(const std::string& key, std::size_t metadata_bytes, Learnt::Ticket ticket) {
    auto found = std::make_shared<Found>();
    found->component = {key, false};
    found->meta.emplace();
    found->meta->etag = model::ETag("0123456789abcdef0123456789abcdef");
    if (metadata_bytes > 0) {
      found->meta->user["note"] = std::string(metadata_bytes, 'x');
    }
    learnt_.add(key, std::move(found), clock_.steady_now(), ticket);
  }

  test::FakeClock clock_;
  Learnt learnt_{clock_, 1h, nullptr, kMost};
};

TEST_F(LearntTest, IsBoundedWhateverTheObjectsWeigh) {
  for (const std::size_t weight : {0U, 100U, 8000U}) {
    for (int i = 0; i < 5000; ++i) {
      const std::string key = core::format("{}/a-key-of-some-length-{}", weight, i);
      add(key, weight);
      ASSERT_LE(learnt_.bytes(), kMost);
      ASSERT_TRUE(learnt_.fresh(key)) << "the last is known";
    }
    EXPECT_GT(learnt_.bytes(), kMost / 4) << "and not for nothing";
  }
}

TEST_F(LearntTest, NumbersAreBoundedToo) {
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = core::format("a-key-of-some-length-{}", i);
    const model::ETag etag("0123456789abcdef0123456789abcdef");
    learnt_.remember(key, etag, 1000U + static_cast<unsigned>(i), nullptr);
    ASSERT_LE(learnt_.bytes(), kMost);
    ASSERT_EQ(learnt_.number(key, etag), 1000U + static_cast<unsigned>(i));
  }
}

TEST_F(LearntTest, CountsWhatIsForgottenAndReplaced) {
  add("a/one", 1000);
  add("a/one", 10);
  add("b/two", 1000);
  learnt_.remember("b/two", model::ETag("e"), 77, nullptr);
  learnt_.changed("a/one");
  EXPECT_GT(learnt_.bytes(), 1000U);
  learnt_.changed_tree("b/");
  EXPECT_EQ(learnt_.bytes(), 0U);
}

TEST_F(LearntTest, AnswersToQuestionsFromBeforeAChangeAreForgottenWhereItWas) {
  const Learnt::Ticket before = learnt_.ticket();
  learnt_.changed("a/one");
  learnt_.changed_tree("b/c/");
  for (const char* key : {"a/one", "a/two", "b/c/", "b/c/d/three", "b/cd", "b/"}) {
    add(key, 0, before);
  }
  EXPECT_FALSE(learnt_.fresh("a/one"));
  EXPECT_TRUE(learnt_.fresh("a/two"));
  EXPECT_FALSE(learnt_.fresh("b/c/"));
  EXPECT_FALSE(learnt_.fresh("b/c/d/three"));
  EXPECT_TRUE(learnt_.fresh("b/cd"));
  EXPECT_TRUE(learnt_.fresh("b/"));
  add("b/c/d/three");
  EXPECT_TRUE(learnt_.fresh("b/c/d/three"));
}

}  // namespace
}  // namespace fs_test
