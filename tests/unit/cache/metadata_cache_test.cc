#include "cache/metadata_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace {

using cache::ListedName;
using cache::MetadataCache;
using Kind = MetadataCache::Answer::Kind;
using namespace std::chrono_literals;

std::shared_ptr<const MetadataCache::Page> names(std::initializer_list<const char*> all) {
  auto listing = std::make_shared<MetadataCache::Page>();
  for (const char* name : all) {
    ListedName row;
    row.name = name;
    listing->push_back(row);
  }
  return listing;
}

class Metadata : public ::testing::Test {
 protected:
  Kind kind(const std::string& directory, const std::string& name) {
    return cache_.find(directory, name).kind;
  }
  void list(const std::string& directory, std::initializer_list<const char*> all) {
    const auto listing = names(all);
    const auto ticket = cache_.ticket();
    cache_.add_page(directory, listing, ticket);
    cache_.add_listing(directory, {listing}, ticket, clock_.steady_now());
  }
  test::FakeClock clock_;
  MetadataCache cache_{clock_, 10s};
};

TEST_F(Metadata, ForgetsAfterItsLifetime) {
  list("d/", {"a"});
  cache_.add_absent("e/", "x", cache_.ticket());
  clock_.advance(9s);
  EXPECT_EQ(kind("d/", "a"), Kind::Listed);
  EXPECT_EQ(cache_.find("d/", "a").listed->name, "a");
  EXPECT_EQ(kind("d/", "b"), Kind::Absent) << "the listing was complete";
  EXPECT_EQ(kind("e/", "x"), Kind::Absent);
  EXPECT_EQ(kind("e/", "y"), Kind::Unknown);
  EXPECT_TRUE(cache_.listing("d/").known);
  clock_.advance(1s);
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/", "b"), Kind::Unknown);
  EXPECT_EQ(kind("e/", "x"), Kind::Unknown);
  EXPECT_FALSE(cache_.listing("d/").known);
}

TEST_F(Metadata, ChangeConcernsTheNameAndTheListingOnly) {
  list("d/", {"a", "b"});
  cache_.changed("d/", "a");
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/", "b"), Kind::Listed);
  EXPECT_EQ(kind("d/", "c"), Kind::Absent);
  EXPECT_FALSE(cache_.listing("d/").known);
  cache_.changed("d/", "c");
  EXPECT_EQ(kind("d/", "c"), Kind::Unknown) << "made by us since the listing";
}

TEST_F(Metadata, AnswersAskedForBeforeAChangeAreDropped) {
  list("d/", {"b"});
  const auto early = cache_.ticket();
  cache_.changed("d/", "a");
  cache_.add_absent("d/", "a", early);
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  cache_.add_listing("d/", {names({})}, early, clock_.steady_now());
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  cache_.add_absent("d/", "a", cache_.ticket());
  EXPECT_EQ(kind("d/", "a"), Kind::Absent);
}

TEST_F(Metadata, LateAnswersAreDroppedEvenForDirectoriesThatWereForgotten) {
  const auto early = cache_.ticket();
  cache_.changed("new/", "a");
  cache_.add_absent("new/", "a", early);
  EXPECT_EQ(kind("new/", "a"), Kind::Unknown);
}

TEST_F(Metadata, TreeChangesForgetEverythingBelow) {
  list("d/", {"a"});
  list("d/e/", {"b"});
  list("dx/", {"c"});
  const auto early = cache_.ticket();
  cache_.changed_tree("d/");
  EXPECT_EQ(kind("d/", "a"), Kind::Unknown);
  EXPECT_EQ(kind("d/e/", "b"), Kind::Unknown);
  EXPECT_EQ(kind("dx/", "c"), Kind::Listed);
  cache_.add_absent("d/e/", "z", early);
  EXPECT_EQ(kind("d/e/", "z"), Kind::Unknown);
}

TEST_F(Metadata, NothingIsRememberedWithoutALifetime) {
  MetadataCache none(clock_, 0s);
  none.add_absent("d/", "a", none.ticket());
  EXPECT_EQ(none.find("d/", "a").kind, Kind::Unknown);
}

TEST_F(Metadata, IsBounded) {
  MetadataCache small(clock_, 10s, 2);
  small.add_page("d/", names({"a", "b"}), small.ticket());
  EXPECT_EQ(small.find("d/", "a").kind, Kind::Listed);
  small.add_page("e/", names({"c"}), small.ticket());
  EXPECT_EQ(small.find("d/", "a").kind, Kind::Unknown);
  EXPECT_EQ(small.find("e/", "c").kind, Kind::Listed);
}

}  // namespace
