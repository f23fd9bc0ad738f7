#include "curl/transport.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "core/os_error.h"
#include "curl/loop.h"

namespace curl {
namespace {

// More than ever run at once (256 that look ahead, transfers beside them): above it libcurl closes
// a connection after each request.
constexpr long kMaxIdleConnections = 512;

class CurlTransport final : public http::Transport {
 public:
  explicit CurlTransport(Options options) : options_(std::move(options)) {}

  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  ~CurlTransport() override {
    for (const auto& loop : loops_) {
      loop->stop();
    }
    for (const auto& loop : loops_) {
      loop->join();
    }
  }

  core::Status start() {
    const unsigned count =
        options_.loops > 0 ? options_.loops : std::max(1U, std::thread::hardware_concurrency() / 2);
    for (unsigned n = 0; n < count; ++n) {
      TRY_ASSIGN(Poller poller, Poller::open());
      MultiHandle multi(curl_multi_init());
      ShareHandle share(curl_share_init());
      if (!multi || !share) {
        return core::fail(core::ErrorKind::Internal, "libcurl cannot start");
      }
      // Resumed TLS sessions for all handles of the loop; no lock, since one thread uses them.
      curl_share_setopt(share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
      curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
      curl_multi_setopt(multi.get(), CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
      loops_.push_back(std::make_unique<Loop>(options_, "curl-" + std::to_string(n),
                                              std::move(poller), std::move(multi),
                                              std::move(share)));
    }
    return {};
  }

  void send(http::Exchange exchange, Done done) override {
    // The first of the least loaded: single requests stay on one loop and its warm connections.
    const auto loop =
        std::min_element(loops_.begin(), loops_.end(),
                         [](const auto& a, const auto& b) { return a->load() < b->load(); });
    (*loop)->send(std::move(exchange), std::move(done));
  }

 private:
  const Options options_;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace

core::Result<std::unique_ptr<http::Transport>> open_transport(Options options) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (global != CURLE_OK) {
    return core::fail(core::ErrorKind::Internal, "libcurl cannot start");
  }
  if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0) {
    return core::fail(
        core::ErrorKind::InvalidArgument,
        core::os_error(errno, "the CA file " + options.ca_file + " cannot be read").message);
  }
  auto transport = std::make_unique<CurlTransport>(std::move(options));
  TRY(transport->start());
  return std::unique_ptr<http::Transport>(std::move(transport));
}

}  // namespace curl
