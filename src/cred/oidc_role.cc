#include "cred/oidc_role.h"

#include <optional>

#include "core/format.h"
#include "cred/answers.h"
#include "cred/failure.h"
#include "cred/identity_token.h"

namespace cred {

OidcRole::OidcRole(OidcRequest request, StsClient sts)
    : request_(std::move(request)), sts_(std::move(sts)) {}

std::string OidcRole::describe() const {
  return core::format("{} {} with the token in {}", sts_.dialect().token_action, request_.role_arn,
                      request_.token_file);
}

StsCall OidcRole::call_with(const core::Secret& token) const {
  const StsDialect& dialect = sts_.dialect();
  StsCall call = role_call(dialect.token_action, request_);
  if (!dialect.provider_parameter.empty()) {
    call.parameters.push_back({std::string(dialect.provider_parameter), request_.provider_arn});
  }
  call.parameters.push_back({std::string(dialect.token_parameter), std::string(token.reveal())});
  return call;
}

bool OidcRole::blames_token(const StsVerdict& verdict) const {
  return verdict.reaction == StsReaction::RereadBase ||
         (verdict.kind == core::ErrorKind::Denied && sts_.dialect().denial_may_blame_token);
}

Fetched OidcRole::fetch(const core::OpContext& context) {
  auto fetched = exchange(context);
  succeeded_ = succeeded_ || fetched.has_value();
  return fetched;
}

Fetched OidcRole::exchange(const core::OpContext& context) const {
  const std::string what =
      core::format("{} of {} as session '{}' at {}", sts_.dialect().token_action, request_.role_arn,
                   request_.session_name, sts_.authority());
  const auto lasting = [&](core::Error error) {
    return succeeded_ ? transient(std::move(error)) : permanent(std::move(error));
  };
  core::Secret refused;
  std::optional<core::Error> refusal;
  for (;;) {
    auto token = read_identity_token(request_.token_file);
    if (!token) {
      return lasting(std::move(token).error().within("identity token file " + request_.token_file));
    }
    if (refusal && *token == refused) {
      return lasting(*std::move(refusal));
    }
    auto answer = sts_.ask(context, call_with(*token), /*caller=*/{});
    if (!answer) {
      return no_answer(std::move(answer).error().within(what));
    }
    if (answer->response.status == 200) {
      auto lease = sts_.lease_in(*std::move(answer), sts_.dialect().token_action);
      if (!lease) {
        lease.error().error = std::move(lease.error().error).within(what);
      }
      return lease;
    }
    StsRefusal said = sts_.refusal_in(*answer, {&*token});
    const StsVerdict verdict = said.verdict;
    core::Error error = advised(std::move(said)).within(what);
    if (!blames_token(verdict)) {
      return verdict.reaction == StsReaction::GiveUp
                 ? permanent(std::move(error))
                 : transient(std::move(error), retry_after(answer->response));
    }
    if (refusal) {
      return lasting(std::move(error));
    }
    refused = *std::move(token);
    refusal = std::move(error);
  }
}

}  // namespace cred
