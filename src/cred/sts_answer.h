#pragma once
// What STS says when it refuses, as values; and what that means. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace cred {

/// Fields are empty where the body does not say, or is no JSON at all.
struct StsError {
  std::string code;
  std::string message;
  std::string request_id;
};
StsError parse_sts_error(std::string_view body);

/// What to do about a refusal.
enum class StsReaction : std::uint8_t {
  GiveUp,      ///< repeating does not change it
  TryLater,    ///< the service's trouble, or too many requests
  NewNonce,    ///< the nonce was used: sign again
  FixClock,    ///< our clock is off: learn from Date, sign again
  RereadBase,  ///< the caller's own (identity) token is no good: fetch it anew
};
struct StsVerdict {
  StsReaction reaction = StsReaction::GiveUp;
  core::ErrorKind kind = core::ErrorKind::Unauthenticated;
  std::string_view advice;  ///< what a person can do; may be empty
};
/// Source: STS API, "Error codes".
StsVerdict judge_sts(int status, std::string_view code);

}  // namespace cred
