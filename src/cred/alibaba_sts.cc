// Alibaba Cloud's STS: two ways to sign a call, one way to answer it.
#include <array>
#include <nlohmann/json.hpp>

#include "core/format.h"
#include "core/random.h"
#include "cred/answers.h"
#include "cred/sts_dialect.h"
#include "sign/signer.h"

namespace cred {
namespace {

using core::ErrorKind;
using nlohmann::json;

constexpr std::string_view kVersion = "2015-04-01";

// Source: STS API, "Error codes".
constexpr auto kRefusals = std::to_array<StsRow>({
    {"NoPermission",
     {StsReaction::GiveUp, ErrorKind::Denied,
      "the caller needs sts:AssumeRole on this role, and the role's trust policy must name the "
      "caller"}},
    {"EntityNotExist.Role",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "there is no such role: check the account id and the name in the role's ARN"}},
    {"InvalidAccessKeyId.NotFound",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "the access key that calls STS does not exist: check its id"}},
    {"InvalidAccessKeyId.Inactive",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "the access key that calls STS is disabled: enable it, or use another"}},
    {"EntityNotExist.OIDCProvider",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "there is no such identity provider: check the account id and the name in its ARN"}},
    {"AuthenticationFail.*",
     {StsReaction::RereadBase, ErrorKind::Unauthenticated,
      "the identity token is not accepted: check its issuer, its audience and its age, and the "
      "identity provider that it is shown to"}},
    {"SignatureDoesNotMatch",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "the access key secret does not belong to the access key id"}},
    {"IncompleteSignature", {StsReaction::GiveUp, ErrorKind::Unauthenticated, ""}},
    {"SignatureNonceUsed", {StsReaction::NewNonce, ErrorKind::Unavailable, ""}},
    {"InvalidTimeStamp.*",
     {StsReaction::FixClock, ErrorKind::ClockSkewed, "set this machine's clock"}},
    {"MissingSecurityToken",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "the access key that calls STS is a temporary one: give its security token too"}},
    {"InvalidSecurityToken.*",
     {StsReaction::RereadBase, ErrorKind::Unauthenticated,
      "the temporary access key that calls STS has expired or lacks its own token: renew it"}},
    {"InvalidParameter.DurationSeconds",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "the role duration may be 900 s up to the role's maximum session duration, which is 3600 s "
      "unless the role allows more (43200 s at most)"}},
    {"InvalidParameter.RoleSessionName",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "a role session name has 2 to 64 characters out of A-Z a-z 0-9 . @ _ -"}},
    {"InvalidParameter.RoleArn",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "a role's ARN has the form acs:ram::ACCOUNT-ID:role/NAME"}},
    {"InvalidParameter.Policy*",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "a session policy is a RAM policy in JSON of 1 to 2048 characters"}},
    {"InvalidParameter*", {StsReaction::GiveUp, ErrorKind::InvalidArgument, ""}},
    {"Missing*", {StsReaction::GiveUp, ErrorKind::InvalidArgument, ""}},
    {"InvalidApi.NotFound",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "this endpoint is no STS: check the STS endpoint"}},
    {"UnsupportedHTTPMethod",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "this endpoint is no STS: check the STS endpoint"}},
    {"Throttling*", {StsReaction::TryLater, ErrorKind::Throttled, ""}},
    {"InternalError", {StsReaction::TryLater, ErrorKind::Unavailable, ""}},
    {"ServiceUnavailable*", {StsReaction::TryLater, ErrorKind::Unavailable, ""}},
});

std::string endpoint(std::string_view region, bool vpc) {
  if (region.empty()) {
    return "https://sts.aliyuncs.com";
  }
  return core::format("https://sts{}.{}.aliyuncs.com", vpc ? "-vpc" : "", region);
}

void write_rpc(http::Request& request, StsCall call, const StsCaller& caller) {
  call.parameters.insert(call.parameters.begin(), {"Action", std::string(call.action)});
  request.body = http::text_body(
      form_of(sign::sign_rpc(request.method, std::move(call.parameters), caller.credentials,
                             caller.now, core::random_hex(16))));
}

/// Names the action in a header.
void write_acs3(http::Request& request, StsCall call, const StsCaller& caller) {
  if (caller.credentials.anonymous()) {
    return write_rpc(request, std::move(call), caller);
  }
  const std::string form = form_of(call.parameters);
  const std::string nonce = core::random_hex(16);
  request.body = http::text_body(form);
  sign::sign_acs3(request, {call.action, kVersion, nonce, form}, caller.credentials, caller.now);
}

core::Result<GivenCredentials> credentials_in(std::string& body, std::string_view /*action*/) {
  return parse_credentials_json(body, Completeness::Temporary, "STS", "Credentials");
}

/// The text member of that name; empty if it is absent or no text.
std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

core::Result<CallerIdentity> identity_in(std::string_view body) {
  if (body.size() > kLargestDocument) {
    return core::fail(ErrorKind::Protocol, "the answer is longer than 64 KiB");
  }
  const json document = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return core::fail(ErrorKind::Protocol, "the answer is no JSON object: this may be no STS");
  }
  return CallerIdentity{text_of(document, "AccountId"), text_of(document, "Arn"),
                        text_of(document, "PrincipalId")};
}

StsError error_in(const http::Response& answer) {
  const json document = json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return {};
  }
  return {text_of(document, "Code"), text_of(document, "Message"), text_of(document, "RequestId")};
}

StsDialect signed_by(decltype(StsDialect::write) write) {
  StsDialect sts;
  sts.endpoint = endpoint;
  sts.write = write;
  sts.credentials = credentials_in;
  sts.identity = identity_in;
  sts.error = error_in;
  sts.refusals = kRefusals;
  sts.token_action = "AssumeRoleWithOIDC";
  sts.token_parameter = "OIDCToken";
  sts.provider_parameter = "OIDCProviderArn";
  return sts;
}

}  // namespace

const StsDialect& sts_rpc() {
  static const StsDialect kSts = signed_by(write_rpc);
  return kSts;
}

const StsDialect& sts_acs3() {
  static const StsDialect kSts = signed_by(write_acs3);
  return kSts;
}

}  // namespace cred
