// AWS's STS, and those that answer like it (Ceph, MinIO): forms that are asked, XML that is read.
#include <tinyxml2.h>

#include <array>

#include "core/format.h"
#include "core/text.h"
#include "cred/answers.h"
#include "cred/sts_dialect.h"
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

constexpr std::string_view kTrust =
    "the caller needs sts:AssumeRole on this role, and the role's trust policy must name the "
    "caller";
constexpr std::string_view kLimits =
    "check the role's ARN, the session name (2 to 64 characters out of A-Z a-z 0-9 _ + = , . @ -), "
    "the duration (900 s up to the role's maximum) and the session policy";
constexpr StsVerdict kClock = {StsReaction::FixClock, ErrorKind::ClockSkewed,
                               "set this machine's clock"};

// Source: AWS STS API, "Common errors", AssumeRole, AssumeRoleWithWebIdentity.
constexpr auto kRefusals = std::to_array<StsRow>({
    {"AccessDenied", {StsReaction::GiveUp, ErrorKind::Denied, kTrust}},
    {"NoSuchEntity",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated, "there is no such role: check its ARN"}},
    {"InvalidClientTokenId",
     {StsReaction::RereadBase, ErrorKind::Unauthenticated,
      "the access key that calls STS does not exist, or lacks its session token"}},
    {"InvalidAccessKeyId",
     {StsReaction::RereadBase, ErrorKind::Unauthenticated,
      "the access key that calls STS does not exist, or lacks its session token"}},
    {"UnrecognizedClientException", {StsReaction::RereadBase, ErrorKind::Unauthenticated, ""}},
    {"ExpiredToken*",
     {StsReaction::RereadBase, ErrorKind::Unauthenticated,
      "the token that calls STS has expired: renew it"}},
    {"InvalidToken", {StsReaction::RereadBase, ErrorKind::Unauthenticated, ""}},
    {"InvalidIdentityToken",
     {StsReaction::RereadBase, ErrorKind::Unauthenticated,
      "the identity token was refused: check its issuer, audience and age"}},
    {"IDPRejectedClaim",
     {StsReaction::RereadBase, ErrorKind::Denied,
      "the role's trust policy does not accept this identity token"}},
    {"IDPCommunicationError", {StsReaction::TryLater, ErrorKind::Unavailable, ""}},
    // AWS's word for a clock that is off is in the message.
    {"SignatureDoesNotMatch", kClock, 0, "Signature expired"},
    {"SignatureDoesNotMatch", kClock, 0, "not yet current"},
    {"SignatureDoesNotMatch",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "the secret access key does not belong to the access key id"}},
    {"RequestTimeTooSkewed", kClock},
    {"RequestExpired", kClock},
    {"MalformedPolicyDocument",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "the session policy is no IAM policy in JSON"}},
    {"PackedPolicyTooLarge",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "a session policy has at most 2048 characters"}},
    {"RegionDisabledException",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "STS is not enabled in this region: --sts-endpoint names another"}},
    {"InvalidArgument", {StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits}},
    {"InvalidParameter*", {StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits}},
    {"ValidationError", {StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits}},
    {"Missing*", {StsReaction::GiveUp, ErrorKind::InvalidArgument, ""}},
    {"InvalidAction",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "this endpoint is no STS: check --sts-endpoint"}},
    {"MethodNotAllowed",
     {StsReaction::GiveUp, ErrorKind::InvalidArgument,
      "this endpoint is no STS: check --sts-endpoint"}},
    {"Throttling*", {StsReaction::TryLater, ErrorKind::Throttled, ""}},
    {"SlowDown", {StsReaction::TryLater, ErrorKind::Throttled, ""}},
    // Who has no word for it, or one that nobody knows.
    {"*", {StsReaction::GiveUp, ErrorKind::Denied, kTrust}, 401},
    {"*", {StsReaction::GiveUp, ErrorKind::Denied, kTrust}, 403},
    {"*",
     {StsReaction::GiveUp, ErrorKind::Unauthenticated,
      "there is no such role, or this endpoint is no STS: check the role's ARN and --sts-endpoint"},
     404},
});

std::string endpoint(std::string_view region, bool /*vpc*/) {
  return region.empty() ? "https://sts.amazonaws.com"
                        : core::format("https://sts.{}.amazonaws.com", region);
}

void write(http::Request& request, StsCall call, const StsCaller& caller) {
  call.parameters.insert(call.parameters.begin(), {"Action", std::string(call.action)});
  call.parameters.push_back({"Version", "2011-06-15"});
  request.headers.set("Accept", "application/xml");
  request.body = http::text_body(form_of(call.parameters));
  sign::sign_header(request, caller.credentials, sign::Scheme::S3V4,
                    {"", "", std::string(caller.region), "sts"}, caller.now);
}

/// "<Action>Response/<Action>Result/Credentials"
core::Result<GivenCredentials> credentials_in(std::string& body, std::string_view action) {
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

/// "GetCallerIdentityResponse/GetCallerIdentityResult"
core::Result<CallerIdentity> identity_in(std::string_view body) {
  const Document document(body);
  const XMLElement* const node =
      child(document.root("GetCallerIdentityResponse"), "GetCallerIdentityResult");
  if (node == nullptr) {
    return nonsense("is no GetCallerIdentityResponse: this may be no STS");
  }
  return CallerIdentity{text_of(node, "Account"), text_of(node, "Arn"), text_of(node, "UserId")};
}

/// "ErrorResponse/Error"; "Error" alone as Ceph has it; or a body that says nothing.
StsError error_in(const http::Response& answer) {
  const Document document(answer.body);
  const XMLElement* const response = document.root("ErrorResponse");
  const XMLElement* const error =
      response == nullptr ? document.root("Error") : child(response, "Error");
  StsError said{text_of(error, "Code"), text_of(error, "Message"),
                text_of(response == nullptr ? error : response, "RequestId")};
  if (said.request_id.empty()) {
    said.request_id = answer.headers.get("x-amzn-requestid")
                          .value_or(answer.headers.get("x-amz-request-id").value_or(""));
  }
  return said;
}

StsDialect aws() {
  StsDialect sts;
  sts.endpoint = endpoint;
  sts.write = write;
  sts.credentials = credentials_in;
  sts.identity = identity_in;
  sts.error = error_in;
  sts.refusals = kRefusals;
  sts.other_refusal = {StsReaction::GiveUp, ErrorKind::InvalidArgument, kLimits};
  sts.token_action = "AssumeRoleWithWebIdentity";
  sts.token_parameter = "WebIdentityToken";
  // Ceph has one word, AccessDenied, for tokens that are expired, forged or not trusted.
  sts.denial_may_blame_token = true;
  return sts;
}

}  // namespace

const StsDialect& sts_aws() {
  static const StsDialect kSts = aws();
  return kSts;
}

}  // namespace cred
