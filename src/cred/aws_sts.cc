#include "cred/aws_sts.h"

#include <tinyxml2.h>

#include <algorithm>
#include <array>

#include "core/format.h"
#include "core/log.h"
#include "cred/caller_identity.h"
#include "cred/failure.h"
#include "cred/validate.h"
#include "sign/signer.h"

namespace cred {
namespace {

using core::ErrorKind;
using tinyxml2::XMLElement;

core::Error nonsense(std::string_view what) {
  return core::fail(ErrorKind::Protocol, core::format("the answer of STS {}", what));
}

/// Parses `text` unless it holds what the parser handles badly: comments, declarations, references
/// to the character 0. The parser keeps a copy of the text, which is wiped with the document.
class Document {
 public:
  explicit Document(std::string_view text) {
    const bool fit = text.size() <= kLargestDocument && text.find("<!") == text.npos &&
                     text.find("&#") == text.npos;
    parsed_ = fit && document_.Parse(text.data(), text.size()) == tinyxml2::XML_SUCCESS;
  }
  /// The root, if it has that name.
  [[nodiscard]] const XMLElement* root(std::string_view name) const {
    const XMLElement* const element = parsed_ ? document_.RootElement() : nullptr;
    return element != nullptr && element->Name() == name ? element : nullptr;
  }

