#include "cred/token_claims.h"

#include <gmock/gmock.h>

#include "core/digest.h"

namespace cred {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

core::Secret jwt(const std::string& claims) {
  std::string body = core::base64(claims);
  for (char& c : body) {
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return core::Secret("e30." + body.substr(0, body.find('=')) + ".signature\n");
}

TEST(TokenClaims, AreRead) {
  const auto claims = claims_of(jwt(R"({"iss":"https://i","aud":["a","b"],"sub":"s\u00fc>?~"})"));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->issuer, "https://i");
  EXPECT_EQ(claims->audience, "a");
  EXPECT_EQ(claims->subject, "s\xc3\xbc>?~");
  EXPECT_EQ(claims_of(jwt(R"({"aud":"one","sub":7})"))->audience, "one");
  EXPECT_EQ(claims_of(jwt(R"({"aud":[],"sub":7})"))->subject, "");
}

TEST(TokenClaims, OfWhatIsNoTokenAreAnErrorThatDoesNotShowIt) {
  for (const std::string text : {"", "secret", "a.b", "a.secret!.c", "a.c2VjcmV0.c", "a..c"}) {
    const auto claims = claims_of(core::Secret(text));
    ASSERT_FALSE(claims) << text;
    EXPECT_THAT(claims.error().message, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace cred
