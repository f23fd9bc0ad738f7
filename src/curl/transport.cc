#include "curl/transport.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <thread>
#include <vector>

#include "core/digest.h"
#include "core/os_error.h"
#include "core/secret.h"
#include "curl/loop.h"

namespace curl {
namespace {

constexpr std::size_t kConnectors = 64;

struct UrlCleanup {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

/// For the proxy's "Proxy-Authorization"; empty where its URL names no user.
std::string authorization_of(const std::string& proxy) {
  const std::unique_ptr<CURLU, UrlCleanup> url(curl_url());
  if (!url ||
      curl_url_set(url.get(), CURLUPART_URL, proxy.c_str(), CURLU_GUESS_SCHEME) != CURLUE_OK) {
    return {};
  }
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string out;
    if (curl_url_get(url.get(), which, &text, CURLU_URLDECODE) == CURLUE_OK) {
      out = text;
      core::wipe(text, out.size());
      curl_free(text);
    }
    return out;
  };
  const std::string user = part(CURLUPART_USER);
  return user.empty() ? "" : "Basic " + core::base64(user + ":" + part(CURLUPART_PASSWORD));
}

/// TLS sessions that the connections of all threads may resume.
class TlsSessions {
 public:
  ShareHandle share() {
    ShareHandle share(curl_share_init());
    if (share) {
      curl_share_setopt(share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
      curl_share_setopt(share.get(), CURLSHOPT_LOCKFUNC, &lock);
      curl_share_setopt(share.get(), CURLSHOPT_UNLOCKFUNC, &unlock);
      curl_share_setopt(share.get(), CURLSHOPT_USERDATA, this);
    }
    return share;
  }

 private:
  static void lock(CURL*, curl_lock_data data, curl_lock_access, void* self) {
    static_cast<TlsSessions*>(self)->mutexes_.at(data).lock();
  }
  static void unlock(CURL*, curl_lock_data data, void* self) {
    static_cast<TlsSessions*>(self)->mutexes_.at(data).unlock();
  }
  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;
};

class CurlTransport final : public http::Transport {
 public:
  explicit CurlTransport(Options options) {
    common_.manners = {options.user_agent, authorization_of(options.proxy)};
    common_.options = std::move(options);
    common_.share = sessions_.share();
  }

  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  ~CurlTransport() override {
    common_.give_up = true;
    for (const auto& loop : loops_) {
      loop->stop();
    }
    for (const auto& loop : loops_) {
      loop->join();
    }
  }

  core::Status start() {
    if (!common_.share) {
      return core::fail(core::ErrorKind::Internal, "libcurl cannot start");
    }
    const unsigned count = common_.options.loops > 0
                               ? common_.options.loops
                               : std::max(1U, std::thread::hardware_concurrency() / 2);
    for (unsigned n = 0; n < count; ++n) {
      TRY_ASSIGN(Poller poller, Poller::open());
      loops_.push_back(std::make_unique<Loop>(common_, "curl-" + std::to_string(n),
                                              std::move(poller), connectors_));
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
  TlsSessions sessions_;
  Common common_;
  std::vector<std::unique_ptr<Loop>> loops_;
  core::ThreadPool connectors_{"connect", kConnectors};  // ends before the loops do
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
