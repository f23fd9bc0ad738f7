#include "cred/sts_dialect.h"

#include <algorithm>

namespace cred {
namespace {

using core::ErrorKind;

bool fits(std::string_view pattern, std::string_view code) {
  return pattern.ends_with('*') ? code.starts_with(pattern.substr(0, pattern.size() - 1))
                                : code == pattern;
}

}  // namespace

StsVerdict judge(const StsDialect& dialect, int status, const StsError& error) {
  const auto row =
      std::find_if(dialect.refusals.begin(), dialect.refusals.end(), [&](const StsRow& candidate) {
        return fits(candidate.code, error.code) &&
               (candidate.status == 0 || candidate.status == status) &&
               error.message.find(candidate.says) != std::string::npos;
      });
  if (row != dialect.refusals.end()) {
    return row->verdict;
  }
  if (status == 429) {
    return {StsReaction::TryLater, ErrorKind::Throttled, ""};
  }
  if (status == 408 || status >= 500) {
    return {StsReaction::TryLater, ErrorKind::Unavailable, ""};
  }
  if (status >= 400) {
    return dialect.other_refusal;
  }
  // A redirect, or a captive portal's page: not the service's own word.
  return {StsReaction::TryLater, ErrorKind::Protocol, "this may be no STS: check --sts-endpoint"};
}

}  // namespace cred
