#pragma once
// An identity provider for the tests of web identities.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "emulator/account/base64url.h"

namespace emulator {

/// A provider's key pair, and tokens that it signs.
class Issuer {
 public:
  Issuer() : key_(EVP_RSA_gen(1024), EVP_PKEY_free) {}
  [[nodiscard]] nlohmann::json jwks() const {
    return {
        {"keys", nlohmann::json::array(
                     {{{"kty", "RSA"}, {"kid", "k1"}, {"n", number("n")}, {"e", number("e")}}})}};
  }
  [[nodiscard]] std::string token(const nlohmann::json& claims,
                                  const std::string& alg = "RS256") const {
    const std::string text = base64url(nlohmann::json{{"alg", alg}, {"kid", "k1"}}.dump()) + "." +
                             base64url(claims.dump());
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     EVP_MD_CTX_free);
    std::string signature(128, '\0');
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()), 1);
    EXPECT_EQ(
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()),
        1);
    return text + "." + base64url(signature);
  }

 private:
  [[nodiscard]] std::string number(const char* name) const {
    BIGNUM* raw = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key_.get(), name, &raw), 1);
    const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> value(raw, BN_free);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(value.get())), '\0');
    BN_bn2bin(value.get(), reinterpret_cast<unsigned char*>(bytes.data()));
    return base64url(bytes);
  }
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

}  // namespace emulator
