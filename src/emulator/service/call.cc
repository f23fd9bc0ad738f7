#include "emulator/service/call.h"

namespace emulator {

std::string Call::vendor_name(std::string_view name) const {
  return (dialect == Dialect::S3 ? "x-amz-" : "x-oss-") + std::string(name);
}

std::optional<std::string_view> Call::vendor(std::string_view name) const {
  return request.header(vendor_name(name));
}

std::string Call::param(std::string_view name) const {
  const QueryParam* found = request.param(name);
  return found == nullptr ? std::string() : found->value;
}

}  // namespace emulator
