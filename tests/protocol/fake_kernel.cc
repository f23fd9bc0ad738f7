#include "fake_kernel.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

namespace test {
namespace {

using namespace std::chrono_literals;

constexpr int kSocketBytes = 8 << 20;

/// The largest messages need more room than unprivileged sockets get; smaller ones do without.
void enlarge(int socket) {
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &kSocketBytes, sizeof(kSocketBytes)) != 0) {
    ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof(kSocketBytes));
  }
}

}  // namespace

FakeKernel::FakeKernel() {
  ::signal(SIGPIPE, SIG_IGN);  // answers after hang_up
  std::array<int, 2> sockets{};
  // Every message arrives whole or not at all, as on /dev/fuse.
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()), 0);
  ours_.reset(sockets[0]);
  theirs_.reset(sockets[1]);
  enlarge(ours_.get());
  enlarge(theirs_.get());
}

core::UniqueFd FakeKernel::take_session_end() { return std::move(theirs_); }

std::uint64_t FakeKernel::send(std::uint32_t opcode, std::uint64_t node, std::string_view payload) {
  const std::uint64_t unique = next_unique_;
  next_unique_ += 2;  // odd numbers are interrupts
  write(opcode, unique, node, payload);
  return unique;
}

void FakeKernel::write(std::uint32_t opcode, std::uint64_t unique, std::uint64_t node,
                       std::string_view payload) {
  fuse_in_header header{};
  header.len = static_cast<std::uint32_t>(sizeof(header) + payload.size());
  header.opcode = opcode;
  header.unique = unique;
  header.nodeid = node;
  header.uid = uid;
  header.gid = gid;
  header.pid = pid;
  const std::string message = bytes_of(header) + std::string(payload);
  EXPECT_EQ(::write(ours_.get(), message.data(), message.size()),
            static_cast<ssize_t>(message.size()));
}

bool FakeKernel::receive(std::chrono::milliseconds within) {
  pollfd socket{ours_.get(), POLLIN, 0};
  if (::poll(&socket, 1, static_cast<int>(within.count())) <= 0) {
    return false;
  }
  std::vector<char> buffer(std::size_t{2} << 20U);
  const ssize_t got = ::read(ours_.get(), buffer.data(), buffer.size());
  fuse_out_header header{};
  if (got < static_cast<ssize_t>(sizeof(header))) {
    return false;
  }
  std::string_view message(buffer.data(), static_cast<std::size_t>(got));
  message.copy(reinterpret_cast<char*>(&header), sizeof(header));
  EXPECT_EQ(header.len, message.size());
  message.remove_prefix(sizeof(header));
  if ((header.unique & 1U) != 0) {
    EXPECT_EQ(header.error, -EAGAIN);
    if (const std::uint64_t request = header.unique - 1; !answers_.contains(request)) {
      interrupt(request);
    }
    return true;
  }
  const bool first =
      answers_.emplace(header.unique, Answer{-header.error, std::string(message)}).second;
  EXPECT_TRUE(first) << "request " << header.unique << " was answered twice";
  return true;
}

FakeKernel::Answer FakeKernel::await(std::uint64_t unique) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!answers_.contains(unique)) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "request " << unique << " was not answered";
      return {-1, {}};
    }
    receive(100ms);
  }
  return answers_.at(unique);
}

bool FakeKernel::answered(std::uint64_t unique, std::chrono::milliseconds within) {
  while (!answers_.contains(unique)) {
    if (!receive(within)) {
      return false;
    }
  }
  return true;
}

std::uint64_t FakeKernel::send_init() {
  fuse_init_in init{};
  init.major = FUSE_KERNEL_VERSION;
  init.minor = FUSE_KERNEL_MINOR_VERSION;
  init.max_readahead = 128 << 10;
  init.flags = 0x7fffffff;  // whatever there is, and FUSE_INIT_EXT
  init.flags2 = 0xff;
  return send(FUSE_INIT, 0, bytes_of(init));
}

void FakeKernel::interrupt(std::uint64_t unique) {
  fuse_interrupt_in in{};
  in.unique = unique;
  write(FUSE_INTERRUPT, unique | 1U, 0, bytes_of(in));
}

}  // namespace test
