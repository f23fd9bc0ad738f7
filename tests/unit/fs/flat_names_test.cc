#include "fs/flat_names.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <set>

#include "core/format.h"
#include "fixture.h"
#include "fs/walks.h"

namespace fs {
namespace {

using namespace std::chrono_literals;
using Keys = std::vector<std::string>;

store::ListPage page_of(const Keys& keys, bool more) {
  store::ListPage page;
  for (const std::string& key : keys) {
    page.objects.emplace_back().key = model::ObjectKey(key);
    page.objects.back().size = 1;
  }
  page.next_token = more ? "more" : "";
  return page;
}

class Flat : public ::testing::Test {
 protected:
  /// The keys of a directory's names, if all are known.
  std::optional<Keys> known(const std::string& directory) {
    const auto all = index_.listing(directory);
    if (!all.known) {
      return std::nullopt;
    }
    Keys keys;
    for (const auto& page : all.pages) {
      for (std::size_t i = 0; i < page->size(); ++i) {
        keys.push_back((*page)[i].key());
      }
    }
    return keys;
  }
  test::FakeClock clock_;
  cache::KeyIndex index_{clock_, 10s, std::size_t{1} << 30U};
};

TEST_F(Flat, EveryDirectoryThatWasPassedIsComplete) {
  FlatNames names(index_, "p/", "");
  names.add(page_of({"p/a/", "p/a/1", "p/a/x/y", "p/b"}, true), {clock_.steady_now(), 0});
  EXPECT_EQ(known("p/a/"), (Keys{"", "1", "x/"})) << "its marker has content";
  EXPECT_EQ(known("p/a/x/"), Keys{"y"});
  EXPECT_FALSE(known("p/"));
  EXPECT_TRUE(names.has_passed("p/a/"));
  EXPECT_FALSE(names.has_passed("p/c/"));
  names.add(page_of({"p/c/1"}, true), {clock_.steady_now(), 0});
  EXPECT_FALSE(names.has_passed("p/c/"));
  EXPECT_FALSE(known("p/c/"));
  names.add(page_of({"p/c/2"}, false), {clock_.steady_now(), 0});
  EXPECT_EQ(known("p/c/"), (Keys{"1", "2"}));
  EXPECT_EQ(known("p/"), (Keys{"a/", "b", "c/"}));
}

TEST_F(Flat, BeginsInTheMiddle) {
  FlatNames names(index_, "p/", "p/b.\xf4\x8f\xbf\xbf");
  names.add(page_of({"p/b/1", "p/c/1"}, false), {clock_.steady_now(), 0});
  EXPECT_EQ(known("p/b/"), Keys{"1"});
  EXPECT_EQ(known("p/c/"), Keys{"1"});
  EXPECT_FALSE(known("p/"));
  EXPECT_EQ(index_.find("p/", "a").kind, cache::KeyIndex::Answer::Kind::Unknown);
  EXPECT_EQ(index_.find("p/", "d").kind, cache::KeyIndex::Answer::Kind::Absent);
}

TEST_F(Flat, KnowsNoMoreThanWasTold) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> keys;
    for (std::size_t i = random() % 60; i > 0; --i) {
      std::string key = "p/";
      for (std::size_t n = 1 + random() % 6; n > 0; --n) {
        key += "a/b-0/"[random() % 6];
      }
      keys.insert(key);
    }
    // What listing each directory for itself would show.
    std::map<std::string, std::set<std::string>> truth{{"p/", {}}};
    for (const std::string& key : keys) {
      for (auto slash = key.find('/'); slash != std::string::npos;
           slash = key.find('/', slash + 1)) {
        const std::string directory = key.substr(0, slash + 1);
        const auto next = key.find('/', slash + 1);
        truth[directory].insert(
            key.substr(slash + 1, next == std::string::npos ? std::string::npos : next - slash));
      }
    }
    cache::KeyIndex index(clock_, 10s, std::size_t{1} << 30U);
    FlatNames names(index, "p/", "");
    Keys left(keys.begin(), keys.end());
    do {
      const std::size_t count = std::min<std::size_t>(left.size(), 1 + random() % 10);
      const Keys some(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(count));
      left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(count));
      names.add(page_of(some, !left.empty()), {clock_.steady_now(), 0});
    } while (!left.empty());
    for (const auto& [directory, rows] : truth) {
      const auto all = index.listing(directory);
      ASSERT_TRUE(all.known) << directory;
      std::set<std::string> found;
      for (const auto& page : all.pages) {
        for (std::size_t i = 0; i < page->size(); ++i) {
          found.insert((*page)[i].key());
        }
      }
      EXPECT_EQ(found, rows) << directory << " in round " << round;
    }
  }
}

