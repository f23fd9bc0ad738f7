#include "store/keeping.h"

#include <gmock/gmock.h>

#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/results.h"

namespace store {
namespace {

using core::ErrorKind;
using test::FailsWith;
using test::Op;

class KeepingTest : public ::testing::Test {
 protected:
  /// An object with all there is, and what a look at it tells.
  ObjectSettings look() {
    ObjectAttributes attributes;
    attributes.settings.emplace();
    attributes.settings->storage_class = "IA";
    attributes.settings->acl = Acl{{"object-acl", "private"}};
    attributes.settings->tags = Tags{{"a", "1"}};
    bucket_.set("k", "x", attributes);
    return bucket_.head(context_, model::ObjectKey("k"))->settings;
  }
  core::Result<ObjectSettings> complete(const std::optional<ObjectSettings>& given,
                                        Carried carried = Carried::All) {
    return keeping_.complete(bucket_, context_, given, carried);
  }
  void refuse(Op op, ErrorKind kind) {
    test::Rule rule;
    rule.op = op;
    rule.times = 0;
    bucket_.fail(rule, core::fail(kind, "no"));
  }
  static ObjectSettings for_new() {
    ObjectSettings settings;
    settings.storage_class = "Archive";
    return settings;
  }

  test::FakeClock clock_;
  test::FakeStore bucket_{clock_};
  core::OpContext context_;
  Keeping keeping_{for_new()};
};

TEST_F(KeepingTest, NewObjectsAskNobody) {
  const auto settings = complete({});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->storage_class, "Archive");
  EXPECT_EQ(settings->acl, Acl{});
  EXPECT_EQ(settings->tags, Tags{});
  EXPECT_EQ(bucket_.requests(), 0U);
}

TEST_F(KeepingTest, AsksForWhatALookDoesNotTellOnce) {
  const auto settings = complete(look());
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->storage_class, "IA");
  EXPECT_EQ(settings->acl, (Acl{{"object-acl", "private"}}));
  EXPECT_EQ(settings->tags, (Tags{{"a", "1"}}));
  bucket_.reset_counts();
  EXPECT_EQ(complete(*settings).value(), *settings);
  EXPECT_EQ(bucket_.requests(), 0U);
}

TEST_F(KeepingTest, ACopyBringsItsTags) {
  refuse(Op::GetTags, ErrorKind::Denied);
  const auto settings = complete(look(), Carried::WithoutTags);
  ASSERT_TRUE(settings);
  EXPECT_FALSE(settings->tags);
  EXPECT_EQ(bucket_.count(Op::GetTags), 0U);
}

TEST_F(KeepingTest, AnAclThatMayNotBeReadIsTheBuckets) {
  refuse(Op::GetAcl, ErrorKind::Denied);
  const auto settings = complete(look());
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->acl, Acl{});
}

TEST_F(KeepingTest, TagsThatMayNotBeReadAreNotLost) {
  refuse(Op::GetTags, ErrorKind::Denied);
  const auto refused = complete(look());
  ASSERT_THAT(refused, FailsWith(ErrorKind::Denied));
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("tags"));
}

TEST_F(KeepingTest, WhatHasGoneHasNothingToKeep) {
  const ObjectSettings told = look();
  bucket_.erase("k");
  const auto settings = complete(told);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->acl, Acl{});
  EXPECT_EQ(settings->tags, Tags{});
}

TEST_F(KeepingTest, TroubleIsTrouble) {
  refuse(Op::GetAcl, ErrorKind::Unavailable);
  EXPECT_THAT(complete(look()), FailsWith(ErrorKind::Unavailable));
}

}  // namespace
}  // namespace store
