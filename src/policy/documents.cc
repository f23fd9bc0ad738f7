#include "policy/documents.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/format.h"
#include "core/text.h"
#include "cred/json_fault.h"

namespace policy {
namespace {

using Json = nlohmann::ordered_json;  // so that a document reads as people write one

constexpr std::string_view kRamVersion = "1";
constexpr std::string_view kIamVersion = "2012-10-17";

/// `name` as a pattern that matches it. There is no way to take the meaning from a wildcard.
std::string as_pattern(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool variable = name[i] == '$' && i + 1 < name.size() && name[i + 1] == '{';
    out += name[i] == '*' || variable ? '?' : name[i];
  }
  return out;
}

Json allow(const Json& actions, const std::string& resource) {
  Json statement = Json::object();
  statement["Effect"] = "Allow";
  statement["Action"] = actions;
  statement["Resource"] = Json::array({resource});
  return statement;
}

Json document(std::string_view version, Json statements) {
  Json policy = Json::object();
  policy["Version"] = version;
  policy["Statement"] = std::move(statements);
  return policy;
}

std::string rendered(const Json& policy, Layout layout) {
  constexpr int kIndent = 2;
  return policy.dump(layout == Layout::Indented ? kIndent : -1, ' ', /*ensure_ascii=*/false,
                     Json::error_handler_t::replace);
}

/// The characters of UTF-8 text.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

/// The parts of acs:ram::ACCOUNT:role/NAME and of arn:aws:iam::ACCOUNT:role/NAME.
struct RoleName {
  bool aws = false;
  std::string partition;  ///< what stands before the account: "acs:ram::"
  std::string account;
};

core::Result<RoleName> role_name(const std::string& arn) {
  const auto parts = core::split(arn, ':');
  const bool ram = parts.size() == 5 && parts[0] == "acs" && parts[1] == "ram" && parts[2].empty();
  const bool iam = parts.size() == 6 && parts[0] == "arn" && parts[1].starts_with("aws") &&
                   parts[2] == "iam" && parts[3].empty();
  const std::string_view role = ram || iam ? parts.back() : std::string_view();
  const std::string_view account = ram ? parts[3] : iam ? parts[4] : std::string_view();
  // Ceph's accounts are tenants, which may have any name or none.
  const bool good_account = iam || (!account.empty() && account.find_first_not_of("0123456789") ==
                                                            std::string_view::npos);
  if (!role.starts_with("role/") || role.size() == 5 || !good_account) {
    return core::fail(
        core::ErrorKind::InvalidArgument,
        core::format(
            "\"{}\" is no role: acs:ram::ACCOUNT:role/NAME, or arn:aws:iam::ACCOUNT:role/NAME",
            arn));
  }
  return RoleName{
      iam, iam ? std::string(parts[0]) + ':' + std::string(parts[1]) + ":iam::" : "acs:ram::",
      std::string(account)};
}

std::string trusting(const RoleName& role, std::string_view action, const char* kind,
                     std::string principal, Json conditions) {
  Json statement = Json::object();
  statement["Effect"] = "Allow";
  statement["Action"] = action;
  statement["Principal"][kind] = Json::array({std::move(principal)});
  if (!conditions.empty()) {
    statement["Condition"]["StringEquals"] = std::move(conditions);
  }
  return rendered(
      document(role.aws ? kIamVersion : kRamVersion, Json::array({std::move(statement)})),
      Layout::Indented);
}

/// "line 3, column 14"
std::string where_it_ends(const std::string& text) {
  const std::string_view before = cred::before_json_fault(text);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n');
  const std::string_view line = start == std::string_view::npos ? before : before.substr(start + 1);
  return core::format("line {}, column {}", lines + 1, characters(line) + 1);
}

}  // namespace

const Grammar& ram_grammar() {
  static const Grammar kRam = {
      .version = kRamVersion,
      .service = "oss:",
      .resource = "acs:oss:*:*:",
      .read = {"oss:GetObject", "oss:GetObjectVersion"},
      .write = {"oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload", "oss:GetObjectAcl",
                "oss:PutObjectAcl", "oss:GetObjectTagging", "oss:PutObjectTagging"},
      .list = "oss:ListObjects",
      .list_versions = "oss:ListObjectVersions",
      .listed_prefix = "oss:Prefix",
      .list_parts = "ListParts",
  };
  return kRam;
}

const Grammar& iam_grammar() {
  static const Grammar kIam = {
      .version = kIamVersion,
      .service = "s3:",
      .resource = "arn:aws:s3:::",
      .read = {"s3:GetObject", "s3:GetObjectVersion"},
      .write = {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:GetObjectAcl",
                "s3:PutObjectAcl", "s3:GetObjectTagging", "s3:PutObjectTagging"},
      .list = "s3:ListBucket",
      .list_versions = {},
      .listed_prefix = "s3:prefix",
      .list_parts = "ListMultipartUploadParts",
  };
  return kIam;
}

