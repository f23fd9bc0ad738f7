#pragma once
#include <cstdint>
#include <string>

#include "emulator/wire/body.h"

namespace emulator {

/// Takes the framing of "aws-chunked" off: SIZE[;chunk-signature=…] CRLF, bytes, CRLF, …, a chunk
/// of size 0, trailers. Signatures of chunks and checksums in trailers are not verified. Source:
/// Amazon S3 API, "Transferring payload in multiple chunks".
class AwsChunkedDecoder {
 public:
  /// False: malformed.
  bool feed(core::ByteView bytes, BodyWriter& writer);
  [[nodiscard]] bool complete() const { return state_ == State::Trailers; }

 private:
  enum class State : std::uint8_t { Size, Data, AfterData, Trailers };
  bool end_of_size_line();

  State state_ = State::Size;
  std::string line_;
  std::uint64_t left_ = 0;
};

}  // namespace emulator
