#include <gmock/gmock.h>

#include "unit/emulator/server_fixture.h"

namespace emulator::wire {
namespace {

using ::testing::HasSubstr;

TEST_F(ServerTest, CountsWhatItIsAskedFor) {
  put("a", "12345");
  get("a");
  get("none");
  const std::string stats = admin("GET", "/stats").body;
  EXPECT_THAT(
      stats,
      HasSubstr(R"("PutObject":{"bytes_in":5,"bytes_out":0,"codes":{},"count":1,"errors":0)"));
  EXPECT_THAT(stats, HasSubstr(R"("codes":{"NoSuchKey":1},"count":2,"errors":1)"));
  EXPECT_EQ(admin("POST", "/stats/reset").status, 200);
  EXPECT_THAT(admin("GET", "/stats").body, HasSubstr(R"("count":0,"errors":0)"));
}

TEST_F(ServerTest, FailsOnRequestForAKeyAndSoOften) {
  put("a1", "x");
  ASSERT_EQ(
      admin(
          "POST", "/faults",
          R"({"operation":"GetObject","fault":"status:503","key":"^a","count":2,"retry_after":"2s"})")
          .status,
      200);
  const WireAnswer first = get("a1");
  EXPECT_EQ(first.status, 503);
  EXPECT_EQ(first.header("retry-after"), "2");
  EXPECT_EQ(first.header("x-oss-qos-delay-time"), "2000");
  EXPECT_EQ(get("b").status, 404);
  EXPECT_EQ(get("a1").status, 503);
  EXPECT_EQ(get("a1").status, 200);
}

TEST_F(ServerTest, AnswersWithTheCodeAskedForUntilFaultsAreCleared) {
  put("a", "x");
  admin("POST", "/faults", R"({"operation":"*","fault":"code:SecurityTokenExpired"})");
  EXPECT_EQ(get("a").status, 403);
  EXPECT_EQ(get("a").element("Code"), "SecurityTokenExpired");
  admin("DELETE", "/faults");
  EXPECT_EQ(get("a").status, 200);
}

TEST_F(ServerTest, TruncatesResetsAndCorruptsBodies) {
  const std::string body(100'000, 'x');
  put("a", body);
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"truncate:70000","count":1})");
  const WireAnswer cut = get("a");
  EXPECT_FALSE(cut.complete);
  EXPECT_EQ(cut.body.size(), 70'000U);
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"reset:30000","count":1})");
  const WireAnswer reset = get("a");
  EXPECT_FALSE(reset.complete);
  EXPECT_LE(reset.body.size(), 30'000U);
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"corrupt","count":1})");
  const WireAnswer corrupt = get("a");
  EXPECT_TRUE(corrupt.complete);
  EXPECT_NE(corrupt.body, body);
  EXPECT_EQ(corrupt.body.size(), body.size());
  EXPECT_EQ(get("a").body, body);
}

TEST_F(ServerTest, LosesResponsesAfterTheDeedAndUploadsBefore) {
  admin("POST", "/faults", R"({"operation":"PutObject","fault":"lost-response","key":"lost"})");
  admin("POST", "/faults", R"({"operation":"PutObject","fault":"reset:3","key":"reset"})");
  EXPECT_EQ(put("lost", "stored").status, 0);
  EXPECT_EQ(get("lost").body, "stored");
  EXPECT_EQ(put("reset", "gone").status, 0);
  EXPECT_EQ(get("reset").status, 404);
}

TEST_F(ServerTest, CorruptsUploadsSoThatTheirSumTells) {
  admin("POST", "/faults", R"({"operation":"PutObject","fault":"corrupt"})");
  EXPECT_NE(put("a", "123456789").header("x-oss-hash-crc64ecma"), "11051210869376104954");
  EXPECT_EQ(put("b", "x", {{"Content-MD5", core::base64(core::md5("x"))}}).element("Code"),
            "InvalidDigest");
}

TEST_F(ServerTest, HangsUntilTheClientLeaves) {
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"hang","count":1})");
  {
    Wire connection(server_->oss_endpoint());
    WireRequest request;
    request.key = "a";
    connection.send(signed_bytes(identity_, request));
    EXPECT_TRUE(shows_soon(R"("errors":0,"in_flight":1)"));
  }
  EXPECT_TRUE(shows_soon(R"("errors":1,"in_flight":0)"));
}

