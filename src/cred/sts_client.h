#pragma once
// The conversation with one STS, in whatever dialect: what is asked, and what its answers mean.
#include <initializer_list>
#include <string>
#include <string_view>

#include "cred/credential_source.h"
#include "cred/dialect.h"
#include "cred/role_request.h"
#include "cred/service_clock.h"
#include "http/transport.h"

namespace cred {

/// An STS that can be asked.
struct Sts {
  http::Origin endpoint;
  Dialect dialect = Dialect::Rpc;
  std::string region;  ///< for signatures that name one
};

/// A refusal, judged and put into words.
struct StsRefusal {
  StsVerdict verdict;
  core::Error error;  ///< what the service said
};
/// The error, with what a person who wanted a role can do about it.
core::Error advised(StsRefusal refusal);

/// The call that assumes a role, as far as all ways to do so are alike.
StsCall role_call(std::string_view action, const RoleTerms& terms);

/// Threads: as its transport and its clock; holds nothing that changes.
class StsClient {
 public:
  struct Answer {
    http::Response response;
    core::SteadyTime sent;  ///< when it was asked for
  };

  StsClient(Sts sts, http::Transport& transport, ServiceClock& clock);

  /// Sends one request, signed unless the caller is anonymous; repeats none.
  [[nodiscard]] core::Result<Answer> ask(const core::OpContext& context, StsCall call,
                                         const sign::Credentials& caller) const;
  /// The lease in an answer of status 200 to `action`; transient where it makes no sense.
  [[nodiscard]] Fetched lease_in(Answer answer, std::string_view action) const;
  /// What an answer of another status says, `hidden` left out.
  [[nodiscard]] StsRefusal refusal_in(const Answer& answer,
                                      std::initializer_list<const core::Secret*> hidden) const;

  [[nodiscard]] const StsDialect& dialect() const { return dialect_; }
  [[nodiscard]] ServiceClock& clock() const { return clock_; }
  /// For messages.
  [[nodiscard]] std::string authority() const { return sts_.endpoint.authority(); }

 private:
  const Sts sts_;
  const StsDialect& dialect_;
  http::Transport& transport_;
  ServiceClock& clock_;
};

}  // namespace cred
