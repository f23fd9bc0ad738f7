#include "emulator/account/policy.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "emulator/account/iam_words.h"
#include "emulator/account/wildcard.h"

namespace emulator {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Status;
using nlohmann::json;

struct ResourceParts {
  std::string_view service, region, account, path;
};

/// BEGINNING SERVICE:REGION:ACCOUNT:PATH, where the path may contain colons.
std::optional<ResourceParts> split_resource(std::string_view text, std::string_view beginning) {
  if (!text.starts_with(beginning)) {
    return std::nullopt;
  }
  text.remove_prefix(beginning.size());
  std::array<std::string_view, 3> parts;
  for (auto& part : parts) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  return ResourceParts{parts[0], parts[1], parts[2], text};
}

constexpr std::string_view kRamBeginning = "acs:";
constexpr std::string_view kIamBeginning = "arn:aws:";

Result<Policy::Grammar> grammar_of(const json& root) {
  const json version = root.value("Version", json("1"));
  if (version == "1") {
    return Policy::Grammar::Ram;
  }
  if (version == "2012-10-17" || version == "2008-10-17") {
    return Policy::Grammar::Iam;
  }
  return fail(ErrorKind::InvalidArgument,
              R"(the policy's Version must be "1" (RAM) or "2012-10-17" (IAM))");
}

bool has_only(const json& object, std::initializer_list<std::string_view> names,
              std::string& stranger) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      stranger = name;
      return false;
    }
  }
  return true;
}

/// Exactly one of `name` and "Not" + `name`.
Result<std::vector<std::string>> either(const json& statement, const std::string& name,
                                        bool& negated) {
  const bool plain = statement.contains(name);
  negated = statement.contains("Not" + name);
  if (plain == negated) {
    return fail(ErrorKind::InvalidArgument, "a statement needs either " + name + " or Not" + name);
  }
  return string_list(statement[negated ? "Not" + name : name], name);
}

}  // namespace

Result<Policy> Policy::parse(std::string_view document, const Place& place) {
  const json root = json::parse(document, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    return fail(ErrorKind::InvalidArgument, "a policy must be a JSON object");
  }
  Policy policy;
  TRY_ASSIGN(policy.grammar_, grammar_of(root));
  std::string stranger;
  const bool known = policy.grammar_ == Grammar::Ram
                         ? has_only(root, {"Version", "Statement"}, stranger)
                         : has_only(root, {"Version", "Id", "Statement"}, stranger);
  if (!known) {
    return fail(ErrorKind::InvalidArgument, "unknown policy element '" + stranger + "'");
  }
  if (!root.contains("Statement") ||
      !(root["Statement"].is_array() || root["Statement"].is_object())) {
    return fail(ErrorKind::InvalidArgument, "a policy needs a Statement");
  }
  const json statements =
      root["Statement"].is_array() ? root["Statement"] : json::array({root["Statement"]});
  for (const auto& item : statements) {
    TRY_ASSIGN(Statement statement, policy.parse_statement(item, place));
    policy.statements_.push_back(std::move(statement));
  }
  return policy;
}

Result<Policy::Statement> Policy::parse_statement(const json& item, const Place& place) const {
  if (!item.is_object()) {
    return fail(ErrorKind::InvalidArgument, "a statement must be an object");
  }
  std::string stranger;
  if (!has_only(item,
                {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"},
                stranger)) {
    return fail(ErrorKind::InvalidArgument, "unknown statement element '" + stranger + "'");
  }
  Statement statement;
  const json effect = item.value("Effect", json());
  if (effect != "Allow" && effect != "Deny") {
    return fail(ErrorKind::InvalidArgument, "Effect must be Allow or Deny");
  }
  statement.allow = effect == "Allow";
  TRY_ASSIGN(statement.actions, either(item, "Action", statement.not_action));
  TRY_ASSIGN(const auto resources, either(item, "Resource", statement.not_resource));
  for (const auto& text : resources) {
    TRY(parse_resource(text, place, statement.resources));
  }
  if (item.contains("Condition")) {
    TRY_ASSIGN(statement.conditions, Conditions::parse(item["Condition"]));
  }
  return statement;
}

Status Policy::parse_resource(const std::string& text, const Place& place,
                              std::vector<ResourcePattern>& patterns) const {
  if (text == "*") {
    patterns.push_back({"*", "*"});
    return {};
  }
  const bool ram = grammar_ == Grammar::Ram;
  const auto parts = split_resource(text, ram ? kRamBeginning : kIamBeginning);
  if (!parts) {
    return fail(ErrorKind::InvalidArgument, "the resource '" + text + "' is neither * nor " +
                                                (ram ? "acs:SERVICE:REGION:ACCOUNT:PATH"
                                                     : "arn:aws:SERVICE:REGION:ACCOUNT:PATH"));
  }
  // Region and account are the same for all that we serve, so they are settled here. RAM's own
  // resources (roles) have no region; in IAM nothing that we serve has any, and buckets are
  // nobody's.
  const bool everywhere = ram ? parts->service == "ram" : parts->region.empty();
  const bool here = everywhere || wildcard_match(parts->region, place.region) ||
                    wildcard_match(parts->region, "oss-" + place.region);
  const bool ours =
      (!ram && parts->account.empty()) || wildcard_match(parts->account, place.account);
  if (here && ours) {
    patterns.push_back({std::string(parts->service), std::string(parts->path)});
  }
  return {};
}

Verdict Policy::decide(std::string_view action, std::string_view resource,
                       const ConditionValues& values) const {
  const auto parts = split_resource(resource, kRamBeginning);
  if (!parts) {
    return Verdict::Silent;
  }
  if (grammar_ == Grammar::Ram) {
    return judge(action, parts->service, parts->path, values);
  }
  return judge(iam_action(action), iam_service(parts->service), parts->path, iam_values(values));
}

Verdict Policy::judge(std::string_view action, std::string_view service, std::string_view path,
                      const ConditionValues& values) const {
  Verdict verdict = Verdict::Silent;
  for (const auto& statement : statements_) {
    const bool action_matches = std::any_of(
        statement.actions.begin(), statement.actions.end(),
        [&](const auto& pattern) { return wildcard_match(pattern, action, /*ignore_case=*/true); });
    if (action_matches == statement.not_action) {
      continue;
    }
    const bool resource_matches = std::any_of(
        statement.resources.begin(), statement.resources.end(),
        [&](const ResourcePattern& pattern) {
          return wildcard_match(pattern.service, service) && wildcard_match(pattern.path, path);
        });
    if (resource_matches == statement.not_resource || !statement.conditions.hold(values)) {
      continue;
    }
    if (!statement.allow) {
      return Verdict::Deny;
    }
    verdict = Verdict::Allow;
  }
  return verdict;
}

Verdict Grants::decide(std::string_view action, std::string_view resource,
                       const ConditionValues& values) const {
  Verdict verdict = Verdict::Silent;
  for (const auto& policy : own) {
    const Verdict one = policy->decide(action, resource, values);
    if (one == Verdict::Deny) {
      return one;
    }
    verdict = std::max(verdict, one);
  }
  if (session == nullptr || verdict == Verdict::Silent) {
    return verdict;
  }
  return session->decide(action, resource, values);
}

}  // namespace emulator
