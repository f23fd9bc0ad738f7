#include "core/digest.h"

#include <isa-l/crc64.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "core/check.h"

namespace core {
namespace {

/// Fetched once: a lookup by name costs more than the digest itself (OpenSSL 3).
const EVP_MD* fetched(const char* name) {
  static const EVP_MD* const md5_md = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const sha1_md = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const sha256_md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  const std::string_view wanted(name);
  return wanted == "MD5" ? md5_md : wanted == "SHA1" ? sha1_md : sha256_md;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

std::string digest(const EVP_MD* md, std::string_view first, std::string_view second = {}) {
  thread_local const ContextPtr context(EVP_MD_CTX_new());
  std::string out(static_cast<std::size_t>(EVP_MD_get_size(md)), '\0');
  CORE_CHECK(EVP_DigestInit_ex(context.get(), md, nullptr) == 1 &&
             EVP_DigestUpdate(context.get(), bytes_of(first), first.size()) == 1 &&
             EVP_DigestUpdate(context.get(), bytes_of(second), second.size()) == 1 &&
             EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                                nullptr) == 1);
  return out;
}

/// HMAC by its definition (RFC 2104) over the cheap digest above: OpenSSL 3's HMAC() looks its
/// algorithm up on every call, which costs five times as much as the whole signature.
std::string hmac(const EVP_MD* md, std::string_view key, std::string_view data) {
  constexpr std::size_t kBlock = 64;
  std::string block = key.size() > kBlock ? digest(md, key) : std::string(key);
  block.resize(kBlock, '\0');
  std::string inner = block;
  for (char& c : inner) {
    c = static_cast<char>(static_cast<unsigned char>(c) ^ 0x36U);
  }
  for (char& c : block) {
    c = static_cast<char>(static_cast<unsigned char>(c) ^ 0x5cU);
  }
  std::string out = digest(md, block, digest(md, inner, data));
  OPENSSL_cleanse(inner.data(), inner.size());
  OPENSSL_cleanse(block.data(), block.size());
  return out;
}

std::string to_hex(std::string_view raw, const char* digits) {
  std::string out;
  out.reserve(raw.size() * 2);
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

}  // namespace

struct Hasher::Context {
  ContextPtr md{EVP_MD_CTX_new()};
};

Hasher::Hasher(Kind kind) : context_(std::make_unique<Context>()) {
  const char* name = kind == Kind::Md5 ? "MD5" : kind == Kind::Sha1 ? "SHA1" : "SHA256";
  CORE_CHECK(EVP_DigestInit_ex(context_->md.get(), fetched(name), nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(ByteView data) {
  CORE_CHECK(EVP_DigestUpdate(context_->md.get(), data.data(), data.size()) == 1);
}

std::string Hasher::finish() {
  std::string out(static_cast<std::size_t>(EVP_MD_CTX_get_size(context_->md.get())), '\0');
  CORE_CHECK(EVP_DigestFinal_ex(context_->md.get(), reinterpret_cast<unsigned char*>(out.data()),
                                nullptr) == 1);
  return out;
}

std::string md5(std::string_view data) { return digest(fetched("MD5"), data); }
std::string sha256(std::string_view data) { return digest(fetched("SHA256"), data); }
std::string hmac_sha1(std::string_view key, std::string_view data) {
  return hmac(fetched("SHA1"), key, data);
}
std::string hmac_sha256(std::string_view key, std::string_view data) {
  return hmac(fetched("SHA256"), key, data);
}

std::string hex(std::string_view raw) { return to_hex(raw, "0123456789abcdef"); }
std::string upper_hex(std::string_view raw) { return to_hex(raw, "0123456789ABCDEF"); }

std::string base64(std::string_view raw) {
  std::string out((raw.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(raw),
                                   static_cast<int>(raw.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  if (text.empty()) {
    return std::string();
  }
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) {
    return std::nullopt;
  }
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::uint64_t crc64(ByteView data, std::uint64_t previous) {
  return crc64_ecma_refl(previous, reinterpret_cast<const unsigned char*>(data.data()),
                         data.size());
}

namespace {

/// "Advance a sum by some zero bits" as a linear map over GF(2): one column a bit.
using Shift = std::array<std::uint64_t, 64>;

std::uint64_t shifted(const Shift& shift, std::uint64_t vector) {
  std::uint64_t sum = 0;
  for (std::size_t bit = 0; vector != 0; ++bit, vector >>= 1U) {
    if ((vector & 1U) != 0) {
      sum ^= shift[bit];
    }
  }
  return sum;
}

Shift squared(const Shift& shift) {
  Shift result{};
  for (std::size_t bit = 0; bit < 64; ++bit) {
    result[bit] = shifted(shift, shift[bit]);
  }
  return result;
}

/// By how many zero bytes each doubles: 1, 2, 4, …
const std::array<Shift, 64>& shifts() {
  static const std::array<Shift, 64> all = [] {
    Shift bit_by_bit{};
    bit_by_bit[0] = 0xC96C5795D7870F42U;  // the reflected ECMA-182 polynomial
    for (std::size_t bit = 1; bit < 64; ++bit) {
      bit_by_bit[bit] = std::uint64_t{1} << (bit - 1);
    }
    std::array<Shift, 64> made{};
    made[0] = squared(squared(squared(bit_by_bit)));
    for (std::size_t n = 1; n < made.size(); ++n) {
      made[n] = squared(made[n - 1]);
    }
    return made;
  }();
  return all;
}

}  // namespace

// As zlib's crc32_combine: one shift for each bit of the length.
std::uint64_t crc64_combine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b) {
  for (std::size_t n = 0; length_b != 0; ++n, length_b >>= 1U) {
    if ((length_b & 1U) != 0) {
      crc_a = shifted(shifts()[n], crc_a);
    }
  }
  return crc_a ^ crc_b;
}

}  // namespace core
