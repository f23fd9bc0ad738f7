#include "core/random.h"

#include <openssl/rand.h>

#include <vector>

#include "core/check.h"
#include "core/digest.h"

namespace core {

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  CORE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes)) ==
             1);
  return hex(raw);
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  CORE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed) == 1);
  return seed;
}

}  // namespace core
