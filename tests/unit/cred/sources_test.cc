#include "cred/chain.h"
#include "cred/dialect.h"
#include "cred/failure.h"
#include "cred/static_source.h"
#include "support/fake_sts.h"
#include "unit/cred/source_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using cred::FetchFailure;
using test::FailedAs;
using test::kNotConfigured;
using test::kPermanent;
using test::kTransient;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

sign::Credentials keys(std::string id, std::string secret, std::string token = {}) {
  return {std::move(id), core::Secret(std::move(secret)), core::Secret(std::move(token))};
}

// --- environment -----------------------------------------------------------------------------

class EnvironmentTest : public ::testing::Test {
 protected:
  cred::Fetched fetch(sign::Credentials general, sign::Credentials oss = {}) {
    cred::EnvironmentValues values;
    values[0] = std::move(general);
    values[1] = std::move(oss);
    return fetch(cred::Dialect::Rpc, std::move(values));
  }
  cred::Fetched fetch(cred::Dialect dialect, cred::EnvironmentValues values) {
    return cred::EnvironmentSource(std::move(values), cred::traits_of(dialect).environment, clock_)
        .fetch({});
  }
  test::FakeClock clock_;
};

TEST_F(EnvironmentTest, PrefersTheGeneralVariables) {
  EXPECT_EQ(fetch(keys("a", "s"), keys("b", "s"))->credentials.access_key_id, "a");
  const auto oss = fetch({}, keys("b", "s", "t"));
  ASSERT_TRUE(oss);
  EXPECT_EQ(oss->credentials.access_key_id, "b");
  EXPECT_TRUE(oss->credentials.temporary());
  EXPECT_FALSE(oss->expires);
}

TEST_F(EnvironmentTest, MovesOnWhereNothingIsSetAndRefusesHalfAPair) {
  EXPECT_THAT(fetch({}), FailedAs(kNotConfigured));
  const auto half = fetch(keys("LTAIx", ""), keys("b", "s"));
  ASSERT_THAT(half, FailedAs(kPermanent));
  EXPECT_THAT(half.error().error.message,
              HasSubstr("ALIBABA_CLOUD_ACCESS_KEY_ID is set but ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
}

TEST_F(EnvironmentTest, KnowsTheNamesOfOtherTools) {
  for (std::size_t row = 0; row < cred::kEnvironmentNames.size(); ++row) {
    cred::EnvironmentValues values;
    values[row] = keys("id", "s");
    const bool aws_only = row == cred::kAwsNames;
    EXPECT_EQ(static_cast<bool>(fetch(cred::Dialect::Rpc, values)), !aws_only);
    EXPECT_EQ(static_cast<bool>(fetch(cred::Dialect::Acs3, values)), !aws_only);
    EXPECT_TRUE(fetch(cred::Dialect::Aws, values));
    values[0] = keys("general", "s");
    EXPECT_EQ(fetch(cred::Dialect::Aws, values)->credentials.access_key_id,
              aws_only ? "id" : "general");
  }
}

TEST(Anonymous, IsALeaseOfNothingForEver) {
  test::FakeClock clock;
  const auto lease = cred::AnonymousSource(clock).fetch({});
  ASSERT_TRUE(lease);
  EXPECT_TRUE(lease->credentials.anonymous());
  EXPECT_FALSE(lease->expires);
}

TEST_F(EnvironmentTest, RefusesALineBreakWithoutShowingTheValue) {
  for (const auto& bad : {keys("canary\n", "s"), keys("a", "canary\r"), keys("a", "s", "canary\n"),
                          keys(std::string(300, 'c'), "s")}) {
    const auto fetched = fetch(bad);
    ASSERT_THAT(fetched, FailedAs(kPermanent));
    EXPECT_THAT(fetched.error().error.message, Not(HasSubstr("canary")));
  }
}

// --- chain -----------------------------------------------------------------------------------

/// A source that says what it is told, and counts.
class Puppet final : public cred::CredentialSource {
 public:
  Puppet(std::string name, int& asked, std::optional<FetchFailure::Class>& fails)
      : name_(std::move(name)), asked_(asked), fails_(fails) {}
  cred::Fetched fetch(const core::OpContext& /*context*/) override {
    ++asked_;
    if (fails_) {
      return tl::unexpected(
          FetchFailure{*fails_, core::fail(ErrorKind::Unauthenticated, name_ + " has none"), {}});
    }
    return cred::Lease{keys(name_, "s"), std::nullopt, {}};
  }
  [[nodiscard]] std::string describe() const override { return name_; }

 private:
  const std::string name_;
  int& asked_;
  std::optional<FetchFailure::Class>& fails_;
};

class ChainTest : public ::testing::Test {
 protected:
  cred::Chain chain() {
    std::vector<std::unique_ptr<cred::CredentialSource>> sources;
    sources.push_back(std::make_unique<Puppet>("first", asked_[0], fails_[0]));
    sources.push_back(std::make_unique<Puppet>("second", asked_[1], fails_[1]));
    return cred::Chain(std::move(sources));
  }
  std::array<int, 2> asked_{};
  std::array<std::optional<FetchFailure::Class>, 2> fails_;
};

TEST_F(ChainTest, MovesOnPastWhatIsNotConfiguredAndStaysWithWhatWorked) {
  fails_[0] = kNotConfigured;
  auto sources = chain();
  EXPECT_EQ(sources.describe(), "first, else second");
  EXPECT_EQ(sources.fetch({})->credentials.access_key_id, "second");
  EXPECT_EQ(sources.describe(), "second");
  EXPECT_EQ(sources.fetch({})->credentials.access_key_id, "second");
  EXPECT_EQ(asked_[0], 1);
  fails_[0].reset();
  fails_[1] = kNotConfigured;  // taken away: looked for from the beginning
  EXPECT_EQ(sources.fetch({})->credentials.access_key_id, "first");
}

TEST_F(ChainTest, AConfiguredSourceThatFailsEndsTheSearch) {
  for (const auto failure : {kTransient, kPermanent}) {
    fails_[0] = failure;
    auto sources = chain();
    EXPECT_THAT(sources.fetch({}), FailedAs(failure));
    EXPECT_EQ(asked_[1], 0);
  }
}

TEST_F(ChainTest, SaysWhyNothingWasFound) {
  fails_.fill(kNotConfigured);
  auto sources = chain();
  const auto fetched = sources.fetch({});
  ASSERT_THAT(fetched, FailedAs(kNotConfigured));
  EXPECT_THAT(fetched.error().error.message,
              AllOf(HasSubstr("first has none"), HasSubstr("second has none")));
}

}  // namespace
