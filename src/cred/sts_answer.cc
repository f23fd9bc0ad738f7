#include "cred/sts_answer.h"

#include <array>
#include <nlohmann/json.hpp>

namespace cred {
namespace {

using core::ErrorKind;
using nlohmann::json;

/// The text member of that name; nothing if it is absent or no text.
std::string* text_member(json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() ? found->get_ptr<std::string*>() : nullptr;
}

std::string text_or_empty(json& object, const char* name) {
  const std::string* text = text_member(object, name);
  return text != nullptr ? *text : std::string();
}

struct Row {
  std::string_view code;  ///< a final '*' stands for any ending
  StsReaction reaction;
  ErrorKind kind;
  std::string_view advice;
};

constexpr auto kRows = std::to_array<Row>({
    {"NoPermission", StsReaction::GiveUp, ErrorKind::Denied,
     "the caller needs sts:AssumeRole on this role, and the role's trust policy must name the "
     "caller"},
    {"EntityNotExist.Role", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "there is no such role: check the account id and the name in the role's ARN"},
    {"InvalidAccessKeyId.NotFound", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "the access key that calls STS does not exist: check its id"},
    {"InvalidAccessKeyId.Inactive", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "the access key that calls STS is disabled: enable it, or use another"},
    {"EntityNotExist.OIDCProvider", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "there is no such identity provider: check the account id and the name in its ARN"},
    {"AuthenticationFail.*", StsReaction::RereadBase, ErrorKind::Unauthenticated,
     "the identity token is not accepted: check its issuer, its audience and its age, and the "
     "identity provider that it is shown to"},
    {"SignatureDoesNotMatch", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "the access key secret does not belong to the access key id"},
    {"IncompleteSignature", StsReaction::GiveUp, ErrorKind::Unauthenticated, ""},
    {"SignatureNonceUsed", StsReaction::NewNonce, ErrorKind::Unavailable, ""},
    {"InvalidTimeStamp.*", StsReaction::FixClock, ErrorKind::ClockSkewed,
     "set this machine's clock"},
    {"MissingSecurityToken", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "the access key that calls STS is a temporary one: give its security token too"},
    {"InvalidSecurityToken.*", StsReaction::RereadBase, ErrorKind::Unauthenticated,
     "the temporary access key that calls STS has expired or lacks its own token: renew it"},
    {"InvalidParameter.DurationSeconds", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "the role duration may be 900 s up to the role's maximum session duration, which is 3600 s "
     "unless the role allows more (43200 s at most)"},
    {"InvalidParameter.RoleSessionName", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "a role session name has 2 to 64 characters out of A-Z a-z 0-9 . @ _ -"},
    {"InvalidParameter.RoleArn", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "a role's ARN has the form acs:ram::ACCOUNT-ID:role/NAME"},
    {"InvalidParameter.Policy*", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "a session policy is a RAM policy in JSON of 1 to 2048 characters"},
    {"InvalidParameter*", StsReaction::GiveUp, ErrorKind::InvalidArgument, ""},
    {"Missing*", StsReaction::GiveUp, ErrorKind::InvalidArgument, ""},
    {"InvalidApi.NotFound", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "this endpoint is no STS: check the STS endpoint"},
    {"UnsupportedHTTPMethod", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "this endpoint is no STS: check the STS endpoint"},
    {"Throttling*", StsReaction::TryLater, ErrorKind::Throttled, ""},
    {"InternalError", StsReaction::TryLater, ErrorKind::Unavailable, ""},
    {"ServiceUnavailable*", StsReaction::TryLater, ErrorKind::Unavailable, ""},
});

bool fits(std::string_view pattern, std::string_view code) {
  return pattern.ends_with('*') ? code.starts_with(pattern.substr(0, pattern.size() - 1))
                                : code == pattern;
}

}  // namespace

StsError parse_sts_error(std::string_view body) {
  json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) {
    return {};
  }
  return {text_or_empty(answer, "Code"), text_or_empty(answer, "Message"),
          text_or_empty(answer, "RequestId")};
}

StsVerdict judge_sts(int status, std::string_view code) {
  for (const Row& row : kRows) {
    if (fits(row.code, code)) {
      return {row.reaction, row.kind, row.advice};
    }
  }
  if (status == 429) {
    return {StsReaction::TryLater, ErrorKind::Throttled, ""};
  }
  if (status == 408 || status >= 500) {
    return {StsReaction::TryLater, ErrorKind::Unavailable, ""};
  }
  if (status >= 400) {
    return {StsReaction::GiveUp, ErrorKind::Unauthenticated, ""};
  }
  // A redirect, or a captive portal's page: not the service's own word.
  return {StsReaction::TryLater, ErrorKind::Protocol, "this may be no STS: check the endpoint"};
}

}  // namespace cred
