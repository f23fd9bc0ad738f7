#pragma once
// An emulator in this process, and requests to it.
#include <memory>
#include <string>
#include <utility>

#include "core/random.h"
#include "unit/emulator/wire.h"

namespace emulator::wire {

/// Runs with objects in memory unless a test gives a folder.
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }

  void start(Options options) {
    server_.reset();
    auto server = Emulator::start(std::move(options));
    ASSERT_TRUE(server.has_value()) << core::describe(server.error());
    server_ = *std::move(server);
    identity_ = server_->identity();
  }

  /// One signed request on a connection of its own.
  WireAnswer ask(const WireRequest& request) {
    Wire connection(server_->oss_endpoint());
    connection.send(signed_bytes(identity_, request));
    return connection.receive(request.method == "HEAD");
  }
  WireAnswer put(const std::string& key, const std::string& body, HeaderList headers = {}) {
    WireRequest request;
    request.method = "PUT";
    request.key = key;
    request.body = body;
    request.headers = std::move(headers);
    return ask(request);
  }
  WireAnswer get(const std::string& key, HeaderList headers = {}, const std::string& query = "") {
    WireRequest request;
    request.key = key;
    request.query = query;
    request.headers = std::move(headers);
    return ask(request);
  }
  /// `method` on the object or, without a key, on the bucket.
  WireAnswer call(const std::string& method, const std::string& key, const std::string& query,
                  const std::string& body = "", HeaderList headers = {}) {
    WireRequest request;
    request.method = method;
    request.key = key;
    request.query = query;
    request.body = body;
    request.headers = std::move(headers);
    return ask(request);
  }
  WireAnswer admin(const std::string& method, const std::string& path,
                   const std::string& body = "") {
    Wire connection(server_->admin_endpoint());
    connection.send(core::format("{} {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}",
                                 method, path, body.size(), body));
    return connection.receive();
  }

  /// True once the statistics contain `text`; false after ten seconds without.
  bool shows_soon(const std::string& text) {
    const core::SteadyTime end = core::BootClock::now() + std::chrono::seconds(10);
    while (core::BootClock::now() < end) {
      if (admin("GET", "/stats").body.find(text) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

  std::unique_ptr<Emulator> server_;
  Identity identity_;
};

/// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_("/tmp/emulator-test-" + core::random_hex(8)) {}
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace emulator::wire
