#include "curl/loop.h"

#include <algorithm>
#include <csignal>

#include "core/thread_pool.h"

namespace curl {
namespace {

constexpr std::size_t kMaxIdleHandles = 512;

}  // namespace

Loop::Loop(const Options& options, std::string name, Poller poller, MultiHandle multi,
           ShareHandle share)
    : options_(options),
      name_(std::move(name)),
      poller_(std::move(poller)),
      share_(std::move(share)),
      multi_(std::move(multi)),
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
  {
    const core::MutexLock lock(mutex_);
    if (!stopping_) {
      ++load_;
      posted_.push_back(std::move(transfer));
      if (posted_.size() == 1) {
        poller_.ring();
      }
      return;
    }
  }
  // A callback of the last moments that tries again.
  transfer->finish(core::fail(core::ErrorKind::Cancelled, "the transport is being closed"));
}

bool Loop::stopping() const {
  const core::MutexLock lock(mutex_);
  return stopping_;
}

std::vector<std::unique_ptr<Transfer>> Loop::take_posted() {
  const core::MutexLock lock(mutex_);
  return std::exchange(posted_, {});
}

void Loop::run() {
  core::name_this_thread(name_);
  // Signals are for the main thread; a broken pipe is an error code here.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &on_timer);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
  while (!stopping()) {
    for (auto& transfer : take_posted()) {
      start(std::move(transfer));
    }
    const auto now = core::BootClock::now();
    if (now >= curl_due_) {
      curl_due_ = core::SteadyTime::max();
      go_on(CURL_SOCKET_TIMEOUT, 0);
    }
    collect();
    if (somebody_stopped_.exchange(false) || now >= next_limit_) {
      end_overdue(now);
    }
    for (const epoll_event& event : poller_.wait(patience())) {
      go_on(event.data.fd,
            ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                ((event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
    }
  }
  end_all();
}

void Loop::go_on(curl_socket_t socket, int events) {
  int running = 0;
  CORE_CHECK(curl_multi_socket_action(multi_.get(), socket, events, &running) == CURLM_OK);
}

int Loop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  const Poller& poller = static_cast<Loop*>(self)->poller_;
  if (what == CURL_POLL_REMOVE) {
    poller.forget(socket);
  } else {
    poller.watch(socket, ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) |
                             ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U));
  }
  return 0;
}

int Loop::on_timer(CURLM*, long wait_ms, void* self) {
  static_cast<Loop*>(self)->curl_due_ =
      wait_ms < 0 ? core::SteadyTime::max()
                  : core::BootClock::now() + std::chrono::milliseconds(wait_ms);
  return 0;
}

EasyHandle Loop::take_easy() {
  if (idle_.empty()) {
    EasyHandle easy(curl_easy_init());
    CORE_CHECK(easy != nullptr);
    return easy;
  }
  EasyHandle easy = std::move(idle_.back());
  idle_.pop_back();
  curl_easy_reset(easy.get());
  return easy;
}

void Loop::start(std::unique_ptr<Transfer> transfer) {
  Transfer* const key = transfer.get();
  const auto now = core::BootClock::now();
  core::Status begun = key->begin(take_easy(), options_, connections_, share_.get(), now);
  if (begun) {
    if (auto error = key->overdue(now)) {
      begun = *std::move(error);
    }
  }
  active_.emplace(key, std::move(transfer));
  next_limit_ = std::min(next_limit_, key->next_limit());
  if (!begun) {
    end(key, std::move(begun).error());
    return;
  }
  CORE_CHECK(curl_multi_add_handle(multi_.get(), key->easy()) == CURLM_OK);
}

void Loop::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    // The message dies with the handle's removal.
    const CURLcode code = message->data.result;
    char* self = nullptr;
    CORE_CHECK(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self) == CURLE_OK);
    auto* const transfer = reinterpret_cast<Transfer*>(self);
    auto result = transfer->outcome(code);
    connections_.rests(message->easy_handle, result.has_value());
    end(transfer, std::move(result));
  }
}

void Loop::end_overdue(core::SteadyTime now) {
  std::vector<std::pair<Transfer*, core::Error>> overdue;
  next_limit_ = core::SteadyTime::max();
  for (const auto& [key, transfer] : active_) {
    if (auto error = transfer->overdue(now)) {
      overdue.emplace_back(key, *std::move(error));
    } else {
      next_limit_ = std::min(next_limit_, transfer->next_limit());
    }
  }
  for (auto& [key, error] : overdue) {
    end(key, std::move(error));
  }
}

void Loop::end_all() {
  for (auto& transfer : take_posted()) {
    Transfer* const key = transfer.get();
    active_.emplace(key, std::move(transfer));
  }
  while (!active_.empty()) {
    end(active_.begin()->first,
        core::fail(core::ErrorKind::Cancelled, "the transport is being closed"));
  }
}

void Loop::end(Transfer* transfer, core::Result<http::Response> result) {
  const auto entry = active_.find(transfer);
  CORE_CHECK(entry != active_.end());
  const std::unique_ptr<Transfer> owned = std::move(entry->second);
  active_.erase(entry);
  if (EasyHandle easy = owned->release_easy()) {
    // Closes the connection if the answer was not complete.
    curl_multi_remove_handle(multi_.get(), easy.get());
    // After a name that did not resolve, libcurl 7.88 keeps the handle's buffer, and then refuses
    // to be told a buffer size again: only handles that brought an answer are used again.
    if (result && idle_.size() < kMaxIdleHandles) {
      idle_.push_back(std::move(easy));
    }
  }
  --load_;
  owned->finish(std::move(result));
}

std::chrono::milliseconds Loop::patience() const {
  constexpr std::chrono::milliseconds kLongest{1000};
  const auto left = std::min(curl_due_, next_limit_) - core::BootClock::now();
  return left >= kLongest ? kLongest
                          : std::max(std::chrono::milliseconds{0},
                                     std::chrono::ceil<std::chrono::milliseconds>(left));
}

}  // namespace curl
