#include "cred/succession.h"

#include <gmock/gmock.h>

#include "cred/planner.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using cred::FetchFailure;
using cred::Lease;
using ::testing::HasSubstr;

const core::SteadyTime kNow{1000h};

Lease lease(const std::string& id, std::optional<core::Duration> left, const char* token = "t") {
  Lease lease;
  lease.credentials = {id, core::Secret("canary"), core::Secret(token)};
  lease.issued = kNow;
  if (left) {
    lease.expires = kNow + *left;
  }
  return lease;
}

TEST(NoNews, IsTheSameLeaseBeforeItsSuccessorIsDue) {
  const Lease held = lease("a", 1h);
  EXPECT_TRUE(cred::no_news(held, held, kNow));
  EXPECT_TRUE(cred::no_news(lease("a", 1h + 1s), held, kNow));  // rounded in another way
  EXPECT_FALSE(cred::no_news(lease("a", 1h + 2s), held, kNow));
  EXPECT_FALSE(cred::no_news(lease("b", 1h), held, kNow));
  EXPECT_FALSE(cred::no_news(lease("a", std::nullopt), held, kNow));
  EXPECT_FALSE(cred::no_news(held, held, cred::successor_due(held)));
  EXPECT_TRUE(cred::no_news(lease("a", std::nullopt), lease("a", std::nullopt), kNow));
  EXPECT_FALSE(cred::no_news(tl::unexpected(FetchFailure{}), held, kNow));
}

TEST(Successor, IsAnotherKeyOrTheSameWithALongerLife) {
  const Lease held = lease("a", 1h);
  const auto succeeds = [&](const Lease& fetched, bool refused) {
    return cred::as_successor(fetched, &held, refused, kNow, "x").has_value();
  };
  EXPECT_TRUE(cred::as_successor(held, nullptr, false, kNow, "x").has_value());
  EXPECT_TRUE(succeeds(lease("b", 1h), true));
  EXPECT_TRUE(succeeds(lease("a", 2h), false));
  EXPECT_TRUE(succeeds(lease("a", std::nullopt), false));
  EXPECT_FALSE(succeeds(lease("a", 2h), true));  // the key itself was refused
  EXPECT_FALSE(succeeds(lease("a", 1h + 1s), false));
  EXPECT_FALSE(succeeds(lease("b", 0s), false));
}

TEST(Successor, SaysWhyThereIsNone) {
  struct Row {
    Lease held;
    Lease fetched;
    FetchFailure::Class failure_class;
    ErrorKind kind;
    const char* words;
  };
  const Lease temporary = lease("a", 1h);
  const Lease keys = lease("a", std::nullopt, "");
  const Lease endless = lease("a", std::nullopt);
  const std::vector<Row> rows = {
      {temporary, lease("b", -1s), FetchFailure::Class::Transient, ErrorKind::Unauthenticated,
       "have expired"},
      {temporary, temporary, FetchFailure::Class::Transient, ErrorKind::Unauthenticated,
       "no newer credentials"},
      {endless, endless, FetchFailure::Class::Permanent, ErrorKind::Unauthenticated,
       "security token of a"},
      {keys, keys, FetchFailure::Class::Permanent, ErrorKind::Denied, "access key a"},
  };
  for (const Row& row : rows) {
    const auto none = cred::as_successor(row.fetched, &row.held, /*refused=*/true, kNow, "a file");
    ASSERT_FALSE(none) << row.words;
    EXPECT_EQ(none.error().kind, row.failure_class) << row.words;
    EXPECT_EQ(none.error().error.kind, row.kind) << row.words;
    EXPECT_THAT(none.error().error.message, HasSubstr(row.words));
    EXPECT_THAT(none.error().error.message, HasSubstr("a file"));
  }
}

}  // namespace
