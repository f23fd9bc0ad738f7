#include "cache/key_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "model/names.h"
#include "support/fake_clock.h"

namespace {

using cache::KeyIndex;
using cache::KeySpan;
using cache::ListedName;
using cache::ListedPage;
using Kind = KeyIndex::Answer::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

/// A page of what these keys (behind a directory's) are: "a", "d/"; in order.
KeyIndex::Page page_of(const std::vector<std::string>& keys) {
  std::vector<ListedName> rows;
  std::vector<std::string> names(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ListedName row;
    row.component = keys[i];
    row.directory = keys[i].ends_with('/');
    if (row.directory) {
      row.component.remove_suffix(1);
    }
    names[i] = model::file_name({std::string(row.component), false});
    row.name = names[i];
    row.etag = "etag";
    row.size = i;
    rows.push_back(row);
  }
  return std::make_shared<const ListedPage>(rows);
}

class Index : public ::testing::Test {
 protected:
  Kind kind(const std::string& directory, const std::string& name) {
    return index_.find(directory, name).kind;
  }
  void list(const std::string& directory, const std::vector<std::string>& keys, KeySpan span = {}) {
    index_.add_page(directory, page_of(keys), std::move(span), index_.ticket(),
                    clock_.steady_now());
  }
  std::vector<std::string> listed(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& page : index_.listing(directory).pages) {
      for (std::size_t i = 0; i < page->size(); ++i) {
        names.emplace_back((*page)[i].name);
      }
    }
    return names;
  }
  test::FakeClock clock_;
  KeyIndex index_{clock_, 10s, std::size_t{1} << 30U};
};

TEST_F(Index, ForgetsAfterItsLifetime) {
  list("d/", {"a"});
  index_.add_absent("e/", "x", index_.ticket());
  clock_.advance(9s);
  EXPECT_EQ(kind("d/", "a"), Kind::Listed);
  EXPECT_EQ(index_.find("d/", "a").row.name, "a");
  EXPECT_EQ(index_.find("d/", "a").row.etag, "etag");
  EXPECT_EQ(kind("d/", "b"), Kind::Absent) << "the listing was complete";
  EXPECT_EQ(kind("e/", "x"), Kind::Absent);
  EXPECT_EQ(kind("e/", "y"), Kind::Unknown);
  EXPECT_TRUE(index_.listing("d/").known);
  clock_.advance(1s);
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/", "b"), Kind::Unknown);
  EXPECT_EQ(kind("e/", "x"), Kind::Unknown);
  EXPECT_FALSE(index_.listing("d/").known);
}

TEST_F(Index, KnowsNamesBetweenTheKeysOfAListing) {
  list("d/", {"b", "d/"}, {"b", "e"});
  EXPECT_EQ(kind("d/", "b"), Kind::Listed);
  EXPECT_EQ(kind("d/", "d"), Kind::Listed);
  EXPECT_TRUE(index_.find("d/", "d").row.directory);
  EXPECT_EQ(kind("d/", "c"), Kind::Absent);
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/", "e"), Kind::Unknown);
  EXPECT_FALSE(index_.listing("d/").known);
  list("d/", {}, {"", "b"});
  EXPECT_EQ(kind("d/", "a"), Kind::Absent);
  list("d/", {"f"}, {"e", {}});
  EXPECT_EQ(kind("d/", "e"), Kind::Absent);
  EXPECT_THAT(listed("d/"), ElementsAre("b", "d", "f"));
}

TEST_F(Index, AbsentIsOnlyWhatNeitherAnObjectNorADirectoryCanBe) {
  list("d/", {}, {"a", "a."});  // "a" lies in there, "a/" does not
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  list("d/", {}, {"a.", "a0"});
  EXPECT_EQ(kind("d/", "a"), Kind::Absent);
}

