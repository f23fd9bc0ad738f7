#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/mutex.h"
#include "curl/connections.h"
#include "curl/handles.h"
#include "curl/poller.h"
#include "curl/transfer.h"

namespace curl {

/// One thread with its own connections. Others post to its queue.
/// Threads: any may post. Several loops are stopped all first and then joined, since what ends on
/// one may try again on another.
class Loop {
 public:
  Loop(const Options& options, std::string name, Poller poller, MultiHandle multi,
       ShareHandle share);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() = default;

  /// From now on every transfer ends as Cancelled.
  void stop();
  void join() { thread_.join(); }

  void send(http::Exchange exchange, http::Transport::Done done);
  /// Transfers queued or under way.
  [[nodiscard]] std::size_t load() const { return load_; }

 private:
  void run();
  [[nodiscard]] bool stopping() const;
  std::vector<std::unique_ptr<Transfer>> take_posted();
  void start(std::unique_ptr<Transfer> transfer);
  /// Lets libcurl go on with a socket (CURL_CSELECT_*), or with what waits for time to pass.
  void go_on(curl_socket_t socket, int events);
  void collect();
  void end_overdue(core::SteadyTime now);
  void end_all();
  [[nodiscard]] std::chrono::milliseconds patience() const;
  void end(Transfer* transfer, core::Result<http::Response> result);
  EasyHandle take_easy();
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
  static int on_timer(CURLM*, long wait_ms, void* self);

  const Options& options_;
  const std::string name_;
  // The order matters: easy handles go before the share, and before the multi handle's connections,
  // whose end the poller hears of.
  Poller poller_;
  Connections connections_;
  const ShareHandle share_;
  const MultiHandle multi_;
  std::vector<EasyHandle> idle_;
  std::unordered_map<Transfer*, std::unique_ptr<Transfer>> active_;
  std::atomic<std::size_t> load_{0};
  core::SteadyTime curl_due_ = core::SteadyTime::max();  ///< libcurl's timer
  // No transfer's limit comes earlier; it is exact only just after a look at all of them.
  core::SteadyTime next_limit_ = core::SteadyTime::max();
  std::atomic<bool> somebody_stopped_{false};

  mutable core::Mutex mutex_{core::LockRank::Transport};
  std::vector<std::unique_ptr<Transfer>> posted_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace curl
