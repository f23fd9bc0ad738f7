#pragma once
// What STS answers, as values; and what a refusal means. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"
#include "sign/credentials.h"

namespace cred {

struct StsCredentials {
  sign::Credentials credentials;
  core::WallTime expiration;
};
/// Errors: Protocol for what is no such answer, naming the field; InvalidArgument for credentials
/// that could not be sent. No value is ever shown. The body's secrets are wiped as they are taken.
/// Source: STS API, AssumeRole, "Response" (JSON).
core::Result<StsCredentials> parse_sts_credentials(std::string& body);

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
  RereadBase,  ///< the caller's own token is no good: fetch it anew
};
struct StsVerdict {
  StsReaction reaction = StsReaction::GiveUp;
  core::ErrorKind kind = core::ErrorKind::Unauthenticated;
  std::string_view advice;  ///< what a person can do; may be empty
};
/// Source: STS API, "Error codes".
StsVerdict judge_sts(int status, std::string_view code);

}  // namespace cred