std::string location_policy(const Grammar& grammar, const std::string& bucket,
                            const std::string& prefix, Rights rights, Layout layout) {
  std::vector<std::string_view> actions = grammar.read;
  if (!rights.read_only) {
    actions.insert(actions.end(), grammar.write.begin(), grammar.write.end());
  }
  const std::string resource = std::string(grammar.resource) + bucket;
  const std::string below = as_pattern(prefix) + '*';
  Json statements = Json::array({allow(Json(actions), resource + '/' + below)});
  if (rights.list) {
    std::vector<std::string_view> lists = {grammar.list};
    if (!rights.read_only && !grammar.list_versions.empty()) {
      lists.push_back(grammar.list_versions);
    }
    Json listing = allow(Json(lists), resource);
    if (!prefix.empty()) {
      listing["Condition"]["StringLike"][std::string(grammar.listed_prefix)] = Json::array({below});
    }
    statements.push_back(std::move(listing));
  }
  if (rights.use_keys) {
    // Source: OSS, "Server-side encryption"; Amazon S3, "Using server-side encryption with KMS".
    Json keys = Json::array({"kms:Decrypt"});
    if (!rights.read_only) {
      keys.push_back("kms:GenerateDataKey");
    }
    statements.push_back(allow(keys, "*"));
  }
  return rendered(document(grammar.version, std::move(statements)), layout);
}

std::string objects_policy(const Grammar& grammar, const std::vector<ObjectRights>& objects) {
  Json statements = Json::array();
  for (const ObjectRights& object : objects) {
    Json actions = Json::array();
    for (const std::string& action : object.actions) {
      actions.push_back(std::string(grammar.service) + action);
    }
    statements.push_back(allow(
        actions, std::string(grammar.resource) + object.bucket + '/' + as_pattern(object.key)));
  }
  return rendered(document(grammar.version, std::move(statements)), Layout::Compact);
}

core::Result<std::string> user_policy(const std::string& role_arn) {
  TRY_ASSIGN(const RoleName role, role_name(role_arn));
  return rendered(document(role.aws ? kIamVersion : kRamVersion,
                           Json::array({allow(Json::array({"sts:AssumeRole"}), role_arn)})),
                  Layout::Indented);
}

core::Result<std::string> trust_policy(const std::string& role_arn,
                                       const std::string& external_id) {
  TRY_ASSIGN(const RoleName role, role_name(role_arn));
  if (role.account.empty()) {
    return core::fail(
        core::ErrorKind::InvalidArgument,
        core::format("\"{}\" names no account whose principals could be trusted", role_arn));
  }
  Json conditions = Json::object();
  if (!external_id.empty()) {
    conditions["sts:ExternalId"] = Json::array({external_id});
  }
  return trusting(role, "sts:AssumeRole", role.aws ? "AWS" : "RAM",
                  role.partition + role.account + ":root", std::move(conditions));
}

core::Result<std::string> trust_policy(const std::string& role_arn, const std::string& provider_arn,
                                       const cred::TokenClaims& claims) {
  TRY_ASSIGN(const RoleName role, role_name(role_arn));
  const auto provider = provider_arn.find(":oidc-provider/");
  if (!provider_arn.starts_with(role.partition) || provider == std::string::npos) {
    return core::fail(
        core::ErrorKind::InvalidArgument,
        core::format("\"{}\" is no identity provider of that cloud: {}ACCOUNT:oidc-provider/NAME",
                     provider_arn, role.partition));
  }
  // AWS names its conditions after the provider, RAM has one name for all and compares the issuer.
  const std::string prefix =
      role.aws ? provider_arn.substr(provider + std::string_view(":oidc-provider/").size()) + ':'
               : "oidc:";
  Json conditions = Json::object();
  const auto demand = [&](const char* name, const std::string& value) {
    if (!value.empty()) {
      conditions[prefix + name] = Json::array({value});
    }
  };
  if (!role.aws) {
    demand("iss", claims.issuer);
  }
  demand("aud", claims.audience);
  demand("sub", claims.subject);
  return trusting(role, role.aws ? "sts:AssumeRoleWithWebIdentity" : "sts:AssumeRole", "Federated",
                  provider_arn, std::move(conditions));
}

core::Result<std::string> as_session_policy(const std::string& text) {
  const Json policy = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (policy.is_discarded()) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("it is not valid JSON at {}", where_it_ends(text)));
  }
  if (!policy.is_object() || !policy.contains("Statement")) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      R"(a policy is an object with "Version" and "Statement")");
  }
  std::string compact = rendered(policy, Layout::Compact);
  if (const std::size_t size = characters(compact); size > kMaxSessionPolicy) {
    return core::fail(
        core::ErrorKind::TooLarge,
        core::format("a session policy of {} characters; STS takes {}", size, kMaxSessionPolicy));
  }
  return compact;
}

}  // namespace policy
