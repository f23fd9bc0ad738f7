#include "app/policy.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/format.h"
#include "core/text.h"

namespace app {
namespace {

using Json = nlohmann::ordered_json;  // so that a document reads as people write one

constexpr std::string_view kRamVersion = "1";

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

/// The account of acs:ram::ACCOUNT:role/NAME; empty where that is not what it is.
std::string_view account_of(std::string_view role_arn) {
  const auto parts = core::split(role_arn, ':');
  const bool role = parts.size() == 5 && parts[0] == "acs" && parts[1] == "ram" &&
                    parts[2].empty() && parts[4].starts_with("role/") && parts[4].size() > 5;
  return role && parts[3].find_first_not_of("0123456789") == std::string_view::npos
             ? parts[3]
             : std::string_view();
}

}  // namespace

const PolicyGrammar& ram_grammar() {
  static const PolicyGrammar kRam = {
      kRamVersion,
      "oss:",
      "acs:oss:*:*:",
      {"oss:GetObject"},
      {"oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload"},
      "oss:ListObjects",
      "oss:Prefix",
      "ListParts",
  };
  return kRam;
}

const PolicyGrammar& iam_grammar() {
  static const PolicyGrammar kIam = {
      "2012-10-17",
      "s3:",
      "arn:aws:s3:::",
      {"s3:GetObject", "s3:GetObjectVersion"},
      {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"},
      "s3:ListBucket",
      "s3:prefix",
      "ListMultipartUploadParts",
  };
  return kIam;
}

const PolicyGrammar& grammar_of(oss::Dialect dialect) {
  return dialect == oss::Dialect::S3 ? iam_grammar() : ram_grammar();
}

std::string location_policy(const PolicyGrammar& grammar, const Location& location, Rights rights,
                            Layout layout) {
  std::vector<std::string_view> actions = grammar.read;
  if (!rights.read_only) {
    actions.insert(actions.end(), grammar.write.begin(), grammar.write.end());
  }
  const std::string bucket = std::string(grammar.resource) + location.bucket;
  const std::string below = as_pattern(location.prefix) + '*';
  Json statements = Json::array({allow(Json(actions), bucket + '/' + below)});
  if (rights.list) {
    Json listing = allow(Json::array({grammar.list}), bucket);
    if (!location.prefix.empty()) {
      listing["Condition"]["StringLike"][std::string(grammar.listed_prefix)] = Json::array({below});
    }
    statements.push_back(std::move(listing));
  }
  return rendered(document(grammar.version, std::move(statements)), layout);
}

std::string objects_policy(const PolicyGrammar& grammar, const std::vector<ObjectRights>& objects) {
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

std::string user_policy(const std::string& role_arn) {
  return rendered(
      document(kRamVersion, Json::array({allow(Json::array({"sts:AssumeRole"}), role_arn)})),
      Layout::Indented);
}

core::Result<std::string> trust_policy(const std::string& role_arn,
                                       const std::string& external_id) {
  const std::string_view account = account_of(role_arn);
  if (account.empty()) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("\"{}\" is no role: acs:ram::ACCOUNT:role/NAME", role_arn));
  }
  Json statement = Json::object();
  statement["Effect"] = "Allow";
  statement["Action"] = "sts:AssumeRole";
  statement["Principal"]["RAM"] = Json::array({core::format("acs:ram::{}:root", account)});
  if (!external_id.empty()) {
    statement["Condition"]["StringEquals"]["sts:ExternalId"] = Json::array({external_id});
  }
  return rendered(document(kRamVersion, Json::array({std::move(statement)})), Layout::Indented);
}

core::Result<std::string> as_session_policy(const std::string& text) {
  const Json policy = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (policy.is_discarded()) {
    return core::fail(core::ErrorKind::InvalidArgument, "it is not valid JSON");
  }
  if (!policy.is_object() || !policy.contains("Statement")) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      "a policy is an object with \"Version\" and \"Statement\"");
  }
  std::string compact = rendered(policy, Layout::Compact);
  if (const std::size_t size = characters(compact); size > kMaxSessionPolicy) {
    return core::fail(
        core::ErrorKind::TooLarge,
        core::format("a session policy of {} characters; STS takes {}", size, kMaxSessionPolicy));
  }
  return compact;
}

}  // namespace app
