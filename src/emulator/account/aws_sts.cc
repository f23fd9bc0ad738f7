#include "emulator/account/aws_sts.h"

#include <algorithm>

#include "core/format.h"
#include "core/random.h"
#include "core/text.h"
#include "emulator/account/assume.h"
#include "emulator/account/iam_words.h"
#include "emulator/account/oidc.h"
#include "emulator/account/signature_rpc.h"
#include "emulator/account/signature_s3.h"
#include "emulator/wire/xml.h"

namespace emulator {
namespace {

constexpr std::string_view kNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";
constexpr std::string_view kVersion = "2011-06-15";
constexpr core::Duration kMaxSkew = std::chrono::minutes{15};
constexpr core::Duration kDefaultLifetime = std::chrono::hours{1};
constexpr core::Duration kLongest = std::chrono::hours{12};
constexpr core::Duration kLongestChained = std::chrono::hours{1};
constexpr std::size_t kLongestPolicy = 2048;

ServiceError refused(int status, std::string code, std::string message) {
  return {status, std::move(code), std::move(message), {}, {}};
}
ServiceError invalid(std::string_view value, std::string_view name, std::string_view constraint) {
  return refused(400, "ValidationError",
                 core::format("1 validation error detected: Value '{}' at '{}' failed to satisfy "
                              "constraint: Member must {}",
                              value, name, constraint));
}
ServiceError not_trusted(std::string_view action) {
  return refused(403, "AccessDenied", core::format("Not authorized to perform {}", action));
}

ServiceError key_error(KeyProblem problem) {
  if (problem == KeyProblem::TokenExpired) {
    return refused(403, "ExpiredToken", "The security token included in the request is expired");
  }
  return refused(403, "InvalidClientTokenId",
                 "The security token included in the request is invalid.");
}

/// How AWS words a clock that is off.
std::optional<ServiceError> skew_error(const Claim& claim, core::WallTime now) {
  const std::string sent = core::format_compact(claim.date);
  if (now - claim.date > kMaxSkew) {
    return refused(403, "SignatureDoesNotMatch",
                   core::format("Signature expired: {} is now earlier than {} ({} - 15 min.)", sent,
                                core::format_compact(now - kMaxSkew), core::format_compact(now)));
  }
  if (claim.date - now > kMaxSkew) {
    return refused(
        403, "SignatureDoesNotMatch",
        core::format("Signature not yet current: {} is still later than {} ({} + 15 min.)", sent,
                     core::format_compact(now + kMaxSkew), core::format_compact(now)));
  }
  return std::nullopt;
}

bool is_session_name(std::string_view name) {
  return name.size() >= 2 && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  std::string_view("_+=,.@-").find(c) != std::string_view::npos;
         });
}

/// The parts of "AROA…", "AIDA…": ids of principals.
std::string principal_id(const Bearer& bearer) {
  return bearer.role != nullptr ? "AROA" + bearer.role->id + ":" + bearer.claims.session
                                : "AIDA" + stable_id(bearer.user->arn);
}

std::string new_request_id() {
  std::string id = core::random_hex(16);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) {
    id.insert(at, "-");
  }
  return id;
}

void add_credentials(XmlWriter& xml, const Issued& issued) {
  xml.open("Credentials")
      .text("AccessKeyId", issued.access_key_id)
      .text("SecretAccessKey", issued.access_key_secret.reveal())
      .text("SessionToken", issued.token.reveal())
      .text("Expiration", core::format_iso8601(issued.expires))
      .close();
}

}  // namespace

struct AwsSts::Call {
  const RawRequest& request;
  std::string_view body;
  CallParams params;
  std::string action;
  core::WallTime now;
  const std::string& request_id;

  [[nodiscard]] std::string_view param(std::string_view name) const {
    return call_param(params, name);
  }
  [[nodiscard]] XmlWriter begin() const {
    XmlWriter xml(action + "Response", kNamespace);
    xml.open(action + "Result");
    return xml;
  }
  [[nodiscard]] std::string end(XmlWriter xml) const {
    return xml.close().open("ResponseMetadata").text("RequestId", request_id).finish();
  }
};

