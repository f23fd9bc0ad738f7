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
#include "curl/transfer.h"

namespace curl {

/// One thread with its own connections. Others post to its queue.
/// Threads: any may post. Several loops are stopped all first and then joined, since what ends on
/// one may try again on another.
class Loop {
 public:
  Loop(const Options& options, std::string name, MultiHandle multi, ShareHandle share);
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
  void collect();
  void end_overdue(core::SteadyTime now);
  void end_all();
  [[nodiscard]] int patience() const;
  void end(Transfer* transfer, core::Result<http::Response> result);
  EasyHandle take_easy();

  const Options& options_;
  const std::string name_;
  // The order matters: easy handles go before the share, and before the multi handle's connections.
  Connections connections_;
  const ShareHandle share_;
  const MultiHandle multi_;
  std::vector<EasyHandle> idle_;
  std::unordered_map<Transfer*, std::unique_ptr<Transfer>> active_;
  std::atomic<std::size_t> load_{0};

  mutable core::Mutex mutex_{core::LockRank::Transport};
  std::vector<std::unique_ptr<Transfer>> posted_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace curl
