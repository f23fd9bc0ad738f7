#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "core/mutex.h"
#include "core/result.h"
#include "fuse/receive_buffer.h"

struct fuse_in_header;

namespace fuse {

/// The threads of a session: each receives a message and does what it asks for.
///
/// One or two wait for messages. Who has received work that may wait does it on the spot, without a
/// change of threads, while another receives; that is an idle one, or a new one while there are
/// fewer than `limit`. Beyond that, work queues: somebody always receives, so that interrupts,
/// reads and forgets get through however many calls wait. Threads: any, unless a call says
/// otherwise.
class Crew {
 public:
  struct Options {
    unsigned receivers = 2;             ///< that wait for messages at a time
    unsigned limit = 64;                ///< threads in all
    core::BlockPool* blocks = nullptr;  ///< to receive in; none: memory of its own
  };
  /// Gets each message, on the thread that received it.
  using Handle = std::function<void(std::span<std::byte>)>;
  /// Messages come from `descriptor`, each whole in one read(2). `ended` is called when there will
  /// be no more: the connection is gone, or reading fails.
  Crew(int descriptor, Options options, Handle handle, std::function<void()> ended);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew();

  /// Errors: memory or threads cannot be had.
  core::Status start();

  /// Asked by the handler of a message, once: true if it may wait from now on, because somebody
  /// else receives. False: it must post() instead.
  bool may_wait();
  /// Told by the handler of a message after may_wait(), if it does nothing but answer any more: its
  /// thread receives again as soon as it has, so nobody is woken for what its caller asks next.
  static void will_not_wait();
  /// Queues work for the next thread that has done its own.
  void post(std::function<void()> work);
  /// The message that the calling thread is handling; nothing on other threads.
  static const fuse_in_header* message();
  /// The block that the payload of that message fills, for whoever keeps it.
  static core::BlockOffer& offer();

  /// Nobody receives any more when this returns; work goes on.
  void stop_receiving();
  /// After stop_receiving(): returns when all work is done and the threads have ended.
  /// Errors: why reading failed, if it did.
  core::Status finish();

 private:
  /// What a message that is no write takes, nearly always.
  static constexpr std::size_t kShortBytes = 4096;
  struct Member {
    explicit Member(Crew& of) : crew(of) {}
    Crew& crew;
    std::thread thread;
    std::unique_ptr<ReceiveBuffer> buffer;
    /// Short messages are moved here, so that the buffer can go to whoever receives next; of others
    /// the head is copied, since whoever handles them may give the buffer's memory away.
    alignas(std::uint64_t) std::array<std::byte, kShortBytes> own{};
    std::byte* message = nullptr;      ///< head of what is being handled; its own thread's
    bool in_buffer = false;            ///< the rest of that is in `buffer`; its own thread's
    core::BlockOffer offer;            ///< its own thread's
    std::atomic<bool> reading{false};  ///< in read(2), or nearly
    bool receives = false;             ///< counts among receiving_; its own thread's
  };
  static Member*& self();

  bool add_member() REQUIRES(mutex_);
  void run(Member& member);
  /// False when there is nothing more to receive.
  core::Result<bool> receive(Member& member);
  void hand_over(Member& member, std::span<std::byte> message);
  void count(Member& member) REQUIRES(mutex_);
  void stop_counting(Member& member) REQUIRES(mutex_);
  /// Leaves the member's buffer to others, if it holds no message.
  void give_buffer(Member& member) REQUIRES(mutex_);

  const int descriptor_;
  const Options options_;
  const Handle handle_;
  const std::function<void()> ended_;
  std::atomic<bool> stopping_{false};

  core::Mutex mutex_{core::LockRank::Session};
  core::CondVar wanted_;  ///< a receiver, or somebody for the queue
  core::CondVar left_;    ///< a receiver has stopped receiving
  std::vector<std::unique_ptr<Member>> members_ GUARDED_BY(mutex_);
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  /// Buffers that nobody has; a burst beyond a few gives its memory back.
  std::vector<std::unique_ptr<ReceiveBuffer>> spare_ GUARDED_BY(mutex_);
  unsigned receiving_ GUARDED_BY(mutex_) = 0;
  unsigned idle_ GUARDED_BY(mutex_) = 0;
  core::Status failure_ GUARDED_BY(mutex_);
};

}  // namespace fuse
