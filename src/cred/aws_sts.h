#pragma once
// AWS's STS and those that answer like it (Ceph, MinIO): what is asked, what is said. The XML is
// read as values; nothing here waits.
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret.h"
#include "cred/answers.h"
#include "cred/credentials_json.h"
#include "cred/sts_request.h"
#include "http/message.h"

namespace cred {

struct CallerIdentity;

/// POST with the parameters, "Action" among them, as a form; signed for `region` by `caller`, not
/// signed for an anonymous one.
/// Source: AWS STS API 2011-06-15; Signature Version 4.
http::Request aws_sts_request(const http::Origin& endpoint,
                              std::vector<http::QueryParam> parameters, const std::string& region,
                              const sign::Credentials& caller, core::WallTime now);

/// "<Action>Response/<Action>Result/Credentials". The secrets in `body` are wiped.
/// Errors: Protocol, naming what is missing; InvalidArgument for credentials that could not be
///         sent. No value is ever shown.
core::Result<GivenCredentials> parse_aws_credentials(std::string& body, std::string_view action);

/// "GetCallerIdentityResponse/GetCallerIdentityResult". Errors: Protocol.
core::Result<CallerIdentity> parse_aws_identity(std::string_view body);

/// The lease in an answer of status 200; transient where the answer makes no sense.
Fetched aws_granted(http::Response& answer, std::string_view action, core::SteadyTime sent,
                    const ServiceClock& clock, std::string_view what);

/// A refusal: "ErrorResponse/Error", "Error" alone as Ceph has it, or a body that says nothing.
/// Source: AWS STS API, "Common errors", AssumeRole, AssumeRoleWithWebIdentity.
StsRefusal read_aws_refusal(const http::Response& answer,
                            std::initializer_list<const core::Secret*> hidden);

}  // namespace cred
