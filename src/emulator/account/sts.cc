#include "emulator/account/sts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/format.h"
#include "core/random.h"
#include "core/text.h"
#include "emulator/account/assume.h"
#include "emulator/account/oidc.h"
#include "emulator/account/sts_text.h"

namespace emulator {
namespace {

using nlohmann::ordered_json;

constexpr core::Duration kMaxSkew = std::chrono::minutes{15};
constexpr core::Duration kDefaultLifetime = std::chrono::hours{1};

ServiceError refused(int status, std::string code, std::string message) {
  return {status, std::move(code), std::move(message), {}, {}};
}
ServiceError missing(std::string_view name) {
  return refused(400, "Missing" + std::string(name),
                 std::string(name) + " is mandatory for this action.");
}
ServiceError wrongly_formed(std::string_view name) {
  return refused(400, "InvalidParameter." + std::string(name),
                 "The parameter " + std::string(name) + " is wrongly formed.");
}
ServiceError no_permission() {
  return refused(403, "NoPermission",
                 "You are not authorized to do this action. You should be authorized by RAM.");
}

ServiceError key_error(KeyProblem problem) {
  switch (problem) {
    case KeyProblem::Unknown:
      break;
    case KeyProblem::Inactive:
      return refused(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.");
    case KeyProblem::TokenMissing:
      return refused(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.");
    case KeyProblem::TokenUnexpected:
    case KeyProblem::TokenMismatch:
      return refused(400, "InvalidSecurityToken.MismatchWithAccessKey",
                     "Specified SecurityToken mismatch with the AccessKey.");
    case KeyProblem::TokenMalformed:
      return refused(400, "InvalidSecurityToken.Malformed",
                     "Specified SecurityToken is malformed.");
    case KeyProblem::TokenExpired:
    case KeyProblem::TokenRevoked:  // STS does not tell them apart
      return refused(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.");
  }
  return refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
}

bool is_session_name(std::string_view name) {
  return name.size() >= 2 && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '@' || c == '_' || c == '-';
         });
}

/// acs:ram::ACCOUNT:role/NAME.
bool is_role_arn(std::string_view arn) {
  const auto parts = core::split(arn, ':');
  return parts.size() == 5 && parts[0] == "acs" && parts[1] == "ram" && parts[2].empty() &&
         !parts[3].empty() && parts[3].find_first_not_of("0123456789") == std::string_view::npos &&
         parts[4].starts_with("role/") && parts[4].size() > 5;
}

/// "15min", "1hr", "6s": as the service's own message abbreviates.
std::string brief(core::Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds % 3600 == 0) {
    return core::format("{}hr", seconds / 3600);
  }
  return seconds % 60 == 0 ? core::format("{}min", seconds / 60) : core::format("{}s", seconds);
}

std::string new_request_id() {
  std::string id = core::random_hex(16);
  for (char& c : id) {
    c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  for (const std::size_t at : {8U, 13U, 18U, 23U}) {
    id.insert(at, "-");
  }
  return id;
}

ordered_json credentials_of(const Issued& issued) {
  ordered_json document;
  document["SecurityToken"] = issued.token.reveal();
  document["AccessKeyId"] = issued.access_key_id;
  document["AccessKeySecret"] = issued.access_key_secret.reveal();
  document["Expiration"] = core::format_iso8601(issued.expires);
  return document;
}

ordered_json assumed_user(const Role& role, std::string_view session) {
  ordered_json document;
  document["Arn"] = role.arn + "/" + std::string(session);
  document["AssumedRoleId"] = role.id + ":" + std::string(session);
  return document;
}

}  // namespace

/// One call with what all actions need to know of it.
struct Sts::Call {
  const RawRequest& request;
  std::string_view body;
  CallParams params;
  std::string action;
  core::WallTime now;

