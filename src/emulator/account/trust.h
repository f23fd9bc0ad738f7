#pragma once
// Trust policies: who may assume a role.
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "emulator/account/condition.h"

namespace emulator {

/// Immutable; any thread.
class TrustPolicy {
 public:
  enum class Kind : std::uint8_t { Ram, Service, Federated };

  /// {"Statement": [{"Effect", "Action": "sts:AssumeRole", "Principal": {"RAM" | "Service" |
  /// "Federated": …}, "Condition"}]}. A RAM principal acs:ram::ACCOUNT:root means every user and
  /// role of the account; '*' is a wildcard.
  /// Errors: InvalidArgument, naming what is wrong.
  /// Source: RAM, "Edit the trust policy of a RAM role".
  static core::Result<TrustPolicy> parse(std::string_view document);
  /// The account's own users and roles, its OIDC providers, and ECS.
  static std::string default_document(std::string_view account);

  /// Whether the caller may assume the role; an explicit Deny wins. `principal` is an ARN or a
  /// service's name, `account` the caller's.
  [[nodiscard]] bool admits(Kind kind, std::string_view principal, std::string_view account,
                            const ConditionValues& values) const;

 private:
  struct Statement {
    bool allow = false;
    std::vector<std::pair<Kind, std::string>> principals;
    Conditions conditions;
  };
  static core::Result<Statement> parse_statement(const nlohmann::json& item);

  std::vector<Statement> statements_;
};

}  // namespace emulator
