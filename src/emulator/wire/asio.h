#pragma once
// The one door to Boost.Asio. Clang 14 has coroutines of the standard but says so nowhere, and
// looks for the library's half in its old namespace.
#if defined(__clang__) && __clang_major__ < 15
#pragma clang diagnostic ignored "-Wdeprecated-experimental-coroutine"
#define __cpp_impl_coroutine 201902L
#include <coroutine>
namespace std::experimental {  // NOLINT(cert-dcl58-cpp)
using std::coroutine_handle;
using std::coroutine_traits;
}  // namespace std::experimental
#endif
// g++ 12 at -O1 takes the frames' own operator new and delete for strangers.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace emulator {
namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
}  // namespace emulator
