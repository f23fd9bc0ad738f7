#include "fs/listing.h"

#include <gmock/gmock.h>

#include "core/format.h"
#include "support/results.h"

namespace fs {
namespace {

using core::ErrorKind;
using test::FailsWith;
using test::IsOk;

store::ListPage page_of(const std::vector<std::string>& keys,
                        const std::vector<std::string>& prefixes = {}, bool more = true) {
  store::ListPage page;
  for (const std::string& key : keys) {
    page.objects.push_back({});
    page.objects.back().key = model::ObjectKey(key);
  }
  page.common_prefixes = prefixes;
  page.next_token = more ? "more" : "";
  return page;
}

TEST(ListingWatch, TakesOutWhatWasShownBefore) {
  ListingWatch watch("d/");
  auto first = page_of({"d/a", "d/b"}, {"d/c/"});
  ASSERT_THAT(watch.inspect(first), IsOk());
  EXPECT_EQ(first.objects.size(), 2U);
  auto again = page_of({"d/b", "d/d"}, {"d/c/"}, false);
  ASSERT_THAT(watch.inspect(again), IsOk());
  ASSERT_EQ(again.objects.size(), 1U);
  EXPECT_EQ(again.objects.front().key.text(), "d/d");
  EXPECT_TRUE(again.common_prefixes.empty());
}

TEST(ListingWatch, RefusesWhatLiesElsewhere) {
  for (const auto& keys : {std::vector<std::string>{"e"}, {"d"}, {"d/a", "x/y"}}) {
    ListingWatch watch("d/");
    auto page = page_of(keys);
    EXPECT_THAT(watch.inspect(page), FailsWith(ErrorKind::Protocol));
  }
  for (const std::string common : {"d/", "e/", ""}) {
    ListingWatch watch("d/");
    auto page = page_of({}, {common});
    EXPECT_THAT(watch.inspect(page), FailsWith(ErrorKind::Protocol)) << common;
  }
}

TEST(ListingWatch, EndsAListingThatGoesRound) {
  ListingWatch watch("d/");
  core::Status status;
  int pages = 0;
  while (status && pages < 1000) {
    auto page = page_of({"d/a", "d/b"});
    status = watch.inspect(page);
    ++pages;
  }
  EXPECT_THAT(status, FailsWith(ErrorKind::Protocol));
  EXPECT_LT(pages, 200);
}

TEST(ListingWatch, BearsAFewPagesWithNothingInThem) {
  ListingWatch watch("d/");
  for (int n = 0; n < 50; ++n) {
    auto page = page_of({});
    ASSERT_THAT(watch.inspect(page), IsOk());
  }
  auto last = page_of({"d/a"}, {}, false);
  EXPECT_THAT(watch.inspect(last), IsOk());
}

std::vector<std::string> names_of(const Names& names) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < names.page->size(); ++i) {
    all.emplace_back((*names.page)[i].name);
  }
  return all;
}

TEST(NamesIn, ObjectWaitsForADirectoryThatMayStillCome) {
  std::vector<store::ListedObject> held;
  const Names first = names_in("d/", page_of({"d/a", "d/c", "d/c!"}), held);
  EXPECT_THAT(names_of(first), ::testing::ElementsAre("a"));
  EXPECT_EQ(first.to, std::string("c!") + '\0');
  ASSERT_EQ(held.size(), 2U);
  const Names second = names_in("d/", page_of({"d/d"}, {"d/c/"}, false), held);
  EXPECT_THAT(names_of(second), ::testing::ElementsAre(".stsfs-file.c", "c!", "c", "d"));
  EXPECT_EQ(second.to, std::nullopt);
  EXPECT_THAT(held, ::testing::IsEmpty());
}

TEST(NamesIn, MarkerIsShownForItsContentOnly) {
  std::vector<store::ListedObject> held;
  store::ListPage page = page_of({"d/"}, {}, false);
  EXPECT_THAT(names_of(names_in("d/", page, held)), ::testing::IsEmpty());
  page.objects.front().size = 5;
  EXPECT_THAT(names_of(names_in("d/", page, held)), ::testing::ElementsAre(".stsfs-file."));
}

}  // namespace
}  // namespace fs
