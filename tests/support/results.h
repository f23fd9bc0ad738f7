#pragma once
// How a call went, in the words of a test: EXPECT_THAT(rmdir("d"), FailsWith(ErrorKind::NotEmpty)).
#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "core/result.h"

namespace core {

/// For GoogleTest: without it a failing test shows bytes.
template <class T>
void PrintTo(const Result<T>& result, std::ostream* out) {  // NOLINT(readability-identifier-naming)
  if (result) {
    *out << "success";
  } else {
    *out << to_string(result.error().kind) << ": " << describe(result.error());
  }
}

}  // namespace core

namespace test {

MATCHER(IsOk, negation ? "fails" : "succeeds") { return arg.has_value(); }

MATCHER_P(FailsWith, kind,
          std::string(negation ? "does not fail with " : "fails with ") +
              std::string(core::to_string(kind))) {
  return !arg.has_value() && arg.error().kind == kind;
}

/// `inner` is what the value must be, or a matcher for it.
MATCHER_P(IsOkAnd, inner,
          negation ? "fails, or the value does not fit" : "succeeds, and the value fits") {
  return arg.has_value() && ::testing::ExplainMatchResult(inner, *arg, result_listener);
}

}  // namespace test
