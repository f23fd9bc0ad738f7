#pragma once
// The two ways to sign a call of STS: RPC 1.0 (HMAC-SHA1 over parameters) and ACS3-HMAC-SHA256.
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/time.h"
#include "emulator/wire/message.h"

namespace emulator {

/// Parameters of a call, decoded: those of the query, then those of the form body.
using CallParams = std::vector<QueryParam>;
CallParams call_params(const RawRequest& request, std::string_view body);
/// First value of that name; empty when absent.
std::string_view call_param(const CallParams& params, std::string_view name);

/// How a call is signed, taken apart but not yet believed.
struct CallClaim {
  bool acs3 = false;
  std::string access_key_id;
  std::string signature;
  std::string token;
  std::string nonce;
  core::WallTime date;
  std::vector<std::string> signed_headers;  ///< ACS3, lower case, in the order listed
};

/// Whether the call is signed the newer way: then it also answers in JSON.
bool is_acs3(const RawRequest& request);
/// Errors: MissingAccessKeyId and relatives, InvalidTimeStamp.Format, IncompleteSignature (all
/// 400).
std::variant<CallClaim, ServiceError> read_call_claim(const RawRequest& request,
                                                      const CallParams& params);

/// Nothing if the call is signed with `secret`; else SignatureDoesNotMatch, whose message ends in
/// "server string to sign is:<string>", because one client reads what follows the colon.
/// Source: Alibaba Cloud, "RPC signature mechanism" 1.0; "Request syntax and signature method V3".
std::optional<ServiceError> check_call_signature(const RawRequest& request,
                                                 const CallParams& params, std::string_view body,
                                                 const CallClaim& claim, std::string_view secret);

}  // namespace emulator