  [[nodiscard]] std::string_view param(std::string_view name) const {
    return call_param(params, name);
  }
};

/// The answer's own elements, or a refusal.
struct Sts::Reply {
  Reply(ordered_json result) : value(std::move(result)) {}  // NOLINT(google-explicit-constructor)
  Reply(ServiceError error) : value(std::move(error)) {}    // NOLINT(google-explicit-constructor)
  std::variant<ordered_json, ServiceError> value;
};

/// A role that is to be assumed, with parameters that are well formed.
struct Sts::Request {
  const Role* role = nullptr;
  std::string_view session;
  std::string_view policy;
};

bool NonceBook::enter(std::string_view access_key_id, std::string_view nonce, core::WallTime until,
                      core::WallTime now) {
  const core::MutexLock lock(mutex_);
  while (!order_.empty() && order_.front().first < now) {
    seen_.erase(order_.front().second);
    order_.pop_front();
  }
  auto [entry, fresh] = seen_.insert(std::string(access_key_id) + "\n" + std::string(nonce));
  if (fresh) {
    order_.emplace_back(until, *entry);
  }
  return fresh;
}

std::string Sts::action_of(const RawRequest& request, std::string_view body) {
  if (const auto action = request.header("x-acs-action")) {
    return std::string(*action);
  }
  return std::string(call_param(call_params(request, body), "Action"));
}

Answer Sts::answer(const RawRequest& request, std::string_view body, core::Duration clock_offset) {
  const Call call{request, body, call_params(request, body), action_of(request, body),
                  clock_.wall_now() + clock_offset};
  const Reply reply = run(call);
  const std::string request_id = new_request_id();
  const bool json = is_acs3(request) || core::equal_ignoring_case(call.param("Format"), "JSON");
  Answer answer;
  if (const auto* error = std::get_if<ServiceError>(&reply.value)) {
    answer = render_sts_error(*error, request_id, request.header("host").value_or(""), json);
  } else {
    ordered_json document;
    document["RequestId"] = request_id;
    document.update(std::get<ordered_json>(reply.value));
    answer = render_sts_result(document, call.action, json);
  }
  answer.headers.emplace_back("x-acs-request-id", request_id);
  return answer;
}

Sts::Reply Sts::run(const Call& call) {
  if (call.request.method != "GET" && call.request.method != "POST") {
    return refused(405, "UnsupportedHTTPMethod", "The HTTP method is not supported.");
  }
  if (call.action.empty()) {
    return missing("Action");
  }
  const auto version = call.request.header("x-acs-version").value_or(call.param("Version"));
  if (version.empty()) {
    return missing("Version");
  }
  if (version == "2015-04-01") {
    if (call.action == "AssumeRole") {
      return assume_role(call);
    }
    if (call.action == "AssumeRoleWithOIDC") {
      return assume_role_with_oidc(call);
    }
    if (call.action == "GetCallerIdentity") {
      return caller_identity(call);
    }
  }
  return refused(404, "InvalidApi.NotFound",
                 "Specified api is not found, please check your url and method.");
}

std::variant<std::shared_ptr<const Bearer>, ServiceError> Sts::authenticate(const Call& call) {
  auto read = read_call_claim(call.request, call.params);
  if (auto* error = std::get_if<ServiceError>(&read)) {
    return std::move(*error);
  }
  const auto& claim = std::get<CallClaim>(read);
  auto resolved = keys_.resolve(claim.access_key_id, claim.token, call.now);
  if (const auto* problem = std::get_if<KeyProblem>(&resolved)) {
    return key_error(*problem);
  }
  auto bearer = std::get<std::shared_ptr<const Bearer>>(std::move(resolved));
  if (claim.date - call.now > kMaxSkew || call.now - claim.date > kMaxSkew) {
    return refused(400, "InvalidTimeStamp.Expired",
                   "Specified time stamp or date value is expired.");
  }
  if (auto error = check_call_signature(call.request, call.params, call.body, claim,
                                        bearer->secret.reveal())) {
    return *std::move(error);
  }
  if (!nonces_.enter(claim.access_key_id, claim.nonce, claim.date + kMaxSkew, call.now)) {
    return refused(400, "SignatureNonceUsed", "Specified signature nonce was used already.");
  }
  return bearer;
}

std::variant<Sts::Request, ServiceError> Sts::read_request(const Call& call) const {
  const auto arn = call.param("RoleArn");
  Request request{nullptr, call.param("RoleSessionName"), call.param("Policy")};
  if (arn.empty()) {
    return missing("RoleArn");
  }
  if (!is_role_arn(arn)) {
    return wrongly_formed("RoleArn");
  }
  if (request.session.empty()) {
    return missing("RoleSessionName");
  }
  if (!is_session_name(request.session)) {
    return wrongly_formed("RoleSessionName");
  }
  constexpr std::size_t kLongestPolicy = 2048;
  if (request.policy.size() > kLongestPolicy) {
    return refused(400, "InvalidParameter.PolicySize",
                   "The size of Policy must be smaller than 2048 bytes.");
  }
  if (!request.policy.empty()) {
    const auto policy = Policy::parse(request.policy, directory_.place);
    if (!policy || policy->grammar() != Policy::Grammar::Ram) {
      return refused(400, "InvalidParameter.PolicyGrammar",
                     "The parameter Policy has not passed grammar check: " +
                         (policy ? "it is a policy of AWS" : policy.error().message) + ".");
    }
  }
  request.role = directory_.role(arn.substr(arn.find('/') + 1));
  if (request.role == nullptr || request.role->arn != arn) {
    return refused(404, "EntityNotExist.Role", "The specified Role not exists.");
  }
  return request;
}

std::variant<core::Duration, ServiceError> Sts::lifetime_of(const Call& call,
                                                            const Role& role) const {
  const auto text = call.param("DurationSeconds");
  if (text.empty()) {
    return std::min(kDefaultLifetime, role.max_duration);
  }
  const auto asked = parse_lifetime(text);
  if (!asked) {
    return wrongly_formed("DurationSeconds");
  }
  const core::Duration lifetime = *asked;
  if (lifetime < settings_.min_duration || lifetime > role.max_duration) {
    return refused(400, "InvalidParameter.DurationSeconds",
                   "The Min/Max value of DurationSeconds is " + brief(settings_.min_duration) +
                       "/" + brief(role.max_duration) + ".");
  }
  return lifetime;
}

Sts::Reply Sts::assume_role(const Call& call) {
  auto authenticated = authenticate(call);
  if (auto* error = std::get_if<ServiceError>(&authenticated)) {
    return std::move(*error);
  }
  const auto& caller = *std::get<std::shared_ptr<const Bearer>>(authenticated);
  auto read = read_request(call);
  if (auto* error = std::get_if<ServiceError>(&read)) {
    return std::move(*error);
  }
  const auto& wanted = std::get<Request>(read);
  ConditionValues conditions = {{"acs:SourceIp", call.request.peer}};
  if (const auto external_id = call.param("ExternalId"); !external_id.empty()) {
    if (external_id.size() < 2 || external_id.size() > 1224) {
      return wrongly_formed("ExternalId");
    }
    conditions.emplace_back("sts:ExternalId", external_id);
  }
  if (!may_assume(caller, *wanted.role, directory_.place, conditions)) {
    return no_permission();
  }
  const auto lifetime = lifetime_of(call, *wanted.role);
  if (const auto* error = std::get_if<ServiceError>(&lifetime)) {
    return *error;
  }
  const Issued issued = keys_.issue(*wanted.role, wanted.session, wanted.policy,
                                    std::get<core::Duration>(lifetime), call.now, Dialect::Oss);
  ordered_json result;
  result["AssumedRoleUser"] = assumed_user(*wanted.role, wanted.session);
  result["Credentials"] = credentials_of(issued);
  return result;
}

Sts::Reply Sts::assume_role_with_oidc(const Call& call) {
  auto read = read_request(call);
  if (auto* error = std::get_if<ServiceError>(&read)) {
    return std::move(*error);
  }
  const auto& wanted = std::get<Request>(read);
  const auto provider_arn = call.param("OIDCProviderArn");
  const auto token = call.param("OIDCToken");
  if (provider_arn.empty()) {
    return missing("OIDCProviderArn");
  }
  if (token.empty()) {
    return missing("OIDCToken");
  }
  constexpr std::size_t kShortest = 4;
  constexpr std::size_t kLongest = 20000;
  if (token.size() < kShortest || token.size() > kLongest) {
    return wrongly_formed("OIDCToken");
  }
  OidcIdentity identity;
  if (settings_.oidc_token.empty() || token != settings_.oidc_token) {
    auto verified = verify_oidc_token(directory_, provider_arn, token, call.now);
    if (auto* error = std::get_if<ServiceError>(&verified)) {
      return std::move(*error);
    }
    identity = std::get<OidcIdentity>(std::move(verified));
  } else if (!provider_arn.starts_with("acs:ram::" + directory_.place.account +
                                       ":oidc-provider/")) {
    return wrongly_formed("OIDCProviderArn");
  }
  identity.conditions.emplace_back("acs:SourceIp", call.request.peer);
  if (!wanted.role->trust.admits(TrustPolicy::Kind::Federated, provider_arn,
                                 directory_.place.account, identity.conditions)) {
    return no_permission();
  }
  const auto lifetime = lifetime_of(call, *wanted.role);
  if (const auto* error = std::get_if<ServiceError>(&lifetime)) {
    return *error;
  }
  const Issued issued = keys_.issue(*wanted.role, wanted.session, wanted.policy,
                                    std::get<core::Duration>(lifetime), call.now, Dialect::Oss);
  ordered_json result;
  result["OIDCTokenInfo"] = describe_oidc(identity, call.now);
  result["AssumedRoleUser"] = assumed_user(*wanted.role, wanted.session);
  result["Credentials"] = credentials_of(issued);
  return result;
}

Sts::Reply Sts::caller_identity(const Call& call) {
  auto authenticated = authenticate(call);
  if (auto* error = std::get_if<ServiceError>(&authenticated)) {
    return std::move(*error);
  }
  const auto& caller = *std::get<std::shared_ptr<const Bearer>>(authenticated);
  ordered_json result;
  result["AccountId"] = directory_.place.account;
  result["Arn"] = caller.principal.arn;
  if (caller.role != nullptr) {
    result["IdentityType"] = "AssumedRoleUser";
    result["PrincipalId"] = caller.role->id + ":" + caller.claims.session;
    result["RoleId"] = caller.role->id;
  } else {
    result["IdentityType"] = "RAMUser";
    result["PrincipalId"] = stable_id(caller.user->arn);
    result["UserId"] = stable_id(caller.user->arn);
  }
  return result;
}

}  // namespace emulator
