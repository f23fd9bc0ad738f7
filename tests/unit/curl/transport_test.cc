#include "curl/transport.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <latch>
#include <thread>

#include "core/unique_fd.h"
#include "support/raw_server.h"

namespace curl {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Connection = test::RawServer::Connection;

std::unique_ptr<http::Transport> transport_of_one_loop() {
  Options options;
  options.loops = 1;
  return open_transport(options).value();
}

http::Exchange exchange_with(const test::RawServer& server) {
  http::Exchange exchange;
  exchange.request.origin = server.origin();
  return exchange;
}

/// Keeps what arrives; refuses when told to.
class CollectingSink final : public http::BodySink {
 public:
  explicit CollectingSink(std::size_t limit = std::string::npos) : limit_(limit) {}
  bool on_head(const http::Response& head) override {
    ++heads;
    status = head.status;
    return head.status < 300;
  }
  core::Status on_data(core::ByteView data) override {
    if (text.size() + data.size() > limit_) {
      return core::fail(ErrorKind::NoSpace, "full");
    }
    text += core::as_text(data);
    return {};
  }
  int heads = 0;
  int status = 0;
  std::string text;

 private:
  const std::size_t limit_;
};

/// One server that answers every request of every connection with the same bytes.
test::RawServer::Serve always(std::string answer) {
  return [answer = std::move(answer)](Connection& connection) {
    while (!connection.read_head().empty() && connection.send(answer)) {
    }
  };
}

/// Sends `answer` once and closes.
test::RawServer::Serve once(std::string answer) {
  return [answer = std::move(answer)](Connection& connection) {
    connection.read_head();
    connection.send(answer);
  };
}

TEST(CurlTransport, SendsWhatWasBuiltAndNothingElse) {
  std::promise<std::string> seen;
  test::RawServer server([&](Connection& connection) {
    seen.set_value(connection.read_head());
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const auto transport = transport_of_one_loop();
  auto exchange = exchange_with(server);
  exchange.request.path = "/a//./../b%2fc%20";
  exchange.request.query = {{"acl", std::nullopt}, {"prefix", "x/ y"}};
  exchange.request.headers = {{"x-oss-b", "2"}, {"x-oss-empty", ""}};
  ASSERT_TRUE(http::perform(*transport, std::move(exchange)));
  const std::string head = seen.get_future().get();
  EXPECT_THAT(head, StartsWith("GET /a//./../b%2fc%20?acl&prefix=x%2F%20y HTTP/1.1\r\nHost: " +
                               server.origin().authority() + "\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nx-oss-b: 2\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nx-oss-empty:\r\n"));
  for (const char* unwanted : {"Expect", "Accept", "Content-Type", "Transfer-Encoding"}) {
    EXPECT_THAT(head, Not(HasSubstr(unwanted)));
  }
}

TEST(CurlTransport, UploadsABodyAndAnEmptyPost) {
  std::vector<std::string> seen;
  test::RawServer server([&](Connection& connection) {
    for (const std::size_t length : {std::size_t{3'000'000}, std::size_t{0}}) {
      const std::string head = connection.read_head();
      EXPECT_THAT(head, HasSubstr("\r\nContent-Length: " + std::to_string(length) + "\r\n"));
      EXPECT_THAT(head, Not(HasSubstr("Content-Type")));
      seen.push_back(head.substr(0, head.find(' ')) + " " +
                     core::hex(core::md5(connection.read_exact(length))));
      connection.send("HTTP/1.1 204 No Content\r\n\r\n");
    }
  });
  const auto transport = transport_of_one_loop();
  const std::string text(3'000'000, 'x');
  auto put = exchange_with(server);
  put.request.method = "PUT";
  put.request.body = http::text_body(text);
  ASSERT_TRUE(http::perform(*transport, std::move(put)));
  auto post = exchange_with(server);
  post.request.method = "POST";
  ASSERT_TRUE(http::perform(*transport, std::move(post)));
  EXPECT_THAT(seen, ::testing::ElementsAre("PUT " + core::hex(core::md5(text)),
                                           "POST " + core::hex(core::md5(""))));
}

/// Bytes of which some lie in memory, and the rest in a file, behind others.
class FileBody final : public http::Body {
 public:
  explicit FileBody(std::string text) : text_(std::move(text)), fd_(::memfd_create("body", 0)) {
    const std::string before(kBefore, '-');
    EXPECT_EQ(::write(fd_.get(), before.data(), before.size()),
              static_cast<ssize_t>(before.size()));
    EXPECT_EQ(::write(fd_.get(), text_.data(), text_.size()), static_cast<ssize_t>(text_.size()));
  }
  void cut(std::size_t size) {
    EXPECT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(kBefore + size)), 0);
  }
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  core::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const override {
    copied += buffer.size();
    std::memcpy(buffer.data(), text_.data() + offset, buffer.size());
    return buffer.size();
  }
  [[nodiscard]] std::vector<core::Run> runs() const override {
    std::vector<core::Run> runs;
    std::size_t at = 0;
    for (; at < in_memory; at += kPiece) {
      runs.push_back({core::Bytes::of(text_.substr(at, kPiece)), -1, 0, kPiece});
    }
    if (at < text_.size()) {
      runs.push_back({{}, fd_.get(), kBefore + at, text_.size() - at});
    }
    return runs;
  }
  std::size_t in_memory = 0;  ///< whole pieces
  mutable std::size_t copied = 0;

  static constexpr std::size_t kPiece = 100'000;

 private:
  static constexpr std::size_t kBefore = 1000;
  const std::string text_;
  const core::UniqueFd fd_;
};

class CurlTransportOfRuns : public testing::TestWithParam<std::size_t> {};

TEST_P(CurlTransportOfRuns, SendsABodyFromWhereItLies) {
  std::string text(3'000'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<char>(i * 2654435761U >> 13U);
  }
  std::string sum;
  test::RawServer server([&](Connection& connection) {
    connection.read_head();
    sum = core::hex(core::md5(connection.read_exact(text.size())));
    connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const auto transport = transport_of_one_loop();
  const auto body = std::make_shared<FileBody>(text);
  body->in_memory = GetParam();
  auto put = exchange_with(server);
  put.request.method = "PUT";
  put.request.body = body;
  ASSERT_TRUE(http::perform(*transport, std::move(put)));
  EXPECT_EQ(sum, core::hex(core::md5(text)));
  EXPECT_EQ(body->copied, 0U);
}
INSTANTIATE_TEST_SUITE_P(All, CurlTransportOfRuns, ::testing::Values(0U, 2'000'000U, 3'000'000U));

/// Tells when the memory of its only run is needed no more.
class WatchedBody final : public http::Body {
 public:
  [[nodiscard]] std::uint64_t size() const override { return text_->size(); }
  core::Result<std::size_t> read(std::uint64_t /*offset*/,
                                 std::span<std::byte> /*buffer*/) const override {
    return core::fail(ErrorKind::Io, "this is to be sent from where it lies");
  }
  [[nodiscard]] std::vector<core::Run> runs() const override {
    const std::shared_ptr<const std::string> shared(
        text_.get(), [this](const std::string*) { let_go_.set_value(); });
    return {{core::Bytes(shared, core::as_bytes(*text_)), -1, 0, text_->size()}};
  }
  [[nodiscard]] std::future<void> let_go() { return let_go_.get_future(); }

 private:
  const std::unique_ptr<const std::string> text_ = std::make_unique<std::string>(1'000'000, 'x');
  mutable std::promise<void> let_go_;
};

TEST(CurlTransport, WhatWasSentIsLetGoBeforeTheAnswer) {
  const auto body = std::make_shared<WatchedBody>();
  auto let_go = body->let_go();
  std::future_status status{};
  test::RawServer server([&](Connection& connection) {
    connection.read_head();
    connection.read_exact(1'000'000);
    status = let_go.wait_for(10s);
    connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const auto transport = transport_of_one_loop();
  auto put = exchange_with(server);
  put.request.method = "PUT";
  put.request.body = body;
  ASSERT_TRUE(http::perform(*transport, std::move(put)));
  EXPECT_EQ(status, std::future_status::ready);
}

TEST(CurlTransport, AFileThatEndsEarlyFailsTheRequest) {
  test::RawServer server([&](Connection& connection) { connection.read_exact(3'000'000); });
  const auto transport = transport_of_one_loop();
  const auto body = std::make_shared<FileBody>(std::string(3'000'000, 'x'));
  body->cut(1'000'000);
  auto put = exchange_with(server);
  put.request.method = "PUT";
  put.request.body = body;
  const auto response = http::perform(*transport, std::move(put));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Io);
}

TEST(CurlTransport, ReusesItsConnections) {
  test::RawServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  const auto transport = transport_of_one_loop();
  for (int n = 0; n < 20; ++n) {
    const auto response = http::perform(*transport, exchange_with(server));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "ok");
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(CurlTransport, ReadsAnswersOfEveryFraming) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"}) {
    test::RawServer server(once(answer));
    const auto transport = transport_of_one_loop();
    const auto response = http::perform(*transport, exchange_with(server));
    ASSERT_TRUE(response) << answer;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "hello");
  }
}

TEST(CurlTransport, GivesTheBodyToTheSinkOnlyIfItWantsIt) {
  for (const int status : {200, 404}) {
    test::RawServer server(once("HTTP/1.1 " + std::to_string(status) +
                                " X\r\nx-oss-ec: 1\r\nContent-Length: 5\r\n\r\nhello"));
    const auto transport = transport_of_one_loop();
    auto exchange = exchange_with(server);
    const auto sink = std::make_shared<CollectingSink>();
    exchange.sink = sink;
    const auto response = http::perform(*transport, std::move(exchange));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->headers.get("X-OSS-EC"), "1");
    EXPECT_EQ(sink->heads, 1);
    EXPECT_EQ(sink->text, status == 200 ? "hello" : "");
    EXPECT_EQ(response->body, status == 200 ? "" : "hello");
  }
}

TEST(CurlTransport, HandsOnWhatTheSinkSaid) {
  test::RawServer server(once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
  const auto transport = transport_of_one_loop();
  auto exchange = exchange_with(server);
  exchange.sink = std::make_shared<CollectingSink>(3);
  const auto response = http::perform(*transport, std::move(exchange));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::NoSpace);
}

TEST(CurlTransport, NeverFollowsARedirect) {
  test::RawServer elsewhere(always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  test::RawServer server(once("HTTP/1.1 307 Moved\r\nLocation: http://" +
                              elsewhere.origin().authority() + "/\r\nContent-Length: 0\r\n\r\n"));
  const auto transport = transport_of_one_loop();
  const auto response = http::perform(*transport, exchange_with(server));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 307);
  EXPECT_EQ(elsewhere.connections(), 0U);
}

TEST(CurlTransport, ObeysOnlyAProxyThatItWasTold) {
  test::RawServer proxy(always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy"));
  test::RawServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect"));
  const std::string url = "http://" + proxy.origin().authority();
  ::setenv("http_proxy", url.c_str(), 1);
  ::setenv("all_proxy", url.c_str(), 1);
  EXPECT_EQ(http::perform(*transport_of_one_loop(), exchange_with(server))->body, "direct");
  Options options;
  options.proxy = url;
  const auto transport = open_transport(options).value();
  EXPECT_EQ(http::perform(*transport, exchange_with(server))->body, "proxy");
  auto bypassing = exchange_with(server);
  bypassing.patience.bypass_proxy = true;
  EXPECT_EQ(http::perform(*transport, std::move(bypassing))->body, "direct");
  ::unsetenv("http_proxy");
  ::unsetenv("all_proxy");
}

struct BadAnswer {
  const char* name;
  std::string bytes;
  ErrorKind kind;
};

class BadAnswers : public ::testing::TestWithParam<BadAnswer> {};

TEST_P(BadAnswers, AreErrors) {
  test::RawServer server(once(GetParam().bytes));
  const auto transport = transport_of_one_loop();
  const auto response = http::perform(*transport, exchange_with(server));
  ASSERT_FALSE(response) << response->status << " " << response->body.size();
  EXPECT_EQ(response.error().kind, GetParam().kind) << response.error().message;
  EXPECT_THAT(response.error().message, StartsWith(server.origin().authority()));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadAnswers,
    ::testing::Values(
        BadAnswer{"Nothing", "", ErrorKind::Unavailable},
        BadAnswer{"ManyContinues",
                  [] {
                    std::string text;
                    for (int n = 0; n < 20; ++n) {
                      text += "HTTP/1.1 100 Continue\r\n\r\n";
                    }
                    return text + "HTTP/1.1 204 No Content\r\n\r\n";
                  }(),
                  ErrorKind::Unavailable},
        BadAnswer{"CutHead", "HTTP/1.1 200 OK\r\nContent-Le", ErrorKind::Unavailable},
        BadAnswer{"CutBody", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
                  ErrorKind::Unavailable},
        BadAnswer{"CutChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
                  ErrorKind::Unavailable},
        BadAnswer{"BadChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                  ErrorKind::Unavailable},
        BadAnswer{"Garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", ErrorKind::Protocol},
        BadAnswer{"HugeLine", "HTTP/1.1 200 OK\r\nA: " + std::string(900'000, 'a') + "\r\n\r\n",
                  ErrorKind::Protocol},
        BadAnswer{"ManyLines",
                  [] {
                    std::string text = "HTTP/1.1 200 OK\r\n";
                    for (int n = 0; n < 20'000; ++n) {
                      text += "x-header-" + std::to_string(n) + ": some value\r\n";
                    }
                    return text + "\r\n";
                  }(),
                  ErrorKind::Protocol},
        BadAnswer{"HugeText",
                  "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" +
                      std::string(5'000'000, 'x') + std::string(4'000'000, 'x'),
                  ErrorKind::Protocol}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CurlTransport, CutsAnEndlessErrorDocument) {
  test::RawServer server(once("HTTP/1.1 500 Oops\r\n\r\n" + std::string(1'000'000, 'x')));
  const auto transport = transport_of_one_loop();
  const auto response = http::perform(*transport, exchange_with(server));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(response->body.size(), 64U * 1024);
}

TEST(CurlTransport, CallsAResetUnavailable) {
  test::RawServer server([](Connection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe");
    connection.reset();
  });
  const auto transport = transport_of_one_loop();
  const auto response = http::perform(*transport, exchange_with(server));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(response.error().reason, core::Reason::Broken);
}

TEST(CurlTransport, SurvivesAConnectionThatDiedWhileIdle) {
  test::RawServer server(once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  const auto transport = transport_of_one_loop();
  for (int n = 0; n < 3; ++n) {
    EXPECT_TRUE(http::perform(*transport, exchange_with(server)));
  }
  EXPECT_EQ(server.connections(), 3U);
}

TEST(CurlTransport, DoesNotRepeatAWriteByItself) {
  std::atomic<int> requests{0};
  test::RawServer server([&](Connection& connection) {
    requests += connection.read_head().empty() ? 0 : 1;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    // The second request on a connection is taken, and never answered.
    requests += connection.read_head().empty() ? 0 : 1;
  });
  const auto transport = transport_of_one_loop();
  const auto send = [&](const char* method) {
    auto exchange = exchange_with(server);
    exchange.request.method = method;
    return http::perform(*transport, std::move(exchange));
  };
  for (const char* method : {"PUT", "POST", "DELETE"}) {
    requests = 0;
    ASSERT_TRUE(send("GET"));
    const auto response = send(method);
    ASSERT_FALSE(response) << method;
    EXPECT_EQ(response.error().kind, ErrorKind::Unavailable);
    EXPECT_EQ(requests, 2);
  }
  ASSERT_TRUE(send("GET"));
  EXPECT_TRUE(send("GET")) << "reading twice harms nobody";
}

TEST(CurlTransport, CallsARefusedConnectionUnavailable) {
  http::Exchange exchange;
  {
    test::RawServer gone([](Connection&) {});
    exchange = exchange_with(gone);
  }
  const auto response = http::perform(*transport_of_one_loop(), std::move(exchange));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(response.error().reason, core::Reason::Unreachable);
}

TEST(CurlTransport, KnowsAServerThatSpeaksNoTls) {
  test::RawServer server([](Connection& connection) {
    connection.read_exact(5);  // a TLS record's head
    connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    connection.wait_closed();
  });
  auto exchange = exchange_with(server);
  exchange.request.origin.scheme = "https";
  const auto response = http::perform(*transport_of_one_loop(), std::move(exchange));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().reason, core::Reason::NoTls) << response.error().message;
}

TEST(CurlTransport, CallsANameThatDoesNotResolveUnavailableEachTime) {
  const auto transport = transport_of_one_loop();
  for (int attempt = 0; attempt < 3; ++attempt) {
    http::Exchange exchange;
    exchange.context.deadline = core::BootClock::now() + 20s;
    exchange.request.origin = {"http", "no-such-host.invalid", 80};
    const auto response = http::perform(*transport, std::move(exchange));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::Unavailable);
    EXPECT_EQ(response.error().reason, core::Reason::NameUnknown);
  }
}

TEST(CurlTransport, EndsAnAttemptThatStandsStill) {
  test::RawServer server([](Connection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe");
    connection.wait_closed();
  });
  const auto transport = transport_of_one_loop();
  auto exchange = exchange_with(server);
  exchange.patience.idle = 60ms;
  const auto began = core::BootClock::now();
  const auto response = http::perform(*transport, std::move(exchange));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Timeout);
  EXPECT_THAT(response.error().message, HasSubstr("no byte"));
  EXPECT_EQ(response.error().reason, core::Reason::Silent);
  EXPECT_GE(core::BootClock::now() - began, 60ms);
}

TEST(CurlTransport, EndsAnUploadThatNobodyTakes) {
  std::latch over(1);
  test::RawServer server([&](Connection& connection) {
    connection.read_head();
    over.wait();  // reads nothing, as a stopped process would
  });
  const auto transport = transport_of_one_loop();
  auto exchange = exchange_with(server);
  exchange.request.method = "PUT";
  exchange.request.body = http::text_body(std::string(64 << 20, 'x'));
  exchange.patience.idle = 100ms;
  const auto response = http::perform(*transport, std::move(exchange));
  over.count_down();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Timeout);
}

TEST(CurlTransport, LetsASlowButSteadyAnswerFinishUntilTheDeadline) {
  const auto drip = [](Connection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    for (int n = 0; n < 6 && connection.send("x"); ++n) {
      std::this_thread::sleep_for(40ms);
    }
  };
  test::RawServer server(drip);
  const auto transport = transport_of_one_loop();
  auto patient = exchange_with(server);
  patient.patience.idle = 150ms;
  EXPECT_TRUE(http::perform(*transport, std::move(patient)));
  auto hurried = exchange_with(server);
  hurried.patience.idle = 150ms;
  hurried.context.deadline = core::BootClock::now() + 100ms;
  const auto response = http::perform(*transport, std::move(hurried));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Timeout);
  EXPECT_THAT(response.error().message, EndsWith("in time"));
}

TEST(CurlTransport, StopsAtOnceWhenAsked) {
  std::latch asked(1);
  test::RawServer server([&](Connection& connection) {
    connection.read_head();
    asked.count_down();
    connection.wait_closed();
  });
  const auto transport = transport_of_one_loop();
  std::stop_source stop;
  auto exchange = exchange_with(server);
  exchange.context.stop = stop.get_token();
  auto answer = std::async(std::launch::async,
                           [&] { return http::perform(*transport, std::move(exchange)); });
  asked.wait();
  const auto began = core::BootClock::now();
  stop.request_stop();
  const auto response = answer.get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::Cancelled);
  EXPECT_LT(core::BootClock::now() - began, 500ms);
  // Nor does a request begin that was stopped before.
  auto late = exchange_with(server);
  late.context.stop = stop.get_token();
  EXPECT_EQ(http::perform(*transport, std::move(late)).error().kind, ErrorKind::Cancelled);
}

