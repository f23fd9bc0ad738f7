#pragma once
// Digests, message authentication, and their spellings.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace core {

using ByteView = std::span<const std::byte>;
inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Raw (binary) digests. Any thread; contexts are kept per thread, since setting one up costs more
/// than hashing a string to sign.
std::string md5(std::string_view data);
std::string sha256(std::string_view data);
std::string hmac_sha1(std::string_view key, std::string_view data);
std::string hmac_sha256(std::string_view key, std::string_view data);

/// A digest over pieces, for bodies.
class Hasher {
 public:
  enum class Kind : std::uint8_t { Md5, Sha1, Sha256 };
  explicit Hasher(Kind kind);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(ByteView data);
  /// The raw digest; the hasher is done afterwards.
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string hex(std::string_view raw);        ///< lower case
std::string upper_hex(std::string_view raw);  ///< upper case, as in an OSS ETag
std::string base64(std::string_view raw);
std::optional<std::string> base64_decode(std::string_view text);
/// Constant time in the length.
bool equal_constant_time(std::string_view a, std::string_view b);

/// CRC-64/XZ, the service's x-oss-hash-crc64ecma; chain by handing in the previous value.
std::uint64_t crc64(ByteView data, std::uint64_t previous = 0);
/// The sum of A followed by B from their own sums and B's length.
std::uint64_t crc64_combine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b);

}  // namespace core