 private:
  tinyxml2::XMLDocument document_;
  bool parsed_ = false;
};

const XMLElement* child(const XMLElement* parent, const char* name) {
  return parent == nullptr ? nullptr : parent->FirstChildElement(name);
}

std::string text_of(const XMLElement* parent, const char* name) {
  const XMLElement* const element = child(parent, name);
  const char* const text = element == nullptr ? nullptr : element->GetText();
  return text == nullptr ? std::string() : std::string(text);
}

/// The text of the child, of which the document keeps nothing.
core::Result<std::string> take(const XMLElement* parent, const char* name) {
  std::string value = text_of(parent, name);
  if (value.empty()) {
    return nonsense(core::format("lacks {}", name));
  }
  // The parser's own buffer, which it never reads again.
  core::wipe(const_cast<char*>(child(parent, name)->GetText()),  // NOLINT(*-const-cast)
             value.size());
  return value;
}

struct Row {
  std::string_view code;  ///< a final '*' stands for any ending
  StsReaction reaction;
  ErrorKind kind;
  std::string_view advice;
};

constexpr std::string_view kTrust =
    "the caller needs sts:AssumeRole on this role, and the role's trust policy must name the "
    "caller";
constexpr std::string_view kLimits =
    "check the role's ARN, the session name (2 to 64 characters out of A-Z a-z 0-9 _ + = , . @ -), "
    "the duration (900 s up to the role's maximum) and the session policy";

constexpr auto kRows = std::to_array<Row>({
    {"AccessDenied", StsReaction::GiveUp, ErrorKind::Denied, kTrust},
    {"NoSuchEntity", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "there is no such role: check its ARN"},
    {"InvalidClientTokenId", StsReaction::RereadBase, ErrorKind::Unauthenticated,
     "the access key that calls STS does not exist, or lacks its session token"},
    {"InvalidAccessKeyId", StsReaction::RereadBase, ErrorKind::Unauthenticated,
     "the access key that calls STS does not exist, or lacks its session token"},
    {"UnrecognizedClientException", StsReaction::RereadBase, ErrorKind::Unauthenticated, ""},
    {"ExpiredToken*", StsReaction::RereadBase, ErrorKind::Unauthenticated,
     "the token that calls STS has expired: renew it"},
    {"InvalidToken", StsReaction::RereadBase, ErrorKind::Unauthenticated, ""},
    {"InvalidIdentityToken", StsReaction::RereadBase, ErrorKind::Unauthenticated,
     "the identity token was refused: check its issuer, audience and age"},
    {"IDPRejectedClaim", StsReaction::RereadBase, ErrorKind::Denied,
     "the role's trust policy does not accept this identity token"},
    {"IDPCommunicationError", StsReaction::TryLater, ErrorKind::Unavailable, ""},
    {"SignatureDoesNotMatch", StsReaction::GiveUp, ErrorKind::Unauthenticated,
     "the secret access key does not belong to the access key id"},
    {"RequestTimeTooSkewed", StsReaction::FixClock, ErrorKind::ClockSkewed,
     "set this machine's clock"},
    {"RequestExpired", StsReaction::FixClock, ErrorKind::ClockSkewed, "set this machine's clock"},
    {"MalformedPolicyDocument", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "the session policy is no IAM policy in JSON"},
    {"PackedPolicyTooLarge", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "a session policy has at most 2048 characters"},
    {"RegionDisabledException", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "STS is not enabled in this region: --sts-endpoint names another"},
    {"InvalidArgument", StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits},
    {"InvalidParameter*", StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits},
    {"ValidationError", StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits},
    {"Missing*", StsReaction::GiveUp, ErrorKind::InvalidArgument, ""},
    {"InvalidAction", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "this endpoint is no STS: check --sts-endpoint"},
    {"MethodNotAllowed", StsReaction::GiveUp, ErrorKind::InvalidArgument,
     "this endpoint is no STS: check --sts-endpoint"},
    {"Throttling*", StsReaction::TryLater, ErrorKind::Throttled, ""},
    {"SlowDown", StsReaction::TryLater, ErrorKind::Throttled, ""},
});

bool fits(std::string_view pattern, std::string_view code) {
  return pattern.ends_with('*') ? code.starts_with(pattern.substr(0, pattern.size() - 1))
                                : code == pattern;
}

StsVerdict judge(int status, std::string_view code, std::string_view message) {
  // AWS's word for a clock that is off is in the message.
  const bool late = message.find("Signature expired") != message.npos ||
                    message.find("not yet current") != message.npos;
  if (code == "SignatureDoesNotMatch" && late) {
    code = "RequestTimeTooSkewed";
  }
  const auto* const row =
      std::find_if(kRows.begin(), kRows.end(), [code](const Row& r) { return fits(r.code, code); });
  if (row != kRows.end()) {
    return {row->reaction, row->kind, row->advice};
  }
  if (status == 429) {
    return {StsReaction::TryLater, ErrorKind::Throttled, ""};
  }
  if (status == 408 || status >= 500) {
    return {StsReaction::TryLater, ErrorKind::Unavailable, ""};
  }
  if (status == 403 || status == 401) {
    return {StsReaction::GiveUp, ErrorKind::Denied, kTrust};
  }
  if (status == 404) {
    return {StsReaction::GiveUp, ErrorKind::Unauthenticated,
            "there is no such role, or this endpoint is no STS: check the role's ARN and "
            "--sts-endpoint"};
  }
  if (status >= 400) {
    return {StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits};
  }
  return {StsReaction::TryLater, ErrorKind::Protocol, "this may be no STS: check --sts-endpoint"};
}

}  // namespace

http::Request aws_sts_request(const http::Origin& endpoint,
                              std::vector<http::QueryParam> parameters, const std::string& region,
                              const sign::Credentials& caller, core::WallTime now) {
  parameters.push_back({"Version", "2011-06-15"});
  http::Request request;
  request.method = "POST";
  request.origin = endpoint;
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.headers.set("Accept", "application/xml");
  request.body = http::text_body(form_of(parameters));
  sign::sign_header(request, caller, sign::Scheme::S3V4, {"", "", region, "sts"}, now);
  return request;
}

core::Result<GivenCredentials> parse_aws_credentials(std::string& body, std::string_view action) {
  const std::string name(action);
  const Document document(body);
  core::wipe(body.data(), body.size());
  const XMLElement* const node =
      child(child(document.root(name + "Response"), (name + "Result").c_str()), "Credentials");
  if (node == nullptr) {
    return nonsense(core::format("is no {}Response with Credentials", action));
  }
  GivenCredentials given;
  TRY_ASSIGN(given.credentials.access_key_id, take(node, "AccessKeyId"));
  TRY_ASSIGN(auto secret, take(node, "SecretAccessKey"));
  given.credentials.access_key_secret = core::Secret(std::move(secret));
  TRY_ASSIGN(auto token, take(node, "SessionToken"));
  given.credentials.token = core::Secret(std::move(token));
  TRY(validate(given.credentials));
  given.expiration = core::parse_iso8601(text_of(node, "Expiration"));
  if (!given.expiration) {
    return nonsense("has an Expiration that is no time");
  }
  return given;
}

core::Result<CallerIdentity> parse_aws_identity(std::string_view body) {
  const Document document(body);
  const XMLElement* const node =
      child(document.root("GetCallerIdentityResponse"), "GetCallerIdentityResult");
  if (node == nullptr) {
    return nonsense("is no GetCallerIdentityResponse: this may be no STS");
  }
  return CallerIdentity{text_of(node, "Account"), text_of(node, "Arn"), text_of(node, "UserId")};
}

Fetched aws_granted(http::Response& answer, std::string_view action, core::SteadyTime sent,
                    const ServiceClock& clock, std::string_view what) {
  auto given = parse_aws_credentials(answer.body, action);
  if (!given) {
    return transient(std::move(given).error().within(what));
  }
  auto lease = lease_of(*std::move(given), answer, sent, clock);
  if (!lease) {
    return transient(std::move(lease).error().within(what));
  }
  return *std::move(lease);
}

StsRefusal read_aws_refusal(const http::Response& answer,
                            std::initializer_list<const core::Secret*> hidden) {
  const Document document(answer.body);
  const XMLElement* const response = document.root("ErrorResponse");
  const XMLElement* const error =
      response == nullptr ? document.root("Error") : child(response, "Error");
  const std::string code = text_of(error, "Code");
  std::string message = text_of(error, "Message");
  std::string id = text_of(response == nullptr ? error : response, "RequestId");
  if (id.empty()) {
    id = answer.headers.get("x-amzn-requestid")
             .value_or(answer.headers.get("x-amz-request-id").value_or(""));
  }
  StsRefusal refusal;
  refusal.verdict = judge(answer.status, code, message);
  std::string words = presentable(std::move(message), hidden);
  if (words.empty()) {
    words = code.empty() ? core::format("refused with status {} and no reason", answer.status)
                         : "refused";
  }
  refusal.error = core::fail(refusal.verdict.kind, std::move(words));
  refusal.error.remote = core::Remote{answer.status,
                                      core::escape_for_log(code.substr(0, 100)),
                                      core::escape_for_log(id.substr(0, 100)),
                                      {}};
  return refusal;
}

}  // namespace cred
