#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/mutex.h"
#include "core/thread_pool.h"
#include "curl/connections.h"
#include "curl/poller.h"
#include "curl/transfer.h"

namespace curl {

/// What the loops of a transport have in common.
struct Common {
  Options options;
  Manners manners;
  ShareHandle share;  ///< TLS sessions
  std::atomic<bool> give_up{false};
};

/// One thread with its own connections, over which it carries exchanges: nobody waits for bytes.
/// Connections are made on `connectors`, whose work must have ended before the loop is destroyed.
///
/// A connection that is made, or comes to rest, goes to the exchange that has waited the longest
/// for one of its route, whoever it was made for. A request without a body that finds a connection
/// at rest is sent by its caller's own thread: the loop need not be woken before the answer comes.
/// Threads: any may post. Several loops are stopped
/// all first and then joined, since what ends on one may try again on another.
class Loop {
 public:
  Loop(Common& common, std::string name, Poller poller, core::ThreadPool& connectors);
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
  using Id = std::uint64_t;
  struct Arrival {
    Route route;
    Id made_for = 0;
    core::Result<std::unique_ptr<Connection>> connection;
  };
  /// What waits for a connection of one route.
  struct Queue {
    std::deque<Id> waiting;
    std::size_t connecting = 0;
  };
  /// The exchange on a socket.
  struct Carried {
    Id id = 0;
    bool to_send = false;  ///< the socket is watched for that, too
  };

  /// Takes a connection at rest, if that is all that is missing, and says the request over it.
  void send_at_once(Transfer& transfer);
  void run();
  void wait_and_go_on();
  void take_posted();
  void start(std::unique_ptr<Transfer> transfer);
  void adopt(Id id, Transfer& transfer);
  void find_connection(Id id);
  void connect(const Route& route, Id id, core::Duration patience);
  void arrive(Arrival arrival);
  void carry(Id id, std::unique_ptr<Connection> connection, bool used);
  void rest(const Route& route, std::unique_ptr<Connection> connection, bool used);
  void happened(const epoll_event& event);
  void go_on(Id id, bool writable, bool readable);
  void conclude(Id id, Transfer& transfer);
  void end(Id id, core::Result<http::Response> result);
  void end_overdue(core::SteadyTime now);
  void end_all();
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] std::chrono::milliseconds patience(core::SteadyTime now) const;

  Common& common_;
  core::ThreadPool& connectors_;
  const std::string name_;
  Poller poller_;
  std::vector<std::byte> buffer_;
  std::map<Route, Queue> queues_;
  std::unordered_map<Id, std::unique_ptr<Transfer>> active_;
  std::unordered_map<int, Carried> carried_;  ///< by socket
  std::vector<Id> unfinished_;                ///< have had their turn, and have more to receive
  /// Sockets that spoke while their exchange was on its way here: not watched until it is.
  std::unordered_set<int> early_;
  Id last_id_ = 0;
  // No transfer's limit comes earlier; it is exact only just after a look at all of them.
  core::SteadyTime next_limit_ = core::SteadyTime::max();
  std::atomic<std::size_t> load_{0};
  std::atomic<bool> somebody_stopped_{false};

  mutable core::Mutex mutex_{core::LockRank::Transport};
  std::vector<std::unique_ptr<Transfer>> posted_ GUARDED_BY(mutex_);
  std::vector<Arrival> arrived_ GUARDED_BY(mutex_);
  Connections resting_ GUARDED_BY(mutex_);
  /// When the loop looks at these by itself; the past while it is awake.
  core::SteadyTime asleep_until_ GUARDED_BY(mutex_) = core::SteadyTime::min();
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace curl
