#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "core/bytes.h"
#include "core/result.h"
#include "http/message.h"

namespace curl {

/// Takes the bytes of an answer apart as they come off a connection. Pure, and strict: what RFC
/// 9112 does not allow is an error, never a guess at where an answer ends.
///
/// Threads: one at a time.
class AnswerReader {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// The head of the real answer is complete; interim ones (100 Continue) are passed over.
    virtual core::Status on_head(http::Response head) = 0;
    virtual core::Status on_body(core::ByteView data) = 0;
  };
  /// `to_head`: the request was HEAD, the answer to which has no body whatever it says.
  AnswerReader(Listener& listener, bool to_head);
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;
  ~AnswerReader();

  /// Shape: how many of the bytes belong to the answer; fewer than there are only when it is
  /// complete. Errors: Protocol (no head of an answer), Unavailable (lengths or chunks that make no
  /// sense, a
  ///   flood of interim answers), and what the listener said. The reader is spent then.
  core::Result<std::size_t> take(core::ByteView bytes);
  /// The other side has ended. Errors: Unavailable where that cuts the answer.
  core::Status end();

  /// How much of a body of known length is still to come, once some of it has: those bytes are
  /// handed on as they lie. 0: not known, or not yet.
  [[nodiscard]] std::uint64_t body_left() const;
  [[nodiscard]] bool complete() const { return complete_; }
  /// While interim answers are all that came: promises are no progress.
  [[nodiscard]] bool only_promised() const;
  /// Whether the connection may carry another request; known when the answer is complete.
  [[nodiscard]] bool keeps_alive() const;

 private:
  class Parser;
  core::Result<std::size_t> parse(core::ByteView bytes);

  Listener& listener_;
  const bool to_head_;
  std::unique_ptr<Parser> parser_;
  std::string rest_;  ///< what came and makes no sense without what follows
  int interim_ = 0;   ///< answers that announced another
  bool complete_ = false;
};

}  // namespace curl