TEST_F(Index, LaterListingTakesThePlaceOfWhatItOverlaps) {
  list("d/", {"a", "c", "e", "g"});
  list("d/", {"d"}, {"c", "f"});
  EXPECT_THAT(listed("d/"), ElementsAre("a", "d", "g"));
  EXPECT_EQ(kind("d/", "c"), Kind::Absent);
  EXPECT_EQ(kind("d/", "e"), Kind::Absent);
  EXPECT_EQ(kind("d/", "g"), Kind::Listed);
}

TEST_F(Index, ChangeConcernsItsNameOnly) {
  list("d/", {"a", "b"});
  index_.changed("d/", "a");
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/", "b"), Kind::Listed);
  EXPECT_EQ(kind("d/", "c"), Kind::Absent);
  EXPECT_FALSE(index_.listing("d/").known);
  index_.changed("d/", "c");
  EXPECT_EQ(kind("d/", "c"), Kind::Unknown) << "made by us since the listing";
}

TEST_F(Index, WhatWeRemovedIsNoHoleInWhatIsKnown) {
  list("d/", {"a", "b", "c/"});
  index_.changed("d/", "b");
  index_.add_absent("d/", "b", index_.ticket());
  EXPECT_THAT(listed("d/"), ElementsAre("a", "c"));
  index_.changed("d/", "c");
  index_.add_absent("d/", "c", index_.ticket());
  EXPECT_THAT(listed("d/"), ElementsAre("a"));
  EXPECT_EQ(kind("d/", "b"), Kind::Absent);
}

TEST_F(Index, AnswersAskedForBeforeAChangeSayNothingOfIt) {
  const auto early = index_.ticket();
  index_.changed("d/", "a");
  index_.add_absent("d/", "a", early);
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  index_.add_page("d/", page_of({"b"}), {}, early, clock_.steady_now());
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/", "b"), Kind::Listed) << "which nobody changed";
  index_.add_absent("d/", "a", index_.ticket());
  EXPECT_EQ(kind("d/", "a"), Kind::Absent);
  index_.changed("d/", "a");
  list("d/", {"a", "b"});
  EXPECT_EQ(kind("d/", "a"), Kind::Listed);
}

TEST_F(Index, LateAnswersAreDroppedEvenForDirectoriesThatWereForgotten) {
  const auto early = index_.ticket();
  index_.changed("new/", "a");
  clock_.advance(20s);
  list("other/", {});  // sweeps
  index_.add_absent("new/", "a", early);
  EXPECT_EQ(kind("new/", "a"), Kind::Unknown);
}

TEST_F(Index, TreeChangesForgetEverythingBelow) {
  list("d/", {"a"});
  list("d/e/", {"b"});
  list("dx/", {"c"});
  const auto early = index_.ticket();
  index_.changed_tree("d/");
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/e/", "b"), Kind::Unknown);
  EXPECT_EQ(kind("dx/", "c"), Kind::Listed);
  index_.add_absent("d/e/", "z", early);
  EXPECT_EQ(kind("d/e/", "z"), Kind::Unknown);
}

TEST_F(Index, FindsNamesThatKeysDoNotTell) {
  const std::string long_component(300, 'x');
  list("d/", {"a\x01\xFFz", "b//", long_component});
  for (const std::string& component : {std::string("a\x01\xFFz"), long_component}) {
    const auto answer = index_.find("d/", model::file_name({component, false}));
    EXPECT_EQ(answer.kind, Kind::Listed) << component;
    EXPECT_EQ(answer.row.component, component);
  }
}

TEST_F(Index, NothingIsRememberedWithoutALifetime) {
  KeyIndex none(clock_, 0s, std::size_t{1} << 30U);
  none.add_absent("d/", "a", none.ticket());
  EXPECT_EQ(none.find("d/", "a").kind, Kind::Unknown);
  EXPECT_EQ(none.bytes(), 0U);
}

