#include "cred/sts_answer.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/format.h"
#include "cred/validate.h"

namespace cred {
namespace {

using core::ErrorKind;
using nlohmann::json;

core::Error nonsense(std::string_view what) {
  return core::fail(ErrorKind::Protocol, core::format("the answer of STS {}", what));
}

/// The text member of that name; nothing if it is absent or no text.
std::string* text_member(json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() ? found->get_ptr<std::string*>() : nullptr;
}

std::string text_or_empty(json& object, const char* name) {
  const std::string* text = text_member(object, name);
  return text != nullptr ? *text : std::string();
}

core::Result<std::string> required(json& object, const char* name) {
  std::string* text = text_member(object, name);
  if (text == nullptr || text->empty()) {
    return nonsense(core::format("lacks {}", name));
  }
  std::string value = *text;
  core::wipe(text->data(), text->size());
  return value;
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

core::Result<StsCredentials> parse_sts_credentials(std::string& body) {
  if (body.size() > 64UL * 1024) {
    return nonsense("is longer than 64 KiB");
  }
  json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  core::wipe(body.data(), body.size());
  if (!answer.is_object()) {
    return nonsense("is no JSON object");
  }
  const auto node = answer.find("Credentials");
  if (node == answer.end() || !node->is_object()) {
    return nonsense("lacks Credentials");
  }
  StsCredentials result;
  TRY_ASSIGN(result.credentials.access_key_id, required(*node, "AccessKeyId"));
  TRY_ASSIGN(auto secret, required(*node, "AccessKeySecret"));
  result.credentials.access_key_secret = core::Secret(std::move(secret));
  TRY_ASSIGN(auto token, required(*node, "SecurityToken"));
  result.credentials.token = core::Secret(std::move(token));
  TRY_ASSIGN(const std::string expiration, required(*node, "Expiration"));
  TRY(validate(result.credentials));
  const auto parsed = core::parse_iso8601(expiration);
  if (!parsed) {
    return nonsense("has an Expiration that is no time");
  }
  result.expiration = *parsed;
  return result;
}

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