/// A session that is asked for, with parameters that are well formed.
struct AwsSts::Wanted {
  const Role* role = nullptr;  ///< null: there is none of that name, which nobody is told
  std::string arn;             ///< as asked for
  std::string_view session;
  std::string_view policy;

  void describe(XmlWriter& xml) const {
    xml.open("AssumedRoleUser")
        .text("AssumedRoleId", "AROA" + role->id + ":" + std::string(session))
        .text("Arn", core::format("arn:aws:sts::{}:assumed-role/{}/{}", core::split(arn, ':')[4],
                                  role->name, session))
        .close();
    if (!policy.empty()) {
      xml.number("PackedPolicySize",
                 std::max<std::size_t>(1, policy.size() * 100 / kLongestPolicy));
    }
  }
};

bool is_aws_sts(const RawRequest& request, std::string_view body) {
  return call_param(call_params(request, body), "Version") == kVersion ||
         request.header("authorization").value_or("").starts_with("AWS4-") ||
         request.param("X-Amz-Algorithm") != nullptr;
}

Answer aws_sts_refusal(const ServiceError& error, const std::string& request_id) {
  XmlWriter xml("ErrorResponse", kNamespace);
  xml.open("Error")
      .text("Type", error.status < 500 ? "Sender" : "Receiver")
      .text("Code", error.code)
      .text("Message", error.message)
      .close()
      .text("RequestId", request_id);
  return {error.status, "text/xml", xml.finish(), {{"x-amzn-RequestId", request_id}}};
}

Answer AwsSts::answer(const RawRequest& request, std::string_view body,
                      core::Duration clock_offset) const {
  const std::string request_id = new_request_id();
  const CallParams params = call_params(request, body);
  const Call call{request,
                  body,
                  params,
                  std::string(call_param(params, "Action")),
                  clock_.wall_now() + clock_offset,
                  request_id};
  Rendered rendered = run(call);
  if (const auto* error = std::get_if<ServiceError>(&rendered)) {
    return aws_sts_refusal(*error, request_id);
  }
  return {200,
          "text/xml",
          std::get<std::string>(std::move(rendered)),
          {{"x-amzn-RequestId", request_id}}};
}

AwsSts::Rendered AwsSts::run(const Call& call) const {
  if (call.request.method != "GET" && call.request.method != "POST") {
    return refused(405, "MethodNotAllowed", "The HTTP method is not supported.");
  }
  if (call.action.empty()) {
    return refused(400, "MissingAction", "The request is missing an action.");
  }
  if (call.param("Version") == kVersion) {
    if (call.action == "AssumeRole") {
      return assume_role(call);
    }
    if (call.action == "AssumeRoleWithWebIdentity") {
      return assume_role_with_web_identity(call);
    }
    if (call.action == "GetCallerIdentity") {
      return caller_identity(call);
    }
  }
  return refused(400, "InvalidAction",
                 core::format("Could not find operation {} for version {}", call.action,
                              call.param("Version")));
}

