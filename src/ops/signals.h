#pragma once
#include <functional>
#include <initializer_list>
#include <memory>
#include <thread>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ops {

/// Blocks these signals in the calling thread and those it starts from now on, so that a
/// SignalThread gets them. Call before the first thread.
core::Status block_signals(std::initializer_list<int> signals);

/// A thread that waits for blocked signals and tells `handler` of each.
/// Threads: `handler` runs on its own thread and may do what any function may.
class SignalThread {
 public:
  static core::Result<std::unique_ptr<SignalThread>> start(std::initializer_list<int> signals,
                                                           std::function<void(int)> handler);
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  /// Ends the thread; the signals stay blocked.
  ~SignalThread();

 private:
  SignalThread(core::UniqueFd signals, core::UniqueFd wake, std::function<void(int)> handler);
  void run();

  core::UniqueFd signals_;
  core::UniqueFd wake_;
  std::function<void(int)> handler_;
  std::thread thread_;
};

}  // namespace ops
