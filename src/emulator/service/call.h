#pragma once
// One request from its head to its answer.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/account/principal.h"
#include "emulator/objects/objects.h"
#include "emulator/service/operation.h"
#include "emulator/wire/address.h"
#include "emulator/wire/body.h"
#include "emulator/wire/message.h"

namespace emulator {

/// One request on its way through the service.
struct Call {
  RawRequest request;
  std::string request_id;
  Address address;
  Op op = Op::NotImplemented;
  std::string described;  ///< what is not implemented, or which configuration is meant
  Dialect dialect = Dialect::Oss;
  Principal principal;
  BucketFacts bucket;               ///< of the bucket addressed, once admitted
  std::uint64_t traffic_limit = 0;  ///< bit/s; 0: none

  std::string text;   ///< the body, for BodyKind::Text
  Incoming incoming;  ///< the body, for BodyKind::Object

  /// The value of "x-oss-NAME" or "x-amz-NAME", as the dialect has it; or nothing.
  [[nodiscard]] std::optional<std::string_view> vendor(std::string_view name) const;
  [[nodiscard]] std::string vendor_name(std::string_view name) const;
  /// The value of a parameter; empty if it is not there.
  [[nodiscard]] std::string param(std::string_view name) const;
};

}  // namespace emulator
