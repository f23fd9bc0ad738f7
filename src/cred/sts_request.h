#pragma once
// Calls of Alibaba Cloud's STS, and what a granted one brings.
#include <string>
#include <string_view>
#include <vector>

#include "cred/credential_source.h"
#include "cred/service_clock.h"
#include "http/message.h"

namespace cred {

/// How a call of STS is signed.
enum class StsSigning : std::uint8_t {
  Rpc,   ///< HMAC-SHA1 over the parameters: what every deployment of STS understands
  Acs3,  ///< ACS3-HMAC-SHA256 over the request
};

/// A role to be assumed. Sent as it is: what is allowed is the service's to say.
struct RoleRequest {
  std::string role_arn;
  std::string session_name;
  core::Duration duration{0};  ///< whole seconds are sent, rounded up; 0: the service's default
  std::string policy;          ///< session policy; empty: none
  std::string external_id;     ///< empty: none
  StsSigning signing = StsSigning::Rpc;
};

/// The global endpoint without a region. `vpc`: reachable from inside a VPC only.
/// Source: STS, "Endpoints".
std::string sts_endpoint(std::string_view region, bool vpc);

/// The parameters that all ways to assume a role have in common.
std::vector<http::QueryParam> role_parameters(std::string_view action, const RoleRequest& role);

/// POST with the parameters, "Action" among them, as a form; signed by `caller`, not signed for an
/// anonymous one.
/// Source: STS API 2015-04-01; "RPC signature mechanism"; "Request syntax and signature method V3".
http::Request sts_request(const http::Origin& endpoint, std::vector<http::QueryParam> parameters,
                          StsSigning signing, const sign::Credentials& caller, core::WallTime now);

/// The lease in an answer of status 200; transient where the answer makes no sense.
Fetched granted(http::Response& answer, core::SteadyTime sent, const ServiceClock& clock,
                std::string_view what);

}  // namespace cred
