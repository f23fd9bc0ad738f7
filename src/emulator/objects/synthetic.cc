#include "emulator/objects/synthetic.h"

namespace emulator {

VersionPtr synthetic_version(std::uint64_t size, core::WallTime modified) {
  Incoming incoming;
  incoming.body = make_synthetic_body(size);
  std::uint64_t whole = 0;  // the sum of one full piece, which all but the last are
  std::uint64_t whole_length = 0;
  for (const Piece& piece : incoming.body.pieces()) {
    std::uint64_t sum = whole;
    if (piece.length != whole_length) {
      sum = core::crc64(piece.blob->memory().first(piece.length));
      whole = sum;
      whole_length = piece.length;
    }
    incoming.crc64 = core::crc64_combine(incoming.crc64, sum, piece.length);
  }
  auto version = std::make_shared<Version>();
  version->etag = incoming.etag();
  version->crc64 = incoming.crc64;
  version->body = std::move(incoming.body);
  version->modified = modified;
  version->headers = {{"Content-Type", "application/octet-stream"}};
  return version;
}

}  // namespace emulator
