#include "cred/sts_client.h"

#include "core/format.h"
#include "core/log.h"
#include "cred/answers.h"
#include "cred/failure.h"

namespace cred {

using namespace std::chrono_literals;

StsClient::StsClient(Sts sts, http::Transport& transport, ServiceClock& clock)
    : sts_(std::move(sts)),
      dialect_(traits_of(sts_.dialect).sts),
      transport_(transport),
      clock_(clock) {}

core::Result<StsClient::Answer> StsClient::ask(const core::OpContext& context, StsCall call,
                                               const sign::Credentials& caller) const {
  http::Request request;
  request.method = "POST";
  request.origin = sts_.endpoint;
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  dialect_.write(request, std::move(call), {caller, sts_.region, clock_.now()});
  const core::SteadyTime sent = clock_.own().steady_now();
  TRY_ASSIGN(auto response, http::perform(transport_, {context, std::move(request),
                                                       http::Patience{5s, 10s, false}, nullptr}));
  return Answer{std::move(response), sent};
}

Fetched StsClient::lease_in(Answer answer, std::string_view action) const {
  auto given = dialect_.credentials(answer.response.body, action);
  if (!given) {
    return transient(std::move(given).error());
  }
  auto lease = lease_of(*std::move(given), answer.response, answer.sent, clock_);
  return lease ? Fetched(*std::move(lease)) : transient(std::move(lease).error());
}

StsRefusal StsClient::refusal_in(const Answer& answer,
                                 std::initializer_list<const core::Secret*> hidden) const {
  const int status = answer.response.status;
  StsError said = dialect_.error(answer.response);
  StsRefusal refusal;
  refusal.verdict = judge(dialect_, status, said);
  std::string words = presentable(std::move(said.message), hidden);
  if (words.empty()) {
    words = said.code.empty() ? core::format("refused with status {} and no reason", status)
                              : "refused";
  }
  refusal.error = core::fail(refusal.verdict.kind, std::move(words));
  refusal.error.remote = core::Remote{status,
                                      core::escape_for_log(said.code.substr(0, 100)),
                                      core::escape_for_log(said.request_id.substr(0, 100)),
                                      {}};
  return refusal;
}

core::Error advised(StsRefusal refusal) {
  if (!refusal.verdict.advice.empty()) {
    refusal.error.message += "; ";
    refusal.error.message += refusal.verdict.advice;
  }
  return std::move(refusal.error);
}

StsCall role_call(std::string_view action, const RoleTerms& terms) {
  StsCall call{action, {{"RoleArn", terms.role_arn}, {"RoleSessionName", terms.session_name}}};
  if (terms.duration > core::Duration{0}) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(terms.duration);
    call.parameters.push_back({"DurationSeconds", std::to_string(seconds.count())});
  }
  if (!terms.policy.empty()) {
    call.parameters.push_back({"Policy", terms.policy});
  }
  return call;
}

}  // namespace cred
