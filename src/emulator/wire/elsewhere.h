#pragma once
#include <type_traits>

#include "emulator/wire/asio.h"

namespace emulator {

/// Runs `work` on the disk's threads while this one serves others.
template <class Work>
awaitable<std::invoke_result_t<Work&>> elsewhere(asio::thread_pool& pool, Work work) {
  using Value = std::invoke_result_t<Work&>;
  co_return co_await asio::co_spawn(
      pool.get_executor(), [&work]() -> awaitable<Value> { co_return work(); },
      asio::use_awaitable);
}

}  // namespace emulator
