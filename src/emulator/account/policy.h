#pragma once
// RAM policy documents, compiled once so that a decision costs no parsing.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "emulator/account/condition.h"

namespace emulator {

enum class Verdict : std::uint8_t { Silent, Allow, Deny };

/// Whose resources the documents speak about.
struct Place {
  std::string region;
  std::string account;
};

/// One document. Immutable; any thread.
class Policy {
 public:
  /// RAM's words ("oss:GetObject", "acs:oss:REGION:ACCOUNT:bucket/key"), or AWS IAM's
  /// ("s3:GetObject", "arn:aws:s3:::bucket/key").
  enum class Grammar : std::uint8_t { Ram, Iam };

  /// {"Version", "Statement": [{"Effect", "Action" | "NotAction", "Resource" | "NotResource",
  /// "Condition"}]}. The Version tells the grammar: "1" or none is RAM, "2012-10-17" and
  /// "2008-10-17" are IAM. '*' and '?' are wildcards in actions (without case) and resources.
  /// Errors: InvalidArgument, naming what is wrong; nothing is ignored silently.
  /// Source: RAM, "Policy structure and syntax"; AWS, "IAM JSON policy elements reference".
  static core::Result<Policy> parse(std::string_view document, const Place& place);
  [[nodiscard]] Grammar grammar() const { return grammar_; }

  /// An explicit Deny wins over every Allow. The question is put in RAM's words, whatever the
  /// document's are.
  [[nodiscard]] Verdict decide(std::string_view action, std::string_view resource,
                               const ConditionValues& values) const;

 private:
  struct ResourcePattern {
    std::string service;
    std::string path;
  };
  struct Statement {
    bool allow = false;
    bool not_action = false;
    bool not_resource = false;
    std::vector<std::string> actions;
    std::vector<ResourcePattern> resources;
    Conditions conditions;
  };
  core::Result<Statement> parse_statement(const nlohmann::json& statement,
                                          const Place& place) const;
  core::Status parse_resource(const std::string& text, const Place& place,
                              std::vector<ResourcePattern>& patterns) const;
  [[nodiscard]] Verdict judge(std::string_view action, std::string_view service,
                              std::string_view path, const ConditionValues& values) const;

  Grammar grammar_ = Grammar::Ram;
  std::vector<Statement> statements_;
};

/// What a principal's policies add up to: some policy of its own allows and none denies, and if
/// the session was narrowed by a policy, that one allows too.
struct Grants {
  std::vector<std::shared_ptr<const Policy>> own;
  std::shared_ptr<const Policy> session;

  [[nodiscard]] Verdict decide(std::string_view action, std::string_view resource,
                               const ConditionValues& values) const;
};

}  // namespace emulator
