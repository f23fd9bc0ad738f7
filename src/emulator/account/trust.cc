#include "emulator/account/trust.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "emulator/account/wildcard.h"

namespace emulator {

using core::ErrorKind;
using core::fail;
using core::Result;
using nlohmann::json;

namespace {

std::optional<TrustPolicy::Kind> kind_of(std::string_view name) {
  if (name == "RAM") {
    return TrustPolicy::Kind::Ram;
  }
  if (name == "Service") {
    return TrustPolicy::Kind::Service;
  }
  return name == "Federated" ? std::optional(TrustPolicy::Kind::Federated) : std::nullopt;
}

}  // namespace

Result<TrustPolicy> TrustPolicy::parse(std::string_view document) {
  const json root = json::parse(document, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("Statement") || !root["Statement"].is_array()) {
    return fail(ErrorKind::InvalidArgument, "a trust policy needs a list of statements");
  }
  TrustPolicy policy;
  for (const auto& item : root["Statement"]) {
    TRY_ASSIGN(Statement statement, parse_statement(item));
    policy.statements_.push_back(std::move(statement));
  }
  return policy;
}

Result<TrustPolicy::Statement> TrustPolicy::parse_statement(const json& item) {
  if (!item.is_object()) {
    return fail(ErrorKind::InvalidArgument, "a statement must be an object");
  }
  const json effect = item.value("Effect", json());
  const json action = item.value("Action", json());
  const json principals = item.value("Principal", json());
  if (effect != "Allow" && effect != "Deny") {
    return fail(ErrorKind::InvalidArgument, "Effect must be Allow or Deny");
  }
  if (action != "sts:AssumeRole") {
    return fail(ErrorKind::InvalidArgument, "the Action of a trust policy is sts:AssumeRole");
  }
  if (!principals.is_object() || principals.empty()) {
    return fail(ErrorKind::InvalidArgument, "a trust policy needs a Principal");
  }
  Statement statement;
  statement.allow = effect == "Allow";
  for (const auto& [name, value] : principals.items()) {
    const auto kind = kind_of(name);
    if (!kind) {
      return fail(ErrorKind::InvalidArgument, "unknown kind of principal '" + name + "'");
    }
    TRY_ASSIGN(const auto texts, string_list(value, "Principal"));
    for (const auto& text : texts) {
      statement.principals.emplace_back(*kind, text);
    }
  }
  if (item.contains("Condition")) {
    TRY_ASSIGN(statement.conditions, Conditions::parse(item["Condition"]));
  }
  return statement;
}

std::string TrustPolicy::default_document(std::string_view account) {
  const std::string root = "acs:ram::" + std::string(account);
  json principals;
  principals["RAM"] = root + ":root";
  principals["Federated"] = root + ":oidc-provider/*";
  principals["Service"] = "ecs.aliyuncs.com";
  json statement;
  statement["Effect"] = "Allow";
  statement["Action"] = "sts:AssumeRole";
  statement["Principal"] = principals;
  json document;
  document["Version"] = "1";
  document["Statement"] = json::array({statement});
  return document.dump();
}

bool TrustPolicy::admits(Kind kind, std::string_view principal, std::string_view account,
                         const ConditionValues& values) const {
  const std::string root = "acs:ram::" + std::string(account) + ":root";
  bool admitted = false;
  for (const auto& statement : statements_) {
    const bool named = std::any_of(
        statement.principals.begin(), statement.principals.end(), [&](const auto& entry) {
          return entry.first == kind && (wildcard_match(entry.second, principal) ||
                                         (kind == Kind::Ram && wildcard_match(entry.second, root)));
        });
    if (named && statement.conditions.hold(values)) {
      if (!statement.allow) {
        return false;
      }
      admitted = true;
    }
  }
  return admitted;
}

}  // namespace emulator
