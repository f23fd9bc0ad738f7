#pragma once
// What one STS says differently from another: how a call is written, how an answer is read, what a
// refusal means. The conversation itself is sts_client.h's, once for all.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "cred/credentials_json.h"
#include "http/message.h"
#include "sign/credentials.h"

namespace cred {

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

/// A refusal in the service's words. Fields are empty where it does not say.
struct StsError {
  std::string code;
  std::string message;
  std::string request_id;
};

/// One row of what refusals mean.
struct StsRow {
  std::string_view code;  ///< a final '*' stands for any ending
  StsVerdict verdict;
  int status = 0;              ///< 0: any
  std::string_view says = {};  ///< words that the message must have
};

/// Whose key it is. What the service does not tell is empty, but for the ARN.
struct CallerIdentity {
  std::string account;
  std::string arn;
  std::string id;  ///< of the user, or of the role with its session
};

struct StsCall {
  std::string_view action;
  std::vector<http::QueryParam> parameters;  ///< beside the action
};

/// Who calls, where and when. Calls of anonymous callers are not signed.
struct StsCaller {
  const sign::Credentials& credentials;
  std::string_view region;  ///< for signatures that name one
  core::WallTime now;
};

/// How one STS speaks. Immutable; its functions are pure, but for a nonce.
struct StsDialect {
  /// Its default address; the global one without a region. `vpc`: that within the region's VPCs.
  std::string (*endpoint)(std::string_view region, bool vpc) = nullptr;
  /// Makes `request`, a POST of a form to the right place, this call.
  void (*write)(http::Request& request, StsCall call, const StsCaller& caller) = nullptr;

  /// The credentials in an answer of status 200 to `action`; the secrets in `body` are wiped.
  /// Errors: Protocol, naming what is missing; InvalidArgument for credentials that could not be
  ///         sent. No value is ever shown.
  core::Result<GivenCredentials> (*credentials)(std::string& body,
                                                std::string_view action) = nullptr;
  /// The answer to GetCallerIdentity. Errors: Protocol.
  core::Result<CallerIdentity> (*identity)(std::string_view body) = nullptr;
  StsError (*error)(const http::Response& answer) = nullptr;

  /// What refusals mean: the first row that fits.
  std::span<const StsRow> refusals;
  /// What any other refusal (4xx) means.
  StsVerdict other_refusal;

  /// Assuming a role with an identity token.
  std::string_view token_action;
  std::string_view token_parameter;
  std::string_view provider_parameter;  ///< empty: the token tells who issued it
  /// A denial may mean a token that is expired or forged, too.
  bool denial_may_blame_token = false;
};

/// Alibaba Cloud's, signed with HMAC-SHA1 over the parameters, which every deployment understands.
/// Source: STS API 2015-04-01; "RPC signature mechanism".
const StsDialect& sts_rpc();
/// The same, signed with ACS3-HMAC-SHA256 over the request.
/// Source: "Request syntax and signature method V3".
const StsDialect& sts_acs3();
/// AWS's, and those that answer like it (Ceph, MinIO).
/// Source: AWS STS API 2011-06-15; Signature Version 4.
const StsDialect& sts_aws();

/// Pure.
StsVerdict judge(const StsDialect& dialect, int status, const StsError& error);

}  // namespace cred
