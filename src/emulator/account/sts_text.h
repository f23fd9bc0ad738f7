#pragma once
// How STS spells its answers: JSON or XML with the same elements.
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "emulator/wire/message.h"

namespace emulator {

/// `result` under the root <ACTION>Response in XML.
Answer render_sts_result(const nlohmann::ordered_json& result, std::string_view action, bool json);
/// Shape: RequestId, HostId, Code, Message, Recommend.
Answer render_sts_error(const ServiceError& error, std::string_view request_id,
                        std::string_view host, bool json);

}  // namespace emulator
