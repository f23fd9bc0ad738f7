#include "emulator/account/tokens.h"

#include <array>
#include <charconv>

#include "core/digest.h"
#include "core/random.h"
#include "emulator/account/base64url.h"

namespace emulator {
namespace {

constexpr std::string_view kPrefix = "CAIS";  // what real tokens begin with
constexpr std::string_view kOssId = "STS.";
constexpr std::string_view kAwsId = "ASIA";
constexpr std::size_t kMacSize = 32;

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string TokenMint::new_access_key_id(Dialect dialect) {
  if (dialect == Dialect::Oss) {
    return std::string(kOssId) + 'N' + core::random_hex(12);
  }
  std::string id = std::string(kAwsId) + core::random_hex(8);
  for (char& c : id) {
    c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return id;
}

bool TokenMint::is_temporary(std::string_view access_key_id) {
  return access_key_id.starts_with(kOssId) || access_key_id.starts_with(kAwsId);
}

core::Secret TokenMint::secret_of(std::string_view access_key_id) const {
  return core::Secret(stamp("secret", access_key_id).substr(0, 44));
}

std::string TokenMint::stamp(std::string_view purpose, std::string_view text) const {
  return core::hex(
      core::hmac_sha256(key_.reveal(), std::string(purpose) + "\n" + std::string(text)));
}

std::string TokenMint::write(const TokenClaims& claims) const {
  // One claim a line; the policy comes last, because it may contain line ends itself.
  std::string body = claims.access_key_id + "\n" + claims.role + "\n" + claims.session + "\n" +
                     std::to_string(core::unix_seconds(claims.expires)) + "\n" +
                     std::to_string(claims.generation) + "\n" + claims.policy;
  body.insert(0, core::hmac_sha256(key_.reveal(), "token\n" + body));
  return std::string(kPrefix) + base64url(body);
}

std::optional<TokenClaims> TokenMint::read(std::string_view token) const {
  if (!token.starts_with(kPrefix)) {
    return std::nullopt;
  }
  const auto raw = base64url_decode(token.substr(kPrefix.size()));
  if (!raw || raw->size() < kMacSize) {
    return std::nullopt;
  }
  std::string_view body = std::string_view(*raw).substr(kMacSize);
  if (!core::equal_constant_time(core::hmac_sha256(key_.reveal(), "token\n" + std::string(body)),
                                 std::string_view(*raw).substr(0, kMacSize))) {
    return std::nullopt;
  }
  std::array<std::string_view, 5> lines;
  for (auto& line : lines) {
    const auto end = body.find('\n');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    line = body.substr(0, end);
    body.remove_prefix(end + 1);
  }
  TokenClaims claims;
  std::int64_t expires = 0;
  if (!parse_number(lines[3], expires) || !parse_number(lines[4], claims.generation)) {
    return std::nullopt;
  }
  claims.access_key_id = lines[0];
  claims.role = lines[1];
  claims.session = lines[2];
  claims.expires = core::wall_from_unix(expires);
  claims.policy = body;
  return claims;
}

}  // namespace emulator
