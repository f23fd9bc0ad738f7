#include "fuse/requester.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>

#include "core/format.h"
#include "core/text.h"

namespace fuse {
namespace {

using SignalSet = std::uint64_t;

constexpr SignalSet bit(int signal) { return SignalSet{1} << (static_cast<unsigned>(signal) - 1U); }

/// Signals that do not end a process that does not care about them. Source: signal(7).
constexpr SignalSet kHarmless = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH) |
                                bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);

struct Line {
  std::string_view name;
  std::optional<SignalSet> value;
};

std::optional<SignalSet> parse(std::string_view digits) {
  constexpr std::size_t kDigits = 16;
  SignalSet set = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, set, 16);
  if (digits.size() != kDigits || error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return set;
}

/// A procfs of another PID namespace knows other threads by our numbers.
bool is_ours(const std::string& proc) {
  std::array<char, 32> target{};
  const ssize_t length = ::readlink((proc + "/self").c_str(), target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) ==
                           std::to_string(::getpid());
}

}  // namespace

bool dying(std::string_view status) {
  std::array<Line, 5> lines{
      {{"SigPnd:", {}}, {"ShdPnd:", {}}, {"SigBlk:", {}}, {"SigIgn:", {}}, {"SigCgt:", {}}}};
  for (const std::string_view text : core::split(status, '\n')) {
    for (Line& line : lines) {
      if (text.starts_with(line.name)) {
        line.value = parse(core::trim(text.substr(line.name.size())));
      }
    }
  }
  const auto& [own, shared, blocked, ignored, caught] = lines;
  if (!own.value || !shared.value || !blocked.value || !ignored.value || !caught.value) {
    return true;
  }
  const SignalSet held_off = *blocked.value | *ignored.value | *caught.value | kHarmless;
  return ((*own.value | *shared.value) & ~held_off) != 0;
}

bool ProcRequesters::dying(pid_t tid) {
  if (!is_ours(proc_)) {
    return true;
  }
  // A file that is not there, or ends early because the thread does, is an answer as well.
  std::ifstream file(core::format("{}/{}/status", proc_, tid), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return fuse::dying(text);
}

}  // namespace fuse