TEST(WalkRule, BeginsWithTheSecondOfTwoSiblingsInOrder) {
  WalkRule rule;
  core::SteadyTime now{};
  EXPECT_FALSE(rule.listing("p/", now));
  EXPECT_FALSE(rule.listing("p/a/", now));
  EXPECT_FALSE(rule.listing("p/a/x/", now));
  EXPECT_TRUE(rule.listing("p/b/", now));
  EXPECT_TRUE(rule.listing("p/a/y/", now));
  EXPECT_FALSE(rule.listing("p/a/", now)) << "backwards";
  now += 10s;
  EXPECT_FALSE(rule.listing("p/c/", now)) << "long ago";
}

}  // namespace
}  // namespace fs

namespace fs_test {
namespace {

class WalksTest : public FileSystemTest {
 protected:
  /// 40 directories of 30 objects each, and one directory in each.
  void SetUp() override {
    FileSystemTest::SetUp();
    for (int d = 0; d < 40; ++d) {
      for (int i = 0; i < 30; ++i) {
        store_.set(core::format("p/tree/{:02}/{:02}", d, i), "x");
      }
      store_.set(core::format("p/tree/{:02}/sub/leaf", d), "x");
    }
    clock_.advance(3s);
  }
  /// As `find` goes: everything below, depth first. The number of names.
  std::size_t walk(const std::string& path) {
    std::size_t count = 0;
    const auto names = list(path);
    EXPECT_THAT(names, IsOk());
    for (const auto& [name, entry] : *names) {
      ++count;
      if (S_ISDIR(entry.mode)) {
        count += walk(path + "/" + name);
      }
    }
    return count;
  }
};

TEST_F(WalksTest, TreeIsListedByTheThousandNames) {
  EXPECT_EQ(walk("tree"), 40U * 33);
  EXPECT_LE(store_.count(Op::List), 10U) << "and not one for each of 81 directories";
}

TEST_F(WalksTest, WhatSomebodyElseMakesIsSeenWhenTheLifetimeIsOver) {
  EXPECT_EQ(walk("tree"), 40U * 33);
  store_.set("p/tree/20/new", "x");
  clock_.advance(2s);
  EXPECT_EQ(walk("tree"), 40U * 33 + 1);
}

TEST_F(WalksTest, WhatWeChangeMeanwhileIsSeenAtOnce) {
  ASSERT_THAT(list("tree/00"), IsOk());
  ASSERT_THAT(list("tree/01"), IsOk());
  ASSERT_THAT(unlink("tree/10/05"), IsOk());
  ASSERT_THAT(put("tree/10/own", "x"), IsOk());
  for (const char* path : {"tree/02", "tree/03"}) {
    ASSERT_THAT(list(path), IsOk());
  }
  const auto names = list("tree/10");
  ASSERT_THAT(names, IsOk());
  EXPECT_FALSE(names->contains("05"));
  EXPECT_TRUE(names->contains("own"));
  EXPECT_EQ(names->size(), 31U);
}

TEST_F(WalksTest, GivesUpWhereTheNextDirectoryIsFar) {
  for (int i = 0; i < 12'000; ++i) {
    store_.set(core::format("p/tree/05/deep/{:05}", i), "x");
  }
  clock_.advance(3s);
  ASSERT_THAT(list("tree"), IsOk());
  store_.reset_counts();
  for (int d = 0; d < 10; ++d) {  // looks at no subdirectory
    EXPECT_THAT(list(core::format("tree/{:02}", d)), IsOk());
  }
  EXPECT_LE(store_.count(Op::List), 32U) << "10 of them, and what the walk took in vain";
}

}  // namespace
}  // namespace fs_test