AwsSts::Signer AwsSts::authenticate(const Call& call) const {
  const Presented presented = read_claim(call.request);
  if (const auto* error = std::get_if<ServiceError>(&presented)) {
    return refused(400, "IncompleteSignature", error->message);
  }
  const auto* claim = std::get_if<Claim>(&presented);
  if (claim == nullptr) {
    return refused(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
  }
  if (claim->scheme != Scheme::S3V4) {
    return refused(400, "IncompleteSignature", "The request must be signed with AWS4-HMAC-SHA256.");
  }
  if (claim->product != "sts") {
    return refused(403, "SignatureDoesNotMatch",
                   "Credential should be scoped to correct service: 'sts'.");
  }
  auto resolved = keys_.resolve(claim->access_key_id, claim->token, call.now);
  if (const auto* problem = std::get_if<KeyProblem>(&resolved)) {
    return key_error(*problem);
  }
  auto bearer = std::get<std::shared_ptr<const Bearer>>(std::move(resolved));
  if (auto error = skew_error(*claim, call.now)) {
    return *std::move(error);
  }
  if (auto error = check_v4_signature(call.request, *claim, call.body, bearer->secret.reveal(),
                                      signing_keys_)) {
    if (error->code != "SignatureDoesNotMatch") {
      return refused(400, "IncompleteSignature", error->message);
    }
    for (const auto& [name, value] : error->details) {
      if (name == "CanonicalRequest") {
        error->message +=
            "\n\nThe Canonical String for this request should have been\n'" + value + "'";
      }
    }
    return *std::move(error);
  }
  return bearer;
}

std::optional<ServiceError> AwsSts::check_policy(std::string_view policy) const {
  if (policy.empty()) {
    return std::nullopt;
  }
  if (policy.size() > kLongestPolicy) {
    return invalid("…", "policy", "have length less than or equal to 2048");
  }
  const auto parsed = Policy::parse(policy, directory_.place);
  if (!parsed) {
    return refused(400, "MalformedPolicyDocument", parsed.error().message);
  }
  if (parsed->grammar() != Policy::Grammar::Iam) {
    return refused(400, "MalformedPolicyDocument", "The policy's Version must be 2012-10-17.");
  }
  return std::nullopt;
}

std::variant<AwsSts::Wanted, ServiceError> AwsSts::read_wanted(const Call& call) const {
  Wanted wanted{nullptr, std::string(call.param("RoleArn")), call.param("RoleSessionName"),
                call.param("Policy")};
  constexpr std::size_t kShortestArn = 20;
  if (wanted.arn.size() < kShortestArn) {
    return invalid(wanted.arn, "roleArn", "have length greater than or equal to 20");
  }
  if (!is_session_name(wanted.session)) {
    return invalid(wanted.session, "roleSessionName",
                   "satisfy regular expression pattern: [\\w+=,.@-]{2,64}");
  }
  const auto parts = core::split(wanted.arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "iam" || !parts[3].empty() ||
      !parts[5].starts_with("role/")) {
    return refused(400, "ValidationError", core::format("{} is invalid", wanted.arn));
  }
  for (const auto& param : call.params) {
    if (param.name.starts_with("PolicyArns.")) {  // to ignore it would grant too much
      return refused(400, "ValidationError", "There are no managed policies in this account.");
    }
  }
  if (auto error = check_policy(wanted.policy)) {
    return *std::move(error);
  }
  const auto slash = wanted.arn.rfind('/');  // what stands between is a path, as roles may have
  const Role* role = directory_.role(std::string_view(wanted.arn).substr(slash + 1));
  if (role != nullptr && parts[4] == directory_.place.account) {
    wanted.role = role;
  }
  return wanted;
}

std::variant<core::Duration, ServiceError> AwsSts::lifetime_of(const Call& call, const Role& role,
                                                               bool chained) const {
  const auto text = call.param("DurationSeconds");
  if (text.empty()) {
    return std::min(kDefaultLifetime, role.max_duration);
  }
  const auto lifetime = parse_lifetime(text);
  if (!lifetime) {
    return refused(400, "MalformedInput", "DurationSeconds is no number of seconds");
  }
  using std::chrono::duration_cast;
  if (*lifetime < settings_.min_duration) {
    return invalid(
        text, "durationSeconds",
        core::format("have value greater than or equal to {}",
                     duration_cast<std::chrono::seconds>(settings_.min_duration).count()));
  }
  if (*lifetime > kLongest) {
    return invalid(text, "durationSeconds", "have value less than or equal to 43200");
  }
  if (*lifetime > role.max_duration) {
    return refused(
        400, "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  if (chained && *lifetime > kLongestChained) {
    return refused(400, "ValidationError",
                   "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                   "assumed by role chaining.");
  }
  return *lifetime;
}

Issued AwsSts::issue(const Wanted& wanted, core::Duration lifetime, core::WallTime now) const {
  return keys_.issue(*wanted.role, wanted.session, wanted.policy, lifetime, now, Dialect::S3);
}

AwsSts::Rendered AwsSts::assume_role(const Call& call) const {
  auto authenticated = authenticate(call);
  if (auto* error = std::get_if<ServiceError>(&authenticated)) {
    return std::move(*error);
  }
  const auto& caller = *std::get<std::shared_ptr<const Bearer>>(authenticated);
  auto read = read_wanted(call);
  if (auto* error = std::get_if<ServiceError>(&read)) {
    return std::move(*error);
  }
  const auto& wanted = std::get<Wanted>(read);
  ConditionValues conditions = {{"acs:SourceIp", call.request.peer}};
  if (const auto external_id = call.param("ExternalId"); !external_id.empty()) {
    if (external_id.size() < 2 || external_id.size() > 1224) {
      return invalid(external_id, "externalId", "have length between 2 and 1224");
    }
    conditions.emplace_back("sts:ExternalId", external_id);
  }
  if (wanted.role == nullptr || !may_assume(caller, *wanted.role, directory_.place, conditions)) {
    return refused(403, "AccessDenied",
                   core::format("User: {} is not authorized to perform: sts:AssumeRole on "
                                "resource: {}",
                                iam_arn(caller.principal.arn), wanted.arn));
  }
  const auto lifetime = lifetime_of(call, *wanted.role, caller.role != nullptr);
  if (const auto* error = std::get_if<ServiceError>(&lifetime)) {
    return *error;
  }
  XmlWriter xml = call.begin();
  add_credentials(xml, issue(wanted, std::get<core::Duration>(lifetime), call.now));
  wanted.describe(xml);
  return call.end(std::move(xml));
}

AwsSts::Rendered AwsSts::assume_role_with_web_identity(const Call& call) const {
  auto read = read_wanted(call);
  if (auto* error = std::get_if<ServiceError>(&read)) {
    return std::move(*error);
  }
  const auto& wanted = std::get<Wanted>(read);
  const auto token = call.param("WebIdentityToken");
  constexpr std::size_t kShortest = 4;
  constexpr std::size_t kLongestToken = 20000;
  if (token.size() < kShortest || token.size() > kLongestToken) {
    return invalid("…", "webIdentityToken", "have length between 4 and 20000");
  }
  OidcIdentity identity;
  // A token that is accepted as it is comes from a provider whose name does not matter.
  std::string provider = "acs:ram::" + directory_.place.account + ":oidc-provider/any";
  if (settings_.oidc_token.empty() || token != settings_.oidc_token) {
    auto found = find_oidc_identity(directory_, token, call.now);
    if (const auto* error = std::get_if<ServiceError>(&found)) {
      const bool expired = error->code.ends_with(".Expired");
      return refused(400, expired ? "ExpiredTokenException" : "InvalidIdentityToken",
                     error->message);
    }
    auto& [by, who] = std::get<std::pair<const OidcProvider*, OidcIdentity>>(found);
    provider = by->arn;
    identity = std::move(who);
  }
  identity.conditions.emplace_back("acs:SourceIp", call.request.peer);
  if (wanted.role == nullptr ||
      !wanted.role->trust.admits(TrustPolicy::Kind::Federated, provider, directory_.place.account,
                                 identity.conditions)) {
    return not_trusted("sts:AssumeRoleWithWebIdentity");
  }
  const auto lifetime = lifetime_of(call, *wanted.role, /*chained=*/false);
  if (const auto* error = std::get_if<ServiceError>(&lifetime)) {
    return *error;
  }
  XmlWriter xml = call.begin();
  xml.text("SubjectFromWebIdentityToken", identity.claims.subject);
  if (!identity.claims.audiences.empty()) {
    xml.text("Audience", identity.claims.audiences.front());
  }
  wanted.describe(xml);
  add_credentials(xml, issue(wanted, std::get<core::Duration>(lifetime), call.now));
  xml.text("Provider", iam_arn(provider));
  return call.end(std::move(xml));
}

AwsSts::Rendered AwsSts::caller_identity(const Call& call) const {
  auto authenticated = authenticate(call);
  if (auto* error = std::get_if<ServiceError>(&authenticated)) {
    return std::move(*error);
  }
  const auto& caller = *std::get<std::shared_ptr<const Bearer>>(authenticated);
  XmlWriter xml = call.begin();
  xml.text("Arn", iam_arn(caller.principal.arn))
      .text("UserId", principal_id(caller))
      .text("Account", directory_.place.account);
  return call.end(std::move(xml));
}

}  // namespace emulator
