#include "fuse/crew.h"

#include <linux/fuse.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/check.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/thread_pool.h"

namespace fuse {
namespace {

using namespace std::chrono_literals;

/// Ends a receiver's wait in read(2). Ignored by default and safe to receive at any time.
constexpr int kWakeSignal = SIGURG;
/// A receiver may be between its look at `stopping_` and read(2) when the signal arrives.
constexpr core::Duration kWakeAgain = 5ms;
constexpr std::size_t kSpareBuffers = 4;

void on_wake_signal(int /*signal*/) {}

core::Status install_wake_signal() {
  struct sigaction action {};
  action.sa_handler = &on_wake_signal;  // and no SA_RESTART: read(2) must return
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(kWakeSignal, &action, nullptr) != 0) {
    return core::os_error(errno, "sigaction");
  }
  return {};
}

void unblock_wake_signal() {
  sigset_t signals{};
  ::sigemptyset(&signals);
  ::sigaddset(&signals, kWakeSignal);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace

Crew::Crew(int descriptor, Options options, Handle handle, std::function<void()> ended)
    : descriptor_(descriptor),
      options_(options),
      handle_(std::move(handle)),
      ended_(std::move(ended)) {}

Crew::~Crew() {
  stop_receiving();
  if (const core::Status status = finish(); !status) {
    core::log(core::LogLevel::Warn, "receiving ended badly",
              {{"error", core::describe(status.error())}});
  }
}

core::Status Crew::start() {
  TRY(install_wake_signal());
  const core::MutexLock lock(mutex_);
  for (unsigned i = 0; i < options_.receivers; ++i) {
    if (!add_member()) {
      return core::fail(core::ErrorKind::NoSpace, "cannot start a thread");
    }
  }
  return {};
}

bool Crew::add_member() {
  members_.push_back(std::make_unique<Member>(*this));
  Member& member = *members_.back();
  try {
    member.thread = std::thread([this, &member] { run(member); });
  } catch (const std::system_error&) {  // the system allows no more
    members_.pop_back();
    return false;
  }
  return true;
}

Crew::Member*& Crew::self() {
  // Each thread has its own.
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
  thread_local Member* member = nullptr;
  return member;
}

const fuse_in_header* Crew::message() {
  const Member* const member = self();
  return member == nullptr ? nullptr : reinterpret_cast<const fuse_in_header*>(member->message);
}

core::BlockOffer& Crew::offer() { return self()->offer; }

bool Crew::may_wait() {
  Member* const member = self();
  CORE_CHECK(member != nullptr && member->receives);
  bool alone = false;
  {
    const core::MutexLock lock(mutex_);
    const bool last = receiving_ == 1;
    if (last && idle_ > 0) {
      wanted_.notify_one();
    }
    const bool full = members_.size() >= options_.limit;
    if (!last || idle_ > 0 || (!full && add_member())) {
      stop_counting(*member);
      return true;
    }
    // With no other thread there is nobody to leave the work to.
    alone = members_.size() == 1;
    if (full) {
      return alone;
    }
  }
  core::log(core::LogLevel::Warn, "cannot start a thread");
  return alone;
}

void Crew::will_not_wait() {
  Member* const member = self();
  if (member == nullptr || member->message == nullptr || member->receives) {
    return;
  }
  Crew& crew = member->crew;
  const core::MutexLock lock(crew.mutex_);
  if (crew.receiving_ < crew.options_.receivers && crew.queue_.empty() && !crew.stopping_) {
    crew.count(*member);
  }
}

void Crew::post(std::function<void()> work) {
  const core::MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  wanted_.notify_one();
}

void Crew::count(Member& member) {
  ++receiving_;
  member.receives = true;
  if (!member.buffer && !spare_.empty()) {
    member.buffer = std::move(spare_.back());
    spare_.pop_back();
  }
}

void Crew::stop_counting(Member& member) {
  if (member.receives) {
    member.receives = false;
    --receiving_;
    give_buffer(member);
    if (stopping_) {
      left_.notify_all();
    }
  }
}

void Crew::give_buffer(Member& member) {
  if (member.buffer && !member.in_buffer) {
    if (spare_.size() < kSpareBuffers) {
      spare_.push_back(std::move(member.buffer));
    }
    member.buffer.reset();
  }
}

void Crew::run(Member& member) {
  core::name_this_thread("fuse");
  unblock_wake_signal();
  self() = &member;
  for (;;) {
    std::function<void()> work;
    {
      const core::MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_ && receiving_ >= options_.receivers) {
        ++idle_;
        give_buffer(member);
        wanted_.wait(mutex_);
        --idle_;
      }
      if (!queue_.empty()) {
        work = std::move(queue_.front());
        queue_.pop_front();
      } else if (stopping_) {
        return;
      } else {
        count(member);
      }
    }
    if (work) {
      work();
      continue;
    }
    core::Result<bool> more = receive(member);
    bool last = false;
    {
      const core::MutexLock lock(mutex_);
      stop_counting(member);
      if (!more || !*more) {
        last = !stopping_.exchange(true);
        wanted_.notify_all();
        if (!more && failure_) {
          failure_ = std::move(more).error();
        }
      }
    }
    if (last) {
      ended_();
    }
  }
}

core::Result<bool> Crew::receive(Member& member) {
  // Until this thread stops receiving, which a handler may make it do.
  while (member.receives) {
    if (!member.buffer) {
      TRY_ASSIGN(member.buffer, ReceiveBuffer::create(options_.blocks));
    }
    const std::span<std::byte> room = member.buffer->room();
    member.reading = true;
    const ssize_t got = stopping_ ? 0 : ::read(descriptor_, room.data(), room.size());
    const int errnum = errno;
    member.reading = false;
    if (got > 0) {
      hand_over(member, room.first(static_cast<std::size_t>(got)));
    } else if (got == 0 || errnum == ENODEV) {
      return false;  // stopping, a test's end of the socket closed, or unmounted
    } else if (errnum != EINTR && errnum != EAGAIN && errnum != ENOENT) {
      // ENOENT: the caller was interrupted before the kernel handed its request over.
      return core::os_error(errnum, "receive from the kernel");
    }
  }
  return true;
}

void Crew::hand_over(Member& member, std::span<std::byte> message) {
  const std::size_t head = std::min(message.size(), member.own.size());
  std::memcpy(member.own.data(), message.data(), head);
  member.message = member.own.data();
  member.in_buffer = head < message.size();
  member.offer = member.buffer->offer(message.size());
  handle_(member.in_buffer ? message : std::span(member.own).first(head));
  if (member.in_buffer) {
    member.buffer->settle(member.offer);
  }
  member.in_buffer = false;
  member.message = nullptr;
}

void Crew::stop_receiving() {
  stopping_ = true;
  const core::MutexLock lock(mutex_);
  wanted_.notify_all();
  while (receiving_ > 0) {
    for (const std::unique_ptr<Member>& member : members_) {
      if (member->reading) {
        ::pthread_kill(member->thread.native_handle(), kWakeSignal);
      }
    }
    left_.wait_until(mutex_, core::BootClock::now() + kWakeAgain);
  }
}

core::Status Crew::finish() {
  // Nobody adds members once nobody receives.
  std::vector<std::unique_ptr<Member>> members;
  {
    const core::MutexLock lock(mutex_);
    members.swap(members_);
  }
  for (const std::unique_ptr<Member>& member : members) {
    member->thread.join();
  }
  const core::MutexLock lock(mutex_);
  return failure_;
}

}  // namespace fuse
