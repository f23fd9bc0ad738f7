#include "fuse/fusermount.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "core/os_error.h"
#include "core/text.h"

namespace fuse {
namespace {

constexpr const char* kHelper = "fusermount3";

struct Ended {
  int status = 0;     ///< of waitpid
  std::string words;  ///< what it wrote on standard error
  core::UniqueFd received;
};

/// The descriptor that arrives with one byte on `socket`; invalid if none does.
core::UniqueFd receive_descriptor(int socket) {
  char byte = 0;
  iovec piece{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* const header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) {
    return {};
  }
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
  return core::UniqueFd(descriptor);
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      return std::string(core::trim(text));
    }
  }
}

/// Runs the helper to its end. It gets no environment of ours, which may hold keys.
core::Result<Ended> run_helper(std::vector<std::string> arguments) {
  std::array<int, 2> sockets{};
  std::array<int, 2> pipes{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return core::os_error(errno, "socketpair");
  }
  core::UniqueFd ours(sockets[0]);
  core::UniqueFd theirs(sockets[1]);
  if (::pipe2(pipes.data(), O_CLOEXEC) != 0) {
    return core::os_error(errno, "pipe");
  }
  core::UniqueFd words(pipes[0]);
  core::UniqueFd standard_error(pipes[1]);

  constexpr int kSocketInChild = 3;
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, standard_error.get(), STDERR_FILENO);
  // The same number twice clears close-on-exec, too.
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), kSocketInChild);
  arguments.insert(arguments.begin(), kHelper);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  std::string channel = "_FUSE_COMMFD=" + std::to_string(kSocketInChild);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::array<char*, 3> environment{channel.data(), path.data(), nullptr};
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, kHelper, &actions, nullptr, argv.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) {
    return core::fail(core::ErrorKind::NotFound,
                      "fusermount3 is not installed: install the package fuse3, or run as root");
  }
  if (failed != 0) {
    return core::os_error(failed, kHelper);
  }
  theirs.reset();
  standard_error.reset();
  Ended ended;
  ended.received = receive_descriptor(ours.get());
  ended.words = read_all(words.get());
  while (::waitpid(child, &ended.status, 0) < 0) {
    if (errno != EINTR) {
      return core::os_error(errno, "wait for fusermount3");
    }
  }
  return ended;
}

bool succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

}  // namespace

core::Result<core::UniqueFd> mount_by_helper(const std::string& mount_point,
                                             const std::string& options) {
  TRY_ASSIGN(Ended ended, run_helper({"-o", options, "--", mount_point}));
  if (!succeeded(ended.status) || !ended.received.valid()) {
    return core::fail(core::ErrorKind::Denied,
                      ended.words.empty() ? "fusermount3 gave no reason" : ended.words);
  }
  return std::move(ended.received);
}

core::Status unmount_by_helper(const std::string& mount_point, bool detach) {
  std::vector<std::string> arguments{"-u"};
  if (detach) {
    arguments.emplace_back("-z");
  }
  arguments.insert(arguments.end(), {"--", mount_point});
  TRY_ASSIGN(const Ended ended, run_helper(std::move(arguments)));
  if (!succeeded(ended.status)) {
    const bool busy = ended.words.find("busy") != std::string::npos;
    return core::fail(busy ? core::ErrorKind::Busy : core::ErrorKind::Denied, ended.words);
  }
  return {};
}

}  // namespace fuse
