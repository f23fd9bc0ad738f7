#pragma once
// What stands between libfuse's C callbacks and functions over values: arguments are copied where
// the work outlives the callback, and no exception gets out.
#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/log.h"
#include "fuse/dispatcher.h"

struct fuse_file_info;

namespace fuse {

/// An open file as the kernel names it; without one, handle and flags are 0.
struct FileInfo {
  fs::HandleId handle = 0;
  int flags = 0;  ///< as open(2)
};
FileInfo to_file_info(const fuse_file_info* info);
Dispatcher& dispatcher_of(fuse_req* request);

/// An argument of a callback as a value of its own.
inline std::string own(const char* text) { return text; }
inline FileInfo own(fuse_file_info* info) { return to_file_info(info); }
template <class Value>
requires(!std::is_pointer_v<Value>) Value own(Value value) { return value; }

/// Runs `work`; what it throws is logged, and the unanswered reply answers EIO as it ends.
template <class Work>
void guarded(const char* operation, const Work& work) noexcept {
  try {
    work();
  } catch (const std::exception& exception) {
    core::log(core::LogLevel::Error, "exception in a request",
              {{"op", operation}, {"error", exception.what()}});
  } catch (...) {
    core::log(core::LogLevel::Error, "exception in a request", {{"op", operation}});
  }
}

/// Runs `work(call)`: it must not wait.
template <class Work>
void here(fuse_req* request, const Operation& operation, fs::InodeNumber inode,
          const Work& work) noexcept {
  const std::shared_ptr<Call> call = dispatcher_of(request).begin(request, operation, inode);
  if (call) {
    guarded(operation.name, [&] { work(call); });
  }
}

/// Runs `work(call, inode, arguments...)`, which may wait.
template <class Work, class... Arguments>
void patiently(fuse_req* request, const Operation& operation, fs::InodeNumber inode, Work work,
               Arguments... arguments) noexcept {
  here(request, operation, inode, [&](const std::shared_ptr<Call>& call) {
    dispatcher_of(request).run(
        [call, work, inode, values = std::make_tuple(own(std::move(arguments))...)] {
          guarded(call->reply.operation(), [&] {
            std::apply([&](const auto&... value) { work(*call, inode, value...); }, values);
          });
        });
  });
}

/// A callback that does `work`, which may wait; its remaining arguments follow from libfuse's
/// signature.
template <const Operation& operation, auto work, class... Arguments>
void shell(fuse_req* request, fs::InodeNumber inode, Arguments... arguments) noexcept {
  patiently(request, operation, inode, work, arguments...);
}

}  // namespace fuse
