#include "options/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

namespace options {
namespace {

using Variables = std::map<std::string, std::string>;

TEST(Environment, KeepsSecretsApart) {
  const Environment environment(Variables{{"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary"},
                                          {"ALIBABA_CLOUD_ACCESS_KEY_ID", "id"},
                                          {"ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/a"},
                                          {"OSS_SESSION_TOKEN", "canary"},
                                          {"SECRET_OF_ANOTHER", "not ours"}});
  EXPECT_EQ(environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID"), "id");
  EXPECT_EQ(environment.get("ALIBABA_CLOUD_OIDC_TOKEN_FILE"), "/a");
  EXPECT_EQ(environment.get("SECRET_OF_ANOTHER"), "not ours");
  EXPECT_EQ(environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "");
  EXPECT_FALSE(environment.secret("ALIBABA_CLOUD_ACCESS_KEY_SECRET").empty());
  EXPECT_FALSE(environment.secret("OSS_SESSION_TOKEN").empty());
}

TEST(Environment, TakesSecretsOutOfTheProcess) {
  // What setenv allocates is not the block that the kernel shows; e2e looks at that one.
  ASSERT_EQ(::setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "canary", 1), 0);
  const char* held = ::getenv("ALIBABA_CLOUD_SECURITY_TOKEN");
  const Environment environment = Environment::take();
  EXPECT_FALSE(environment.secret("ALIBABA_CLOUD_SECURITY_TOKEN").empty());
  EXPECT_EQ(::getenv("ALIBABA_CLOUD_SECURITY_TOKEN"), nullptr);
  EXPECT_EQ(std::string(held), "");
}

}  // namespace
}  // namespace options
