#include "emulator/account/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "emulator/account/base64url.h"

namespace emulator {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using nlohmann::json;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<core::WallTime> time_at(const json& object, const char* name) {
  const auto found = object.find(name);
  constexpr double kEndOfTime = 4'102'444'800;  // 2100: stays inside nanoseconds
  if (found == object.end() || !found->is_number()) {
    return std::nullopt;
  }
  const auto seconds = found->get<double>();
  if (!(seconds >= 0 && seconds <= kEndOfTime)) {
    return std::nullopt;
  }
  return core::wall_from_unix(static_cast<std::int64_t>(seconds));
}

std::shared_ptr<EVP_PKEY> rsa_key(std::string_view modulus, std::string_view exponent) {
  const Owned<BIGNUM, BN_free> n(
      BN_bin2bn(bytes_of(modulus), static_cast<int>(modulus.size()), nullptr));
  const Owned<BIGNUM, BN_free> e(
      BN_bin2bn(bytes_of(exponent), static_cast<int>(exponent.size()), nullptr));
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return {key, EVP_PKEY_free};
}

Result<json> json_part(std::string_view part, std::string_view what) {
  const auto text = base64url_decode(part);
  json value = text ? json::parse(*text, nullptr, /*allow_exceptions=*/false) : json();
  if (!value.is_object()) {
    return fail(ErrorKind::Unauthenticated, "the token's " + std::string(what) + " is malformed");
  }
  return value;
}

}  // namespace

Result<JsonWebKeys> JsonWebKeys::parse(std::string_view document) {
  const json root = json::parse(document, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("keys") || !root["keys"].is_array()) {
    return fail(ErrorKind::InvalidArgument, "a JWKS document needs a list of keys");
  }
  JsonWebKeys keys;
  for (const auto& item : root["keys"]) {
    const auto n = item.is_object() ? base64url_decode(text_at(item, "n")) : std::nullopt;
    const auto e = item.is_object() ? base64url_decode(text_at(item, "e")) : std::nullopt;
    if (!n || !e || text_at(item, "kty") != "RSA") {
      return fail(ErrorKind::InvalidArgument, "only RSA keys with n and e are supported");
    }
    auto key = rsa_key(*n, *e);
    if (key == nullptr) {
      return fail(ErrorKind::InvalidArgument, "n and e make no RSA key");
    }
    keys.keys_.emplace_back(text_at(item, "kid"), std::move(key));
  }
  return keys;
}

Result<JwtClaims> JsonWebKeys::verify(std::string_view token) const {
  const auto parts = core::split(token, '.');
  if (parts.size() != 3) {
    return fail(ErrorKind::Unauthenticated, "the token is no JWT");
  }
  TRY_ASSIGN(const json header, json_part(parts[0], "header"));
  TRY_ASSIGN(const json body, json_part(parts[1], "body"));
  if (text_at(header, "alg") != "RS256") {
    return fail(ErrorKind::Unauthenticated, "only RS256 is supported");
  }
  const auto signature = base64url_decode(parts[2]);
  if (!signature ||
      !signed_by_any(text_at(header, "kid"), token.substr(0, parts[0].size() + 1 + parts[1].size()),
                     *signature)) {
    return fail(ErrorKind::Unauthenticated, "the token's signature is wrong");
  }
  JwtClaims claims;
  claims.issuer = text_at(body, "iss");
  claims.subject = text_at(body, "sub");
  const json audience = body.value("aud", json());
  for (const auto& item : audience.is_array() ? audience : json::array({audience})) {
    if (item.is_string()) {
      claims.audiences.push_back(item.get<std::string>());
    }
  }
  const auto expires = time_at(body, "exp");
  if (!expires) {
    return fail(ErrorKind::Unauthenticated, "the token does not say when it expires");
  }
  claims.expires = *expires;
  claims.issued = time_at(body, "iat").value_or(core::WallTime{});
  return claims;
}

bool JsonWebKeys::signed_by_any(std::string_view kid, std::string_view text,
                                std::string_view signature) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const auto& entry) {
    if (!kid.empty() && !entry.first.empty() && entry.first != kid) {
      return false;
    }
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    return context != nullptr &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                entry.second.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                            text.size()) == 1;
  });
}

}  // namespace emulator
