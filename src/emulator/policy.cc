#include "emulator/policy.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/text.h"
#include "emulator/wildcard.h"

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

/// acs:SERVICE:REGION:ACCOUNT:PATH, where the path may contain colons.
std::optional<ResourceParts> split_resource(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (auto& part : parts) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "acs") {
    return std::nullopt;
  }
  return ResourceParts{parts[1], parts[2], parts[3], text};
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
  std::string stranger;
  if (!has_only(root, {"Version", "Statement"}, stranger)) {
    return fail(ErrorKind::InvalidArgument, "unknown policy element '" + stranger + "'");
  }
  if (root.contains("Version") && root["Version"] != "1") {
    return fail(ErrorKind::InvalidArgument, "the policy's Version must be \"1\"");
  }
  if (!root.contains("Statement") ||
      !(root["Statement"].is_array() || root["Statement"].is_object())) {
    return fail(ErrorKind::InvalidArgument, "a policy needs a Statement");
  }
  const json statements =
      root["Statement"].is_array() ? root["Statement"] : json::array({root["Statement"]});
  Policy policy;
  for (const auto& item : statements) {
    TRY_ASSIGN(Statement statement, parse_statement(item, place));
    policy.statements_.push_back(std::move(statement));
  }
  return policy;
}

Result<Policy::Statement> Policy::parse_statement(const json& item, const Place& place) {
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
                              std::vector<ResourcePattern>& patterns) {
  if (text == "*") {
    patterns.push_back({"*", "*"});
    return {};
  }
  const auto parts = split_resource(text);
  if (!parts) {
    return fail(ErrorKind::InvalidArgument,
                "the resource '" + text + "' is neither * nor acs:SERVICE:REGION:ACCOUNT:PATH");
  }
  // Region and account are the same for all that we serve, so they are settled here; RAM's own
  // resources (roles) have no region.
  const bool here = parts->service == "ram" || wildcard_match(parts->region, place.region) ||
                    wildcard_match(parts->region, "oss-" + place.region);
  if (here && wildcard_match(parts->account, place.account)) {
    patterns.push_back({std::string(parts->service), std::string(parts->path)});
  }
  return {};
}

Verdict Policy::decide(std::string_view action, std::string_view resource,
                       const ConditionValues& values) const {
  const auto parts = split_resource(resource);
  if (!parts) {
    return Verdict::Silent;
  }
  Verdict verdict = Verdict::Silent;
  for (const auto& statement : statements_) {
    const bool action_matches = std::any_of(
        statement.actions.begin(), statement.actions.end(),
        [&](const auto& pattern) { return wildcard_match(pattern, action, /*ignore_case=*/true); });
    if (action_matches == statement.not_action) {
      continue;
    }
    const bool resource_matches =
        std::any_of(statement.resources.begin(), statement.resources.end(),
                    [&](const ResourcePattern& pattern) {
                      return wildcard_match(pattern.service, parts->service) &&
                             wildcard_match(pattern.path, parts->path);
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
