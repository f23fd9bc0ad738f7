#include "http/message.h"

#include <gmock/gmock.h>

#include <array>
#include <thread>

#include "http/transport.h"

namespace http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Headers, ComparesNamesWithoutCaseAndKeepsOrder) {
  Headers headers{{"Date", "x"}, {"x-oss-a", "1"}};
  headers.add("X-Oss-A", "2");
  EXPECT_EQ(headers.get("X-OSS-A"), "1");
  headers.set("X-OSS-a", "3");
  EXPECT_THAT(headers.fields(),
              ElementsAre(Headers::Field{"Date", "x"}, Headers::Field{"X-OSS-a", "3"}));
  headers.remove("DATE");
  EXPECT_FALSE(headers.get("Date").has_value());
}

TEST(Request, TargetEncodesTheQueryAndKeepsMissingApartFromEmpty) {
  Request request;
  request.path = "/a//b%2Fc/..";
  EXPECT_EQ(request.target(), "/a//b%2Fc/..");
  request.query = {{"acl", std::nullopt}, {"prefix", ""}, {"marker", "a/b +ü"}};
  EXPECT_EQ(request.target(), "/a//b%2Fc/..?acl&prefix=&marker=a%2Fb%20%2B%C3%BC");
}

TEST(Response, KnowsTheServicesClock) {
  Response response;
  EXPECT_FALSE(response.date().has_value());
  response.headers.add("date", "Wed, 28 Dec 2022 10:27:41 GMT");
  EXPECT_EQ(response.date(), core::wall_from_unix(1672223261));
}

TEST(TextBody, ReadsFromAnyOffset) {
  const auto body = text_body("hello");
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(body->read(3, buffer).value(), 2U);
  EXPECT_EQ(core::as_text(core::ByteView(buffer).first(2)), "lo");
  EXPECT_EQ(body->read(5, buffer).value(), 0U);
}

struct OriginCase {
  const char* url;
  const char* scheme;
  const char* host;
  std::uint16_t port;
  const char* authority;
};

class GoodOrigin : public ::testing::TestWithParam<OriginCase> {};

TEST_P(GoodOrigin, IsUnderstood) {
  const auto origin = parse_origin(GetParam().url);
  ASSERT_TRUE(origin) << origin.error().message;
  EXPECT_EQ(origin->scheme, GetParam().scheme);
  EXPECT_EQ(origin->host, GetParam().host);
  EXPECT_EQ(origin->port, GetParam().port);
  EXPECT_EQ(origin->authority(), GetParam().authority);
}

INSTANTIATE_TEST_SUITE_P(
    Table, GoodOrigin,
    ::testing::Values(
        OriginCase{"oss-cn-hangzhou.aliyuncs.com", "https", "oss-cn-hangzhou.aliyuncs.com", 443,
                   "oss-cn-hangzhou.aliyuncs.com"},
        OriginCase{"HTTP://Example.COM/", "http", "example.com", 80, "example.com"},
        OriginCase{"http://127.0.0.1:8080", "http", "127.0.0.1", 8080, "127.0.0.1:8080"},
        OriginCase{"https://[::1]:9000", "https", "::1", 9000, "[::1]:9000"},
        OriginCase{"[fe80::1]", "https", "fe80::1", 443, "[fe80::1]"},
        OriginCase{"https://a:443", "https", "a", 443, "a"}));

class BadOrigin : public ::testing::TestWithParam<const char*> {};

TEST_P(BadOrigin, IsRefused) {
  const auto origin = parse_origin(GetParam());
  ASSERT_FALSE(origin);
  EXPECT_EQ(origin.error().kind, core::ErrorKind::InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Table, BadOrigin,
                         ::testing::Values("", "https://", "ftp://a", "https://a/b", "https://a?x",
                                           "https://a:", "https://a:0", "https://a:65536",
                                           "https://a:1x", "https://[::1", "https://[zz]:1",
                                           "https://[::1]9", "a b", "a\r\nb", "https://u:p@a"));

TEST(ParseOrigin, DoesNotRepeatAPassword) {
  const auto origin = parse_origin("https://me:canary@host");
  ASSERT_FALSE(origin);
  EXPECT_THAT(origin.error().message, Not(HasSubstr("canary")));
}

TEST(Loopback, IsTheMachineItself) {
  EXPECT_TRUE(is_loopback("127.9.8.7"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_TRUE(is_loopback("LocalHost"));
  EXPECT_FALSE(is_loopback("127.0.0.1.example.com"));
  EXPECT_FALSE(is_loopback("10.0.0.1"));
  EXPECT_TRUE(is_ip_literal("10.0.0.1"));
  EXPECT_TRUE(is_ip_literal("fe80::1"));
  EXPECT_FALSE(is_ip_literal("localhost"));
}

/// Answers from a thread of its own, as a real transport does.
class LateTransport final : public Transport {
 public:
  void send(Exchange, Done done) override {
    thread_ = std::jthread([done = std::move(done)] {
      Response response;
      response.status = 204;
      done(response);
    });
  }

 private:
  std::jthread thread_;
};

TEST(Perform, WaitsForTheAnswer) {
  LateTransport transport;
  const auto response = perform(transport, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 204);
}

}  // namespace
}  // namespace http
