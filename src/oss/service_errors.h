#pragma once
// What a service's refusal means: the one table from its codes to our kinds.
#include <string>
#include <string_view>

#include "core/result.h"
#include "http/message.h"

namespace oss {

/// A refusal, read.
struct Refusal {
  core::Error error;         ///< "Code: message", with the remote details
  bool token_class = false;  ///< the credentials were refused, and a successor may be accepted
  core::Duration pause{0};   ///< how long the service asks to be left alone
  std::string string_to_sign;
  std::string canonical_request;
};

/// The kind for a service code; by the status alone where there is no code, or none we know.
core::ErrorKind kind_of(std::string_view code, int status);

/// Reads what a response of 300 or above says: its body, or x-oss-err where a HEAD had none.
/// `temporary`: the request was signed with a token.
Refusal read_refusal(const http::Response& response, bool temporary);

}  // namespace oss
