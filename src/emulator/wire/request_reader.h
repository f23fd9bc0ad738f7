#pragma once
// One connection's requests, parsed by Beast: heads, then bodies with a length or in chunks.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "emulator/wire/link.h"
#include "emulator/wire/message.h"

namespace emulator {

/// What the head says about the connection and the body, besides the request itself.
struct HeadInfo {
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;
};

/// Threads: that of the link.
class RequestReader {
 public:
  explicit RequestReader(Link& link);
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  enum class Outcome : std::uint8_t { Request, Closed, Malformed };
  /// The next head. Malformed: nothing more can be read here; answer 400 and close.
  awaitable<Outcome> read_head(RawRequest& request, HeadInfo& info);

  /// The next bytes of the body; 0: its end, or failed().
  awaitable<std::size_t> read_body(std::span<std::byte> into);
  /// The connection broke, or the chunks make no sense.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const;
  /// Bytes of the body that are still to come; nothing if that is not known.
  [[nodiscard]] std::optional<std::uint64_t> left() const;

 private:
  awaitable<std::size_t> read_chunked(std::span<std::byte> into);

  struct State;
  Link& link_;
  std::unique_ptr<State> state_;
  std::uint64_t left_ = 0;
  bool chunked_ = false;
  bool failed_ = false;
};

}  // namespace emulator