TEST_F(Index, IsBoundedAndForgetsTheOldestFirst) {
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    keys.push_back("name-" + std::to_string(1000 + i));
  }
  KeyIndex small(clock_, 1h, 20'000);
  for (int i = 0; i < 50; ++i) {
    clock_.advance(1s);
    small.add_page(std::to_string(i) + '/', page_of(keys), {}, small.ticket(), clock_.steady_now());
    EXPECT_LE(small.bytes(), 20'000U + page_of(keys)->bytes() + 1000);
    EXPECT_EQ(small.find(std::to_string(i) + '/', "name-1000").kind, Kind::Listed);
  }
  EXPECT_EQ(small.find("0/", "name-1000").kind, Kind::Unknown);
}

TEST_F(Index, IsBoundedWhereNothingButChangesCome) {
  KeyIndex small(clock_, 1h, 100'000);
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    clock_.advance(1ms);
    small.changed(std::to_string(i / 10) + '/', "name-" + std::to_string(i));
    most = std::max(most, small.bytes());
  }
  EXPECT_LE(most, 101'000U);
  EXPECT_GE(most, 50'000U);
}

TEST_F(Index, GivesBackWhatItForgot) {
  list("d/", {"a", "b", "c"});
  list("d/", {"b"}, {"b", "c"});
  index_.changed("d/", "a");
  index_.add_absent("d/", "a", index_.ticket());
  EXPECT_TRUE(index_.listing("d/").known);
  const std::size_t before = index_.bytes();
  index_.changed_tree("");
  EXPECT_EQ(index_.bytes(), before) << "it goes with who may take his time";
  list("x/", {"y"});
  EXPECT_LT(index_.bytes(), before);
}

/// Whatever is listed, changed, removed and made in whatever order, all by us: the index knows it
/// or says that it does not.
TEST_F(Index, NeverSaysWhatIsNot) {
  std::mt19937 random(7);
  const auto pick = [&random](std::size_t n) { return random() % n; };
  const std::vector<std::string> all = {"a", "a!", "a!/", "a/", "b", "b-", "b/", "c/", "c0", "d"};
  const std::vector<std::string> names = {"a", "a!", "b", "b-", "c", "c0", "d", "e"};
  std::set<std::string> truth;
  for (int step = 0; step < 30'000; ++step) {
    switch (pick(4)) {
      case 0: {  // a part is listed
        KeySpan span{pick(2) == 0 ? "" : all[pick(all.size())], {}};
        if (pick(2) == 0) {
          span.to = all[pick(all.size())] + (pick(2) == 0 ? "" : std::string(1, '\0'));
        }
        if (span.to && *span.to <= span.from) {
          break;
        }
        std::vector<std::string> rows;
        std::copy_if(truth.begin(), truth.end(), std::back_inserter(rows),
                     [&](const std::string& key) {
                       return key >= span.from && (!span.to || key < *span.to);
                     });
        list("d/", rows, span);
        break;
      }
      case 1: {  // a name is removed
        const std::string& name = names[pick(names.size())];
        truth.erase(name);
        truth.erase(name + '/');
        index_.changed("d/", name);
        if (pick(2) == 0) {
          index_.add_absent("d/", name, index_.ticket());
        }
        break;
      }
      case 2: {  // or made
        const std::string& key = all[pick(all.size())];
        const std::string name = key.ends_with('/') ? key.substr(0, key.size() - 1) : key;
        if (!truth.contains(name) && !truth.contains(name + '/')) {
          truth.insert(key);
          index_.changed("d/", name);
        }
        break;
      }
      default:
        clock_.advance(1s);
    }
    for (const std::string& name : names) {
      const auto answer = index_.find("d/", name);
      const bool is_directory = truth.contains(name + '/');
      if (answer.kind == Kind::Listed) {
        ASSERT_EQ(answer.row.directory, is_directory) << name << " at " << step;
        ASSERT_TRUE(is_directory || truth.contains(name)) << name << " at " << step;
      } else if (answer.kind == Kind::Absent) {
        ASSERT_FALSE(is_directory || truth.contains(name)) << name << " at " << step;
      }
    }
    if (index_.is_complete("d/")) {
      std::vector<std::string> there;
      for (const std::string& key : truth) {
        there.push_back(key.ends_with('/') ? key.substr(0, key.size() - 1) : key);
      }
      ASSERT_EQ(listed("d/"), there) << step;
    }
  }
}

}  // namespace
