#pragma once
// What all sources that ask over the network do alike with an answer.
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "cred/credential_source.h"
#include "cred/credentials_json.h"
#include "cred/service_clock.h"
#include "http/message.h"

namespace cred {

/// The body of an application/x-www-form-urlencoded request.
std::string form_of(const std::vector<http::QueryParam>& parameters);

/// How long the service asks to wait: Retry-After (seconds or a date), or what STS's flow control
/// says of its window. Bounded by a day.
std::optional<core::Duration> retry_after(const http::Response& answer);

/// A service's words, fit for a log: one line, short, without the string to sign and without
/// `hidden`, which it may have repeated.
std::string presentable(std::string words, std::initializer_list<const core::Secret*> hidden);

/// The lease of credentials that came with `answer` to a request sent at `sent`.
///
/// The lifetime is Expiration minus the answer's Date (else our idea of the service's clock),
/// counted on the steady clock from `sent`; a second is taken off, because both are whole seconds
/// of a clock that runs between them. No expiration: long-lived.
/// Errors: Protocol for credentials that had expired when they came.
core::Result<Lease> lease_of(GivenCredentials given, const http::Response& answer,
                             core::SteadyTime sent, const ServiceClock& clock);

/// No answer at all: a refused certificate is permanent, everything else may pass.
Fetched no_answer(core::Error error);

/// Whoever is asked is no giver of credentials: asking again does not help, nor is the network to
/// blame.
Fetched makes_no_sense(core::Error error);

/// A refusal in no form that we know: the status is all it says. The server's own trouble (5xx,
/// throttling) is transient, anything else permanent.
FetchFailure plain_refusal(const http::Response& answer, std::string_view what);

}  // namespace cred
