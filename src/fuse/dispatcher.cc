#include "fuse/dispatcher.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <linux/fuse.h>

#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "core/log.h"

namespace fuse {

Dispatcher::Dispatcher(fs::FileSystem& fs, core::Clock& clock, core::Metrics& metrics,
                       Patience patience, Crew& crew)
    : fs_(fs), clock_(clock), crew_(crew), patience_(patience), counters_(metrics), forgets_(fs) {}

std::shared_ptr<Call> Dispatcher::begin(fuse_req* request, const Operation& operation,
                                        fs::InodeNumber inode) noexcept {
  const fuse_in_header& message = *Crew::message();  // libfuse does not tell the request's number
  counters_.requests.add();
  std::optional<Reply> reply;
  try {
    reply.emplace(request, message, operation.name, inode, in_flight_, counters_);
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
    asked.context.id = reply->id();
    const fuse_ctx* const caller = fuse_req_ctx(request);
    asked.uid = caller->uid;
    asked.gid = caller->gid;
    asked.pid = caller->pid;
    asked.umask = caller->umask;
    return std::make_shared<Call>(
        Call{fs_, std::move(asked), *std::move(reply), kernel_writes_back_});
  } catch (const std::exception& exception) {
    core::log(core::LogLevel::Error, "cannot take a request",
              {{"op", operation.name}, {"error", exception.what()}});
    return nullptr;  // the reply answers as it ends
  }
}

}  // namespace fuse
