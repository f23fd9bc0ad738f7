#pragma once
// What a service's refusal means: the one table from its codes to our kinds.
#include <string>
#include <string_view>

#include "core/result.h"
#include "http/message.h"
#include "oss/dialect.h"

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

/// Whether a body is the document that tells of a refusal.
bool is_error_document(std::string_view body);

/// Reads what a response of 300 or above says: its body, or the dialect's header where a HEAD had
/// none. `temporary`: the request was signed with a token.
Refusal read_refusal(const http::Response& response, const Traits& traits, bool temporary);

}  // namespace oss
