#pragma once
#include <linux/fuse.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/unique_fd.h"

namespace test {

/// The bytes of a message's structure.
template <class Struct>
std::string bytes_of(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}
/// A name as it stands in a message.
inline std::string name_of(std::string_view text) { return std::string(text) + '\0'; }

/// The other side of /dev/fuse: sends requests as Linux does and collects answers in any order.
/// Threads: one.
class FakeKernel {
 public:
  FakeKernel();

  /// The descriptor to make a session on; once.
  core::UniqueFd take_session_end();
  /// The mount ends.
  void hang_up() { ours_.reset(); }

  struct Answer {
    int error = 0;  ///< errno, positive
    std::string payload;
    /// The payload as a structure; zeroes if it is too short.
    template <class Struct>
    [[nodiscard]] Struct as(std::size_t offset = 0) const {
      Struct out{};
      if (payload.size() >= offset + sizeof(Struct)) {
        payload.copy(reinterpret_cast<char*>(&out), sizeof(Struct), offset);
      }
      return out;
    }
  };

  /// Sends a request; its number. FUSE_FORGET and FUSE_BATCH_FORGET get no answer.
  std::uint64_t send(std::uint32_t opcode, std::uint64_t node, std::string_view payload = {});
  /// The number that the next send will have.
  [[nodiscard]] std::uint64_t next_unique() const { return next_unique_; }
  /// The answer to one request; fails the test after ten seconds.
  Answer await(std::uint64_t unique);
  Answer call(std::uint32_t opcode, std::uint64_t node, std::string_view payload = {}) {
    return await(send(opcode, node, payload));
  }
  /// Whether it was answered within a moment.
  bool answered(std::uint64_t unique,
                std::chrono::milliseconds within = std::chrono::milliseconds{30});

  /// INIT with everything that a current kernel offers.
  std::uint64_t send_init();
  /// Says that nobody waits for the answer any more; again, if the session asks for that.
  void interrupt(std::uint64_t unique);

  std::uint32_t uid = 1000;
  std::uint32_t gid = 100;
  std::uint32_t pid = 4711;

 private:
  void write(std::uint32_t opcode, std::uint64_t unique, std::uint64_t node,
             std::string_view payload);
  /// Takes one message off the socket; false if none comes in time.
  bool receive(std::chrono::milliseconds within);

  core::UniqueFd ours_;
  core::UniqueFd theirs_;
  std::uint64_t next_unique_ = 2;
  std::map<std::uint64_t, Answer> answers_;
};

}  // namespace test
