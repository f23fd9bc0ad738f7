#include "cred/aws_web_identity.h"

#include "core/format.h"
#include "cred/aws_sts.h"
#include "cred/failure.h"
#include "cred/identity_token.h"

namespace cred {

using namespace std::chrono_literals;

AwsWebIdentity::AwsWebIdentity(WebIdentityRequest request, http::Origin sts,
                               http::Transport& transport, ServiceClock& clock)
    : request_(std::move(request)),
      endpoint_(std::move(sts)),
      transport_(transport),
      clock_(clock) {}

std::string AwsWebIdentity::describe() const {
  return core::format("AssumeRoleWithWebIdentity {} with the token in {}", request_.role_arn,
                      request_.token_file);
}

Fetched AwsWebIdentity::fetch(const core::OpContext& context) {
  auto fetched =
      ask(context, core::format("AssumeRoleWithWebIdentity of {} as session '{}' at {}",
                                request_.role_arn, request_.session_name, endpoint_.authority()));
  succeeded_ = succeeded_ || fetched.has_value();
  return fetched;
}

Fetched AwsWebIdentity::ask(const core::OpContext& context, std::string_view what) {
  const auto lasting = [&](core::Error error) {
    return succeeded_ ? transient(std::move(error)) : permanent(std::move(error));
  };
  RoleRequest role;
  role.role_arn = request_.role_arn;
  role.session_name = request_.session_name;
  role.duration = request_.duration;
  role.policy = request_.policy;
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
    std::vector<http::QueryParam> parameters = role_parameters("AssumeRoleWithWebIdentity", role);
    parameters.push_back({"WebIdentityToken", std::string(token->reveal())});
    const core::SteadyTime sent = clock_.own().steady_now();
    auto answer = http::perform(
        transport_, {context, aws_sts_request(endpoint_, std::move(parameters), {}, {}, {}),
                     http::Patience{5s, 10s, false}, nullptr});
    if (!answer) {
      return no_answer(std::move(answer).error().within(what));
    }
    if (answer->status == 200) {
      return aws_granted(*answer, "AssumeRoleWithWebIdentity", sent, clock_, what);
    }
    StsRefusal said = read_aws_refusal(*answer, {&*token});
    const StsVerdict verdict = said.verdict;
    core::Error error = advised(std::move(said)).within(what);
    // Ceph has one word, AccessDenied, for tokens that are expired, forged or not trusted.
    const bool of_token =
        verdict.reaction == StsReaction::RereadBase || verdict.kind == core::ErrorKind::Denied;
    if (!of_token) {
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
