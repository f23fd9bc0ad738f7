// What must not happen to the answer of one request: becoming the answer of the next.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <limits>
#include <span>
#include <thread>
#include <vector>

#include "curl/connection.h"
#include "curl/transport.h"
#include "support/raw_server.h"

namespace curl {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::HasSubstr;
using Connection = test::RawServer::Connection;

std::unique_ptr<http::Transport> transport_of_one_loop() {
  Options options;
  options.loops = 1;
  return open_transport(options).value();
}

core::Result<http::Response> ask(http::Transport& transport, const test::RawServer& server,
                                 const std::string& method = "GET") {
  http::Exchange exchange;
  exchange.request.origin = server.origin();
  exchange.request.method = method;
  return http::perform(transport, std::move(exchange));
}

TEST(Connections, OneThatSaidMoreThanItWasAskedIsNotUsedAgain) {
  // Larger than what is read at once, so that what follows is not seen with it.
  const std::string body(2'000'000, 'x');
  std::latch dropped(1);
  test::RawServer server([&](Connection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\n\r\n" + body);
    if (connection.number() == 0) {
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale");
    }
    connection.wait_closed();
    if (connection.number() == 0) {
      dropped.count_down();
    }
  });
  const auto transport = transport_of_one_loop();
  ASSERT_TRUE(ask(*transport, server)->body == body);
  // What was sent in excess may still be on its way; the server sees when it was noticed.
  dropped.wait();
  const auto next = ask(*transport, server);
  ASSERT_TRUE(next) << core::describe(next.error());
  EXPECT_TRUE(next->body == body) << next->body.size();
  EXPECT_EQ(server.connections(), 2U);
}

/// Has a buffer of its own for what it is given.
class RoomySink final : public http::BodySink {
 public:
  explicit RoomySink(std::size_t size) : memory_(size) {}
  bool on_head(const http::Response& head) override { return head.status < 300; }
  std::span<std::byte> room() override { return std::span(memory_).subspan(filled_); }
  core::Status on_data(core::ByteView data) override {
    const auto free = room();
    if (data.data() != free.data()) {
      copied += data.size();
      std::copy(data.begin(), data.end(), free.begin());
    }
    filled_ += data.size();
    return {};
  }
  [[nodiscard]] std::string text() const {
    return std::string(core::as_text(core::ByteView(memory_).first(filled_)));
  }
  std::size_t copied = 0;

 private:
  std::vector<std::byte> memory_;
  std::size_t filled_ = 0;
};

TEST(Connections, ABodyIsReceivedWhereItsSinkHasRoomAndNotAByteFurther) {
  std::string body(2'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>(i * 2654435761U >> 13U);
  }
  test::RawServer server([&](Connection& connection) {
    while (!connection.read_head().empty()) {
      // What belongs to nothing follows at once on the first connection.
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                      "\r\n\r\n" + body + (connection.number() == 0 ? "stale" : ""));
    }
  });
  const auto transport = transport_of_one_loop();
  for (int n = 0; n < 3; ++n) {
    const auto sink = std::make_shared<RoomySink>(body.size() + 1000);
    http::Exchange exchange;
    exchange.request.origin = server.origin();
    exchange.sink = sink;
    const auto answer = http::perform(*transport, std::move(exchange));
    ASSERT_TRUE(answer) << core::describe(answer.error());
    EXPECT_TRUE(sink->text() == body) << n;
    EXPECT_LE(sink->copied, 16U * 1024);
  }
  EXPECT_EQ(server.connections(), 2U);
}

TEST(Connections, ARequestOverAConnectionAtRestIsHeardWhoeverSendsIt) {
  // From many threads, so that answers overtake their exchanges on the way to the loop.
  test::RawServer server([](Connection& connection) {
    for (std::string head = connection.read_head(); !head.empty(); head = connection.read_head()) {
      const std::string path = head.substr(4, head.find(' ', 4) - 4);
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(path.size()) +
                      "\r\n\r\n" + path);
    }
  });
  const auto transport = transport_of_one_loop();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < 300; ++n) {
        http::Exchange exchange;
        exchange.request.origin = server.origin();
        exchange.request.path = "/" + std::to_string(t) + "-" + std::to_string(n);
        const std::string path = exchange.request.path;
        const auto answer = http::perform(*transport, std::move(exchange));
        ASSERT_TRUE(answer) << core::describe(answer.error());
        ASSERT_EQ(answer->body, path);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_LE(server.connections(), 8U);
}

TEST(Connections, AnAnswerToHeadWithABodyIsNone) {
  test::RawServer server([](Connection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    connection.wait_closed();
  });
  const auto transport = transport_of_one_loop();
  for (int n = 0; n < 2; ++n) {
    const auto answer = ask(*transport, server, "HEAD");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::Unavailable);
  }
}

TEST(Connections, AHeadThatIsNotBelievedEndsTheConnection) {
  test::RawServer server([](Connection& connection) {
    while (!connection.read_head().empty()) {
      connection.send("HTTP/1.1 200 OK\r\nx-id: same\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const auto transport = transport_of_one_loop();
  for (const bool believed : {true, false, true}) {
    http::Exchange exchange;
    exchange.request.origin = server.origin();
    exchange.check_head = [&](const http::Response& head) -> core::Status {
      EXPECT_EQ(head.headers.get("x-id"), "same");
      return believed ? core::Status() : core::fail(ErrorKind::Unavailable, "came twice");
    };
    const auto answer = http::perform(*transport, std::move(exchange));
    ASSERT_EQ(answer.has_value(), believed);
    if (!believed) {
      EXPECT_EQ(answer.error().kind, ErrorKind::Unavailable);
      EXPECT_THAT(answer.error().message, HasSubstr("came twice"));
    }
  }
  EXPECT_EQ(server.connections(), 2U);
}

TEST(Connections, PromisesOfAnAnswerAreNoProgress) {
  test::RawServer server([](Connection& connection) {
    connection.read_head();
    while (connection.send("HTTP/1.1 100 Continue\r\n\r\n")) {
      std::this_thread::sleep_for(50ms);  // so that patience ends first
    }
  });
  const auto transport = transport_of_one_loop();
  http::Exchange exchange;
  exchange.request.origin = server.origin();
  exchange.patience.idle = 100ms;
  const auto answer = http::perform(*transport, std::move(exchange));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Timeout);
}

TEST(Connections, FewBytesWaitForANeighbour) {
  test::RawServer server([](Connection& connection) { connection.wait_closed(); });
  const std::atomic<bool> give_up = false;
  int least = std::numeric_limits<int>::max();
  // The first answer may have been late by chance.
  for (int i = 0; i < 20; ++i) {
    const auto connection =
        curl::Connection::open(Options(), {server.origin()}, 10s, nullptr, give_up).value();
    int bytes = 0;
    socklen_t size = sizeof(bytes);
    ASSERT_EQ(::getsockopt(connection->socket(), SOL_SOCKET, SO_SNDBUF, &bytes, &size), 0);
    least = std::min(least, bytes);
  }
  EXPECT_LE(least, 2 * 128 * 1024);  // the system counts what it needs beside them
}

}  // namespace
}  // namespace curl
