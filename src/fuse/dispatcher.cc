#include "fuse/dispatcher.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "core/log.h"

namespace fuse {

Dispatcher::Dispatcher(fs::FileSystem& fs, core::Clock& clock, core::Metrics& metrics,
                       Patience patience, std::size_t workers)
    : fs_(fs),
      clock_(clock),
      patience_(patience),
      counters_(metrics),
      workers_("fuse-work", workers) {}

std::shared_ptr<Call> Dispatcher::begin(fuse_req* request, const Operation& operation,
                                        fs::InodeNumber inode) noexcept {
  const std::uint64_t id = next_id_.fetch_add(1, std::memory_order_relaxed);
  counters_.requests.add();
  std::optional<Reply> reply;
  try {
    reply.emplace(request, operation.name, inode, id, in_flight_, counters_);
  } catch (const std::exception& exception) {
    core::log(core::LogLevel::Error, "cannot take a request",
              {{"op", operation.name}, {"error", exception.what()}});
    fuse_reply_err(request, ENOMEM);
    return nullptr;
  }
  try {
    fs::Request asked;
    asked.context.deadline = clock_.steady_now() + patience_.*operation.patience;
    asked.context.stop = reply->stop();
    asked.context.id = id;
    const fuse_ctx* const caller = fuse_req_ctx(request);
    asked.uid = caller->uid;
    asked.gid = caller->gid;
    asked.pid = caller->pid;
    asked.umask = caller->umask;
    std::shared_ptr<Call> call(new Call{fs_, std::move(asked), *std::move(reply)});
    // The number instead of a pointer: an interrupt may arrive while the answer is on its way.
    fuse_req_interrupt_func(request, &Dispatcher::on_interrupt,
                            reinterpret_cast<void*>(id));  // NOLINT(performance-no-int-to-ptr)
    return call;
  } catch (const std::exception& exception) {
    core::log(core::LogLevel::Error, "cannot take a request",
              {{"op", operation.name}, {"error", exception.what()}});
    return nullptr;  // the reply answers as it ends
  }
}

void Dispatcher::on_interrupt(fuse_req* request, void* id) {
  auto& self = *static_cast<Dispatcher*>(fuse_req_userdata(request));
  self.counters_.interrupts.add();
  const core::MutexLock lock(self.mutex_);
  self.interrupted_.push_back(reinterpret_cast<std::uint64_t>(id));
  self.any_interrupted_ = true;
}

void Dispatcher::deliver_interrupts() {
  if (!any_interrupted_) {
    return;
  }
  std::vector<std::uint64_t> interrupted;
  {
    const core::MutexLock lock(mutex_);
    interrupted.swap(interrupted_);
    any_interrupted_ = false;
  }
  for (const std::uint64_t id : interrupted) {
    in_flight_.request_stop(id);
  }
}

}  // namespace fuse