TEST_F(ServerTest, HoldsARequestUntilItIsReleasedAndTreatsItAsIfItCameThen) {
  put("a", "x");
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"hold","skip":1})");
  EXPECT_EQ(get("a").status, 200);
  Wire connection(server_->oss_endpoint());
  WireRequest request;
  request.key = "a";
  connection.send(signed_bytes(identity_, request));
  EXPECT_TRUE(shows_soon(R"("held":1)"));
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"status:503","count":1})");
  EXPECT_EQ(admin("POST", "/faults/release").status, 200);
  EXPECT_EQ(connection.receive().status, 503);
  EXPECT_TRUE(shows_soon(R"("held":0)"));
  EXPECT_EQ(get("a").body, "x");
}

TEST_F(ServerTest, HoldsNobodyWhoHasLeft) {
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"hold"})");
  {
    Wire connection(server_->oss_endpoint());
    WireRequest request;
    request.key = "a";
    connection.send(signed_bytes(identity_, request));
    EXPECT_TRUE(shows_soon(R"("held":1)"));
  }
  EXPECT_TRUE(shows_soon(R"("held":0)"));
  admin("DELETE", "/faults");
  EXPECT_EQ(get("a").status, 404);
}

TEST_F(ServerTest, AnswersWithTextInPlaceOfWhatWasAsked) {
  admin("POST", "/faults", R"({"operation":"*","fault":"body:<html>busy</html>","count":2})");
  EXPECT_EQ(put("a", "x").body, "<html>busy</html>");
  Wire connection(server_->oss_endpoint());
  connection.send("GET /?Action=AssumeRole HTTP/1.1\r\nHost: sts.test\r\n\r\n");
  const WireAnswer sts = connection.receive();
  EXPECT_EQ(sts.status, 200);
  EXPECT_EQ(sts.body, "<html>busy</html>");
  EXPECT_EQ(get("a").status, 404);
}

TEST_F(ServerTest, ChangesTheRightsOfARole) {
  EXPECT_EQ(admin("POST", "/policies", R"({"role":"stsfs-full","policies":[]})").status, 200);
  EXPECT_EQ(admin("POST", "/policies", R"({"role":"stsfs-full"})").status, 200);
  EXPECT_EQ(admin("POST", "/policies", R"({"role":"nobody","policies":[]})").status, 400);
  EXPECT_EQ(admin("POST", "/policies", R"({"role":"stsfs-full","policies":{}})").status, 400);
  EXPECT_EQ(admin("POST", "/policies", R"({"role":"stsfs-full","policies":[3]})").status, 400);
}

TEST_F(ServerTest, HasAClockThatIsOff) {
  put("a", "x");
  admin("POST", "/faults", R"({"operation":"GetObject","fault":"clock-offset:20m"})");
  const WireAnswer answer = get("a");
  EXPECT_EQ(answer.element("Code"), "RequestTimeTooSkewed");
  const auto shown = core::parse_http_date(answer.header("date"));
  ASSERT_TRUE(shown.has_value());
  EXPECT_GT(*shown - std::chrono::system_clock::now(), std::chrono::minutes(19));
}

TEST_F(ServerTest, RefusesFaultsThatMakeNoSense) {
  for (const char* body : {"{}", R"({"operation":"GetObject","fault":"nonsense"})",
                           R"({"operation":"GetObject","fault":"status:99"})",
                           R"({"operation":"GetObject","fault":"delay:soon"})",
                           R"({"operation":"GetObject","fault":"corrupt","key":"("})",
                           R"({"operation":"GetObject","fault":"corrupt","typo":1})", "nonsense"}) {
    EXPECT_EQ(admin("POST", "/faults", body).status, 400) << body;
  }
  EXPECT_EQ(admin("GET", "/nothing").status, 404);
}

TEST_F(ServerTest, MakesManyObjectsAtOnce) {
  EXPECT_EQ(admin("POST", "/objects",
                  R"({"bucket":"examplebucket","prefix":"many/","count":3000,"size":1500000})")
                .status,
            200);
  const WireAnswer page = call("GET", "", "list-type=2&prefix=many%2F&max-keys=1000");
  EXPECT_EQ(page.element("KeyCount"), "1000");
  EXPECT_EQ(page.element("Size"), "1500000");
  const WireAnswer object = get("many/00002999");
  EXPECT_EQ(object.body.size(), 1'500'000U);
  EXPECT_EQ(object.header("x-oss-hash-crc64ecma"),
            std::to_string(core::crc64(core::as_bytes(object.body))));
}

TEST_F(ServerTest, ThrottlesAsAskedWithinBounds) {
  put("a", std::string(150'000, 'x'));
  EXPECT_EQ(get("a", {{"x-oss-traffic-limit", "1"}}).element("Code"), "InvalidArgument");
  const core::SteadyTime start = core::BootClock::now();
  EXPECT_EQ(get("a", {{"x-oss-traffic-limit", "8388608"}}).body.size(), 150'000U);
  EXPECT_GT(core::BootClock::now() - start, std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace emulator::wire
