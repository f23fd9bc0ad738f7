#pragma once
// Whoever a request turned out to come from.
#include <cstdint>
#include <memory>
#include <string>

#include "emulator/wire/message.h"

namespace emulator {

/// Who a verified request speaks for. Cheap to copy; the policies behind it live in the Authority.
struct Principal {
  enum class Kind : std::uint8_t { Anonymous, User, Session };
  Kind kind = Kind::Anonymous;
  std::string arn;  ///< acs:ram::ACCOUNT:user/NAME or …:assumed-role/ROLE/SESSION
  std::string access_key_id;
  std::shared_ptr<const struct Grants> grants;  ///< what the policies add up to; null: nothing
};

/// What a verified request may additionally carry as limits (signed URL restrictions).
struct Verified {
  Principal principal;
  Dialect dialect = Dialect::Oss;
  bool by_url = false;
};

}  // namespace emulator
