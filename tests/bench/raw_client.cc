// What HTTP itself gives: requests that are known beforehand, over some connections that are kept,
// by libcurl's multi interface in one thread. The bodies of answers are thrown away.
//
//   bench_raw_client CONNECTIONS SECONDS <REQUESTS
//
// A line of standard input is a request, METHOD URL FROM LENGTH: GET of the bytes FROM … FROM +
// LENGTH - 1 (LENGTH 0: of all), HEAD, or PUT of LENGTH bytes. A line "-" waits for all requests
// before it. After SECONDS nothing new is begun. Standard output: {"seconds": …, "bytes": …,
// "operations": …}, bytes of bodies. An answer that is not 2xx ends it with code 1.
#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;

/// How much libcurl takes from a socket at once.
constexpr long kReceiveBytes = 512L * 1024;
/// An upload's bytes, again and again; libcurl sends no more at once.
constexpr std::size_t kSendBytes = 1UL << 20;

struct Request {
  std::string method;  // empty: wait for all before it
  std::string url;
  std::uint64_t from = 0;
  std::uint64_t length = 0;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::_Exit(1);
}

std::deque<Request> requests_of(std::istream& in) {
  std::deque<Request> all;
  for (std::string line; std::getline(in, line);) {
    Request one;
    if (line != "-") {
      std::istringstream(line) >> one.method >> one.url >> one.from >> one.length;
    }
    all.push_back(std::move(one));
  }
  return all;
}

/// One request after the other, on the connection that libcurl finds free.
class Lane {
 public:
  Lane() : easy_(curl_easy_init()) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
  }

  CURL* easy() const { return easy_; }
  std::uint64_t bytes() const { return bytes_; }

  void prepare(const Request& request) {
    curl_easy_reset(easy_);
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, kReceiveBytes);
    curl_easy_setopt(easy_, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Lane::received);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    if (request.method == "HEAD") {
      curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT") {
      prepare_upload(request.length);
    } else if (request.length > 0) {
      const std::string range =
          std::to_string(request.from) + "-" + std::to_string(request.from + request.length - 1);
      curl_easy_setopt(easy_, CURLOPT_RANGE, range.c_str());
    }
  }

 private:
  void prepare_upload(std::uint64_t length) {
    left_ = length;
    bytes_ += length;
    if (headers_ == nullptr) {
      headers_ = curl_slist_append(headers_, "Expect:");
    }
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, static_cast<long>(kSendBytes));
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(length));
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Lane::wanted);
    curl_easy_setopt(easy_, CURLOPT_READDATA, this);
  }

  static std::size_t received(char*, std::size_t, std::size_t count, void* lane) {
    static_cast<Lane*>(lane)->bytes_ += count;
    return count;
  }

  static std::size_t wanted(char* into, std::size_t size, std::size_t count, void* lane) {
    static const std::vector<char> data(kSendBytes, 'x');
    auto& self = *static_cast<Lane*>(lane);
    const std::size_t now = std::min({size * count, data.size(), std::size_t{self.left_}});
    std::memcpy(into, data.data(), now);
    self.left_ -= now;
    return now;
  }

  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint64_t left_ = 0;
};

class Client {
 public:
  Client(std::size_t connections, double seconds, std::deque<Request> requests)
      : multi_(curl_multi_init()), seconds_(seconds), requests_(std::move(requests)) {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections));
    for (std::size_t n = 0; n < connections; ++n) {
      lanes_.push_back(std::make_unique<Lane>());
      free_.push_back(lanes_.back().get());
    }
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    lanes_.clear();
    curl_multi_cleanup(multi_);
  }

  void run() {
    const auto begun = SteadyClock::now();
    begin_more(0);
    while (free_.size() < lanes_.size()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      end_finished();
      const double taken = since(begun);
      begin_more(taken);
      if (free_.size() < lanes_.size()) {
        curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
      }
    }
    report(since(begun));
  }

 private:
  static double since(SteadyClock::time_point begun) {
    return std::chrono::duration<double>(SteadyClock::now() - begun).count();
  }

  void begin_more(double taken) {
    while (!requests_.empty() && !free_.empty() && taken <= seconds_) {
      const Request& next = requests_.front();
      if (next.method.empty()) {
        if (free_.size() < lanes_.size()) {
          return;
        }
      } else {
        free_.back()->prepare(next);
        curl_multi_add_handle(multi_, free_.back()->easy());
        free_.pop_back();
      }
      requests_.pop_front();
    }
  }

  void end_finished() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      char* lane = nullptr;
      const CURLcode code = message->data.result;
      CURL* const easy = message->easy_handle;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &lane);
      if (code != CURLE_OK) {
        fail(curl_easy_strerror(code));
      }
      curl_multi_remove_handle(multi_, easy);
      free_.push_back(reinterpret_cast<Lane*>(lane));  // libcurl knows it as characters
      ++operations_;
    }
  }

  void report(double seconds) const {
    std::uint64_t bytes = 0;
    for (const auto& lane : lanes_) {
      bytes += lane->bytes();
    }
    std::printf("{\"seconds\": %.6f, \"bytes\": %llu, \"operations\": %llu}\n", seconds,
                static_cast<unsigned long long>(bytes),
                static_cast<unsigned long long>(operations_));
  }

  CURLM* multi_;
  double seconds_;
  std::deque<Request> requests_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> free_;
  std::uint64_t operations_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_raw_client CONNECTIONS SECONDS <REQUESTS\n");
    return 2;
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  {
    Client client(std::strtoull(argv[1], nullptr, 10), std::strtod(argv[2], nullptr),
                  requests_of(std::cin));
    client.run();
  }
  curl_global_cleanup();
  return 0;
}
