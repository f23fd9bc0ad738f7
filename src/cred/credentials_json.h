#pragma once
// The JSON in which metadata servers, credentials URIs and processes hand credentials out. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"
#include "sign/credentials.h"

namespace cred {

/// Credentials as somebody handed them out.
struct GivenCredentials {
  sign::Credentials credentials;
  std::optional<core::WallTime> expiration;
};

inline constexpr std::size_t kLargestDocument = 64UL * 1024;

/// What a document must say besides the key pair.
enum class Completeness : std::uint8_t {
  KeyPair,    ///< nothing more: token and expiration may be missing
  Temporary,  ///< token and expiration
};

/// Takes the credentials out of `text`, one JSON object of 64 KiB at most. Members may be spelt in
/// the manner of Alibaba Cloud ("AccessKeySecret", "SecurityToken"), of its CLI
/// ("access_key_secret", "sts_token") or of AWS ("SecretAccessKey", "SessionToken", "Token").
/// A "Code" other than "Success" is a refusal, told with its "Message".
/// `giver` is for messages: "the metadata server"; `inside` names the member that holds the
/// credentials where they are not the document itself. The secrets in `text` are wiped.
/// Errors: Protocol for what is no such document, naming the member; Unauthenticated for another
///         Code; InvalidArgument for credentials that could not be sent. No value is ever shown.
/// Source: ECS, "Instance metadata"; credentials URI of the SDKs; CLI, mode External.
core::Result<GivenCredentials> parse_credentials_json(std::string& text, Completeness needs,
                                                      std::string_view giver,
                                                      const char* inside = nullptr);

}  // namespace cred
