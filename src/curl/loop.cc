#include "curl/loop.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace curl {
namespace {

// What is read or sent in one go.
constexpr std::size_t kBufferBytes = 256UL * 1024;
// How often resting connections are looked through.
constexpr std::chrono::milliseconds kLongestWait{10'000};

/// Signals are for the main thread; a broken pipe is an error code here.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Loop::Loop(Common& common, std::string name, Poller poller, core::ThreadPool& connectors)
    : common_(common),
      connectors_(connectors),
      name_(std::move(name)),
      poller_(std::move(poller)),
      buffer_(kBufferBytes),
      thread_([this] { run(); }) {}

void Loop::stop() {
  {
    const core::MutexLock lock(mutex_);
    stopping_ = true;
  }
  poller_.ring();
}

void Loop::send(http::Exchange exchange, http::Transport::Done done) {
  auto transfer = std::make_unique<Transfer>(std::move(exchange), std::move(done), [this] {
    somebody_stopped_ = true;
    poller_.ring();
  });
  send_at_once(*transfer);
  {
    const core::MutexLock lock(mutex_);
    if (!stopping_) {
      ++load_;
      // What was sent needs the loop when an answer comes, or none does in time. Whoever is stopped
      // after this look at it rings himself.
      const bool sent =
          transfer->connection() != nullptr && !transfer->overdue(core::SteadyTime::min());
      const auto needed = sent ? transfer->next_limit() : core::SteadyTime::min();
      posted_.push_back(std::move(transfer));
      if (asleep_until_ > needed) {
        poller_.ring();
      }
      return;
    }
  }
  // A callback of the last moments that tries again.
  transfer->finish(core::fail(core::ErrorKind::Cancelled, "the transport is being closed"));
}

void Loop::send_at_once(Transfer& transfer) {
  const auto now = core::BootClock::now();
  if (transfer.has_body() || !transfer.begin(now) || transfer.overdue(now)) {
    return;
  }
  std::unique_ptr<Connection> connection;
  {
    const core::MutexLock lock(mutex_);
    connection = stopping_ ? nullptr : resting_.take(transfer.route());
  }
  // The loop may not have seen yet that it has ended, or that it said what nobody asked for.
  if (connection && connection->silent()) {
    transfer.attach(std::move(connection), true, common_.manners);
    transfer.send_head();
  }
}

bool Loop::stopping() const {
  const core::MutexLock lock(mutex_);
  return stopping_;
}

void Loop::run() {
  core::name_this_thread(name_);
  block_signals();
  while (!stopping()) {
    take_posted();
    for (const Id id : std::exchange(unfinished_, {})) {
      go_on(id, false, true);
    }
    const auto now = core::BootClock::now();
    if (somebody_stopped_.exchange(false) || now >= next_limit_) {
      end_overdue(now);
    }
    wait_and_go_on();
  }
  end_all();
}

void Loop::wait_and_go_on() {
  const auto now = core::BootClock::now();
  std::chrono::milliseconds longest = patience(now);
  {
    const core::MutexLock lock(mutex_);
    resting_.drop_old(now);
    if (!posted_.empty() || !arrived_.empty()) {
      longest = std::chrono::milliseconds{0};
    }
    // Whoever brings an exchange that has its answer already has to wake the loop for it.
    asleep_until_ = longest.count() == 0 ? core::SteadyTime::min()
                    : early_.empty()     ? now + longest
                                         : core::SteadyTime::max();
  }
  const auto events = poller_.wait(longest);
  take_posted();  // first: among them may be whom the events are for
  for (const epoll_event& event : events) {
    happened(event);
  }
}

void Loop::take_posted() {
  std::vector<std::unique_ptr<Transfer>> posted;
  std::vector<Arrival> arrived;
  {
    const core::MutexLock lock(mutex_);
    posted.swap(posted_);
    arrived.swap(arrived_);
    asleep_until_ = core::SteadyTime::min();
  }
  for (Arrival& arrival : arrived) {
    arrive(std::move(arrival));
  }
  for (auto& transfer : posted) {
    start(std::move(transfer));
  }
}

void Loop::start(std::unique_ptr<Transfer> transfer) {
  const Id id = ++last_id_;
  const auto now = core::BootClock::now();
  core::Status begun = transfer->begin(now);
  if (begun) {
    if (auto error = transfer->overdue(now)) {
      begun = *std::move(error);
    }
  }
  next_limit_ = std::min(next_limit_, transfer->next_limit());
  active_.emplace(id, std::move(transfer));
  if (!begun) {
    end(id, std::move(begun).error());
    return;
  }
  Transfer& started = *active_.at(id);
  if (started.connection() != nullptr) {
    adopt(id, started);
  } else {
    find_connection(id);
  }
}

void Loop::adopt(Id id, Transfer& transfer) {
  const int socket = transfer.connection()->socket();
  carried_[socket] = {id, false};
  const bool spoke = early_.erase(socket) > 0;
  if (spoke) {
    poller_.watch(socket, EPOLLIN);
  }
  go_on(id, transfer.waits_to_send(), spoke);
}

void Loop::find_connection(Id id) {
  const Transfer& transfer = *active_.at(id);
  const Route route = transfer.route();
  std::unique_ptr<Connection> connection;
  {
    const core::MutexLock lock(mutex_);
    connection = resting_.take(route);
  }
  if (connection) {
    carry(id, std::move(connection), true);
    return;
  }
  queues_[route].waiting.push_back(id);
  connect(route, id, transfer.connect_patience());
}

void Loop::connect(const Route& route, Id id, core::Duration patience) {
  ++queues_[route].connecting;
  connectors_.post([this, route, id, patience] {
    block_signals();
    Arrival arrival{
        route, id,
        Connection::open(common_.options, route, patience, common_.share.get(), common_.give_up)};
    const core::MutexLock lock(mutex_);
    arrived_.push_back(std::move(arrival));
    if (asleep_until_ > core::SteadyTime::min()) {
      poller_.ring();
    }
  });
}

void Loop::arrive(Arrival arrival) {
  Queue& queue = queues_[arrival.route];
  --queue.connecting;
  if (arrival.connection) {
    early_.erase((*arrival.connection)->socket());  // another's, of the same number
    poller_.watch((*arrival.connection)->socket(), EPOLLIN);
    rest(arrival.route, *std::move(arrival.connection), false);
    return;
  }
  // Whom it was made for may have another by now; then somebody waits for this one instead.
  auto loser = std::find(queue.waiting.begin(), queue.waiting.end(), arrival.made_for);
  if (loser == queue.waiting.end() && queue.waiting.size() > queue.connecting) {
    loser = queue.waiting.begin();
  }
  if (loser != queue.waiting.end()) {
    end(*loser, std::move(arrival.connection).error());
  }
}

void Loop::carry(Id id, std::unique_ptr<Connection> connection, bool used) {
  carried_[connection->socket()] = {id, false};
  active_.at(id)->attach(std::move(connection), used, common_.manners);
  go_on(id, true, false);
}

void Loop::rest(const Route& route, std::unique_ptr<Connection> connection, bool used) {
  auto& waiting = queues_[route].waiting;
  if (waiting.empty()) {
    const core::MutexLock lock(mutex_);
    resting_.add(route, std::move(connection), core::BootClock::now());
    return;
  }
  const Id next = waiting.front();
  waiting.pop_front();
  carry(next, std::move(connection), used);
}

void Loop::happened(const epoll_event& event) {
  const int socket = event.data.fd;
  const auto carried = carried_.find(socket);
  if (carried == carried_.end()) {
    const core::MutexLock lock(mutex_);
    if (!resting_.stir(socket) && poller_.pause(socket)) {
      early_.insert(socket);
    }
    return;
  }
  const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
  go_on(carried->second.id, failed || (event.events & EPOLLOUT) != 0,
        failed || (event.events & EPOLLIN) != 0);
}

void Loop::go_on(Id id, bool writable, bool readable) {
  const auto at = active_.find(id);
  if (at == active_.end() || at->second->connection() == nullptr) {
    return;  // ended, or begun anew, since it was noted
  }
  Transfer& transfer = *at->second;
  if (transfer.go_on(buffer_, writable, readable)) {
    conclude(id, transfer);
    return;
  }
  const int socket = transfer.connection()->socket();
  Carried& carried = carried_.at(socket);
  if (carried.to_send != transfer.waits_to_send()) {
    carried.to_send = !carried.to_send;
    poller_.watch(socket, carried.to_send ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
  if (transfer.has_more()) {
    unfinished_.push_back(id);
  }
}

void Loop::conclude(Id id, Transfer& transfer) {
  if (transfer.may_repeat()) {
    carried_.erase(transfer.connection()->socket());
    transfer.begin_anew();
    find_connection(id);
    return;
  }
  if (auto connection = transfer.release_connection()) {
    const auto carried = carried_.find(connection->socket());
    if (carried->second.to_send) {
      poller_.watch(connection->socket(), EPOLLIN);
    }
    carried_.erase(carried);
    rest(transfer.route(), std::move(connection), true);
  }
  end(id, transfer.outcome());
}

void Loop::end(Id id, core::Result<http::Response> result) {
  const auto entry = active_.find(id);
  CORE_CHECK(entry != active_.end());
  const std::unique_ptr<Transfer> transfer = std::move(entry->second);
  active_.erase(entry);
  if (transfer->connection() != nullptr) {
    carried_.erase(transfer->connection()->socket());
  } else if (const auto queue = queues_.find(transfer->route()); queue != queues_.end()) {
    std::erase(queue->second.waiting, id);
    if (queue->second.waiting.empty() && queue->second.connecting == 0) {
      queues_.erase(queue);
    }
  }
  --load_;
  transfer->finish(std::move(result));
}

void Loop::end_overdue(core::SteadyTime now) {
  std::vector<std::pair<Id, core::Error>> overdue;
  next_limit_ = core::SteadyTime::max();
  for (const auto& [id, transfer] : active_) {
    if (auto error = transfer->overdue(now)) {
      overdue.emplace_back(id, *std::move(error));
    } else {
      next_limit_ = std::min(next_limit_, transfer->next_limit());
    }
  }
  for (auto& [id, error] : overdue) {
    end(id, std::move(error));
  }
}

void Loop::end_all() {
  std::vector<std::unique_ptr<Transfer>> posted;
  {
    const core::MutexLock lock(mutex_);
    posted.swap(posted_);
  }
  for (auto& transfer : posted) {
    active_.emplace(++last_id_, std::move(transfer));
  }
  while (!active_.empty()) {
    end(active_.begin()->first,
        core::fail(core::ErrorKind::Cancelled, "the transport is being closed"));
  }
}

std::chrono::milliseconds Loop::patience(core::SteadyTime now) const {
  if (!unfinished_.empty()) {
    return std::chrono::milliseconds{0};
  }
  const auto left = next_limit_ - now;
  return left >= kLongestWait ? kLongestWait
                              : std::max(std::chrono::milliseconds{0},
                                         std::chrono::ceil<std::chrono::milliseconds>(left));
}

}  // namespace curl
