#include "core/secret.h"

#include <openssl/crypto.h>

namespace core {

void wipe(void* data, std::size_t size) { OPENSSL_cleanse(data, size); }

void Secret::wipe() {
  core::wipe(text_.data(), text_.capacity());
  text_.clear();
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    text_ = other.text_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    text_ = other.text_;
    other.wipe();
  }
  return *this;
}

bool operator==(const Secret& a, const Secret& b) {
  return a.text_.size() == b.text_.size() &&
         CRYPTO_memcmp(a.text_.data(), b.text_.data(), a.text_.size()) == 0;
}

}  // namespace core