TEST(CurlTransport, EndsWhatIsUnderWayWhenItIsDestroyed) {
  std::latch asked(8);
  test::RawServer server([&](Connection& connection) {
    connection.read_head();
    asked.count_down();
    connection.wait_closed();
  });
  Options options;
  options.loops = 2;
  auto transport = open_transport(options).value();
  std::atomic<int> cancelled{0};
  for (int n = 0; n < 8; ++n) {
    transport->send(exchange_with(server), [&, again = transport.get()](auto response) {
      cancelled += !response && response.error().kind == ErrorKind::Cancelled ? 1 : 0;
      // What tries again by itself is refused, and does not hang.
      again->send({}, [&](auto second) {
        cancelled += !second && second.error().kind == ErrorKind::Cancelled ? 1 : 0;
      });
    });
  }
  asked.wait();
  transport.reset();
  EXPECT_EQ(cancelled, 16);
}

TEST(CurlTransport, RefusesWhatCouldSmuggleALine) {
  test::RawServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  const auto transport = transport_of_one_loop();
  for (int n = 0; n < 4; ++n) {
    auto exchange = exchange_with(server);
    switch (n) {
      case 0:
        exchange.request.headers.add("x-oss-a", "1\r\nx-oss-b: 2");
        break;
      case 1:
        exchange.request.headers.add("x-oss-a: 1\r\nx", "2");
        break;
      case 2:
        exchange.request.path = "/a HTTP/1.1\r\nx: y";
        break;
      default:
        exchange.request.method = "GET /";
    }
    const auto response = http::perform(*transport, std::move(exchange));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::InvalidArgument);
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(CurlTransport, CarriesManyAtOnce) {
  test::RawServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  Options options;
  options.loops = 2;
  const auto transport = open_transport(options).value();
  constexpr int kCount = 200;
  std::latch done(kCount);
  std::atomic<int> good{0};
  for (int n = 0; n < kCount; ++n) {
    transport->send(exchange_with(server), [&](auto response) {
      good += response && response->body == "ok" ? 1 : 0;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(good, kCount);
}

TEST(CurlTransport, RefusesACaFileThatIsNotThere) {
  Options options;
  options.ca_file = "/nonexistent/ca.pem";
  const auto transport = open_transport(options);
  ASSERT_FALSE(transport);
  EXPECT_EQ(transport.error().kind, ErrorKind::InvalidArgument);
  EXPECT_THAT(transport.error().message, HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace curl
