#include "emulator/account/condition.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "emulator/account/wildcard.h"

namespace emulator {

using core::ErrorKind;
using core::fail;
using core::Result;
using nlohmann::json;

Result<std::vector<std::string>> string_list(const json& value, std::string_view what) {
  std::vector<std::string> list;
  if (value.is_string()) {
    list.push_back(value.get<std::string>());
    return list;
  }
  if (!value.is_array() || value.empty()) {
    return fail(ErrorKind::InvalidArgument,
                std::string(what) + " must be a string or a list of strings");
  }
  for (const auto& item : value) {
    if (!item.is_string()) {
      return fail(ErrorKind::InvalidArgument, std::string(what) + " must contain strings only");
    }
    list.push_back(item.get<std::string>());
  }
  return list;
}

Result<Conditions> Conditions::parse(const json& block) {
  Conditions conditions;
  if (!block.is_object()) {
    return fail(ErrorKind::InvalidArgument, "Condition must be an object");
  }
  for (const auto& [name, keys] : block.items()) {
    if (!keys.is_object()) {
      return fail(ErrorKind::InvalidArgument, "the condition " + name + " must be an object");
    }
    for (const auto& [key, values] : keys.items()) {
      TRY_ASSIGN(Test test, parse_test(name, key, values));
      conditions.tests_.push_back(std::move(test));
    }
  }
  return conditions;
}

Result<Conditions::Test> Conditions::parse_test(std::string_view name, std::string key,
                                                const json& values) {
  struct Row {
    std::string_view name;
    Operator op;
    bool negated;
  };
  static constexpr auto kRows = std::to_array<Row>({
      {"StringEquals", Operator::Equals, false},
      {"StringNotEquals", Operator::Equals, true},
      {"StringEqualsIgnoreCase", Operator::EqualsIgnoreCase, false},
      {"StringNotEqualsIgnoreCase", Operator::EqualsIgnoreCase, true},
      {"StringLike", Operator::Like, false},
      {"StringNotLike", Operator::Like, true},
      {"IpAddress", Operator::IpAddress, false},
      {"NotIpAddress", Operator::IpAddress, true},
      {"Bool", Operator::EqualsIgnoreCase, false},
  });
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows),
                                 [name](const Row& candidate) { return candidate.name == name; });
  if (row == std::end(kRows)) {
    return fail(ErrorKind::InvalidArgument,
                "the condition operator " + std::string(name) + " is not supported");
  }
  Test test{row->op, row->negated, std::move(key), {}, {}};
  if (values.is_boolean()) {
    test.values = {values.get<bool>() ? "true" : "false"};
  } else {
    TRY_ASSIGN(test.values, string_list(values, "the values of " + test.key));
  }
  if (test.op == Operator::IpAddress) {
    for (const auto& text : test.values) {
      const auto network = Network::parse(text);
      if (!network) {
        return fail(ErrorKind::InvalidArgument, "'" + text + "' is no IP address or network");
      }
      test.networks.push_back(*network);
    }
  }
  return test;
}

bool Conditions::hold(const ConditionValues& values) const {
  return std::all_of(tests_.begin(), tests_.end(),
                     [&values](const Test& test) { return passes(test, values); });
}

bool Conditions::passes(const Test& test, const ConditionValues& values) {
  bool any = false;
  for (const auto& [key, actual] : values) {
    any = any || (core::equal_ignoring_case(key, test.key) && matches(test, actual));
  }
  return any != test.negated;
}

bool Conditions::matches(const Test& test, std::string_view actual) {
  switch (test.op) {
    case Operator::Equals:
      return std::find(test.values.begin(), test.values.end(), actual) != test.values.end();
    case Operator::EqualsIgnoreCase:
      return std::any_of(test.values.begin(), test.values.end(), [actual](const auto& value) {
        return core::equal_ignoring_case(value, actual);
      });
    case Operator::Like:
      return std::any_of(test.values.begin(), test.values.end(),
                         [actual](const auto& value) { return wildcard_match(value, actual); });
    case Operator::IpAddress:
      return std::any_of(test.networks.begin(), test.networks.end(),
                         [actual](const Network& network) { return network.contains(actual); });
  }
  return false;
}

}  // namespace emulator
