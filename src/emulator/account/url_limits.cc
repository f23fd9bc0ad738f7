#include "emulator/account/url_limits.h"

#include <charconv>

#include "core/text.h"
#include "emulator/account/network.h"

namespace emulator {
namespace {

ServiceError refused(std::string message) {
  return {403, "AccessDenied", std::move(message), "0002-00000602", {}};
}

std::string_view caller_of(const RawRequest& request) {
  const QueryParam* forward = request.param("x-oss-ac-forward-allow");
  if (forward != nullptr && core::equal_ignoring_case(forward->value, "true")) {
    if (const auto chain = request.header("x-forwarded-for")) {
      return core::trim(chain->substr(0, chain->find(',')));
    }
  }
  return request.peer;
}

std::optional<unsigned> parse_bits(std::string_view text) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(bits)
                                                                  : std::nullopt;
}

}  // namespace

std::optional<ServiceError> check_url_limits(const RawRequest& request,
                                             std::string_view client_vpc) {
  if (const QueryParam* source = request.param("x-oss-ac-source-ip")) {
    const QueryParam* mask = request.param("x-oss-ac-subnet-mask");
    const auto bits = mask == nullptr ? std::nullopt : parse_bits(mask->value);
    const auto network = Network::parse(source->value, bits);
    if (!network || (mask != nullptr && !bits)) {
      return refused("The x-oss-ac-source-ip of the signed URL is malformed.");
    }
    if (!network->contains(caller_of(request))) {
      return refused("The signed URL is not for this source address.");
    }
  }
  if (const QueryParam* vpc = request.param("x-oss-ac-vpc-id")) {
    if (client_vpc.empty() || vpc->value != client_vpc) {
      return refused("The signed URL is not for this VPC.");
    }
  }
  return std::nullopt;
}

}  // namespace emulator
