#include "cred/oidc_role.h"

#include "core/format.h"
#include "cred/failure.h"
#include "cred/identity_token.h"

namespace cred {

using namespace std::chrono_literals;

OidcRole::OidcRole(OidcRequest request, http::Origin sts, http::Transport& transport,
                   ServiceClock& clock)
    : request_(std::move(request)),
      endpoint_(std::move(sts)),
      transport_(transport),
      clock_(clock) {}

std::string OidcRole::describe() const {
  return core::format("{} {} with the token in {}", action(), request_.role_arn,
                      request_.token_file);
}

std::vector<http::QueryParam> OidcRole::parameters() const {
  RoleRequest role;
  role.role_arn = request_.role_arn;
  role.session_name = request_.session_name;
  role.duration = request_.duration;
  role.policy = request_.policy;
  return role_parameters(action(), role);
}

http::Request OidcRole::request_for(const core::Secret& token) const {
  std::vector<http::QueryParam> asked = parameters();
  asked.push_back({"OIDCProviderArn", request_.provider_arn});
  asked.push_back({"OIDCToken", std::string(token.reveal())});
  return sts_request(endpoint_, std::move(asked), StsSigning::Rpc, {}, clock_.now());
}

Fetched OidcRole::lease_in(http::Response& answer, core::SteadyTime sent,
                           std::string_view what) const {
  return granted(answer, sent, clock_, what);
}

StsRefusal OidcRole::refusal_in(const http::Response& answer, const core::Secret& token) const {
  return read_sts_refusal(answer, {&token});
}

Fetched OidcRole::fetch(const core::OpContext& context) {
  auto fetched =
      ask(context, core::format("{} of {} as session '{}' at {}", action(), request_.role_arn,
                                request_.session_name, endpoint_.authority()));
  succeeded_ = succeeded_ || fetched.has_value();
  return fetched;
}

Fetched OidcRole::ask(const core::OpContext& context, std::string_view what) {
  const auto lasting = [&](core::Error error) {
    return succeeded_ ? transient(std::move(error)) : permanent(std::move(error));
  };
  core::Secret refused;
  std::optional<core::Error> refusal;
  for (;;) {
    auto token = read_identity_token(request_.token_file);
    if (!token) {
      return lasting(std::move(token).error().within(
          core::format("identity token file {}", request_.token_file)));
    }
    if (refusal && *token == refused) {
      return lasting(*std::move(refusal));
    }
    const core::SteadyTime sent = clock_.own().steady_now();
    auto answer = http::perform(
        transport_, {context, request_for(*token), http::Patience{5s, 10s, false}, nullptr});
    if (!answer) {
      return no_answer(std::move(answer).error().within(what));
    }
    if (answer->status == 200) {
      return lease_in(*answer, sent, what);
    }
    StsRefusal said = refusal_in(*answer, *token);
    const StsVerdict verdict = said.verdict;
    core::Error error = advised(std::move(said)).within(what);
    if (!blames_token(verdict)) {
      return verdict.reaction == StsReaction::GiveUp
                 ? permanent(std::move(error))
                 : transient(std::move(error), retry_after(*answer));
    }
    if (refusal) {
      return lasting(std::move(error));
    }
    refused = *std::move(token);
    refusal = std::move(error);
  }
}

}  // namespace cred
