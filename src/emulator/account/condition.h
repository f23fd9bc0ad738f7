#pragma once
// The Condition block of a policy statement.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "emulator/account/network.h"

namespace emulator {

/// What a request says about itself: "oss:Prefix", "acs:SourceIp", …; keys without case.
using ConditionValues = std::vector<std::pair<std::string, std::string>>;

/// All tests of a block must hold; of one test's values, one must.
class Conditions {
 public:
  /// Knows StringEquals, StringLike, their IgnoreCase and Not forms, IpAddress, NotIpAddress and
  /// Bool. Errors: InvalidArgument for anything else, by name.
  static core::Result<Conditions> parse(const nlohmann::json& block);
  [[nodiscard]] bool hold(const ConditionValues& values) const;

 private:
  enum class Operator : std::uint8_t { Equals, EqualsIgnoreCase, Like, IpAddress };
  struct Test {
    Operator op = Operator::Equals;
    bool negated = false;  ///< a key that is absent then passes
    std::string key;
    std::vector<std::string> values;
    std::vector<Network> networks;
  };
  static core::Result<Test> parse_test(std::string_view name, std::string key,
                                       const nlohmann::json& values);
  static bool passes(const Test& test, const ConditionValues& values);
  static bool matches(const Test& test, std::string_view actual);

  std::vector<Test> tests_;
};

/// A JSON string, or an array of them, as policies write lists.
core::Result<std::vector<std::string>> string_list(const nlohmann::json& value,
                                                   std::string_view what);

}  // namespace emulator
