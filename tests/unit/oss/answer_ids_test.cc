#include "oss/answer_ids.h"

#include <gtest/gtest.h>

namespace oss {
namespace {

http::Response answer(const std::string& id) {
  http::Response response;
  response.status = 200;
  response.headers = {{"x-oss-request-id", id}};
  return response;
}

TEST(AnswerIds, AnAnswerThatCameBeforeAnswersAnotherRequest) {
  AnswerIds ids;
  EXPECT_TRUE(ids.check(answer("A")));
  EXPECT_TRUE(ids.check(answer("B")));
  const auto again = ids.check(answer("A"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, core::ErrorKind::Unavailable);
}

TEST(AnswerIds, ASuccessWithoutIsNotTheServices) {
  AnswerIds ids;
  http::Response page;
  page.status = 200;
  EXPECT_EQ(ids.check(page).error().kind, core::ErrorKind::Protocol);
  EXPECT_FALSE(ids.check(answer("")));
  page.status = 503;
  EXPECT_TRUE(ids.check(page)) << "what failed needs no proof";
}

TEST(AnswerIds, ForgetsTheOldest) {
  AnswerIds ids;
  for (int n = 0; n < 3000; ++n) {
    ASSERT_TRUE(ids.check(answer(std::to_string(n))));
  }
  EXPECT_TRUE(ids.check(answer("0")));
  EXPECT_FALSE(ids.check(answer("2999")));
}

}  // namespace
}  // namespace oss
