#include "cred/assume_role.h"

#include "core/format.h"
#include "core/log.h"
#include "cred/answers.h"
#include "cred/failure.h"
#include "cred/planner.h"

namespace cred {
namespace {

using namespace std::chrono_literals;

constexpr int kMostNonces = 3;
}  // namespace

AssumeRole::AssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base,
                       http::Origin endpoint, http::Transport& transport, ServiceClock& clock)
    : role_(std::move(role)),
      base_(std::move(base)),
      endpoint_(std::move(endpoint)),
      transport_(transport),
      clock_(clock) {}

std::string AssumeRole::describe() const {
  return core::format("AssumeRole {} over {}", role_.role_arn, base_->describe());
}

void AssumeRole::source_changed() {
  base_lease_.reset();
  base_->source_changed();
}

Fetched AssumeRole::base_lease(const core::OpContext& context) {
  const core::SteadyTime now = clock_.own().steady_now();
  if (base_lease_ && freshness(*base_lease_, now) < Freshness::Mandatory) {
    return *base_lease_;
  }
  base_lease_.reset();
  auto fetched = base_->fetch(context);
  if (fetched && fetched->expires) {
    base_lease_ = *fetched;
  }
  return fetched;
}

std::vector<http::QueryParam> AssumeRole::parameters() const {
  std::vector<http::QueryParam> parameters = role_parameters("AssumeRole", role_);
  if (!role_.external_id.empty()) {
    parameters.push_back({"ExternalId", role_.external_id});
  }
  return parameters;
}

http::Request AssumeRole::request_for(const sign::Credentials& caller) const {
  return sts_request(endpoint_, parameters(), role_.signing, caller, clock_.now());
}

Fetched AssumeRole::lease_in(http::Response& answer, core::SteadyTime sent,
                             std::string_view what) const {
  return granted(answer, sent, clock_, what);
}

StsRefusal AssumeRole::refusal_in(const http::Response& answer,
                                  const sign::Credentials& caller) const {
  return read_sts_refusal(answer, {&caller.access_key_secret, &caller.token});
}

Fetched AssumeRole::fetch(const core::OpContext& context) {
  const std::string what = core::format("AssumeRole of {} as session '{}' at {}", role_.role_arn,
                                        role_.session_name, endpoint_.authority());
  bool clock_fixed = false;
  bool base_reread = false;
  for (int nonces = 1;;) {
    auto base = base_lease(context);
    if (!base) {
      base.error().error = std::move(base.error().error).within(what);
      return base;
    }
    const sign::Credentials& caller = base->credentials;
    const core::SteadyTime sent = clock_.own().steady_now();
    auto answer = http::perform(
        transport_, {context, request_for(caller), http::Patience{5s, 10s, false}, nullptr});
    if (!answer) {
      return no_answer(std::move(answer).error().within(what));
    }
    if (answer->status == 200) {
      return lease_in(*answer, sent, what);
    }

    StsRefusal refusal = refusal_in(*answer, caller);
    const StsVerdict verdict = refusal.verdict;
    core::Error error = advised(std::move(refusal));
    if (verdict.kind == core::ErrorKind::Denied) {
      error.message += core::format(" (caller: {} of {})", caller.access_key_id, base_->describe());
    }
    error = std::move(error).within(what);
    switch (verdict.reaction) {
      case StsReaction::GiveUp:
        return permanent(std::move(error));
      case StsReaction::TryLater:
        return transient(std::move(error), retry_after(*answer));
      case StsReaction::NewNonce:
        if (nonces++ >= kMostNonces) {
          return transient(std::move(error));
        }
        break;
      case StsReaction::FixClock:
        if (clock_fixed || !answer->date()) {
          return transient(std::move(error));
        }
        clock_fixed = true;
        clock_.correct(*answer->date());
        core::log(core::LogLevel::Warn, "clock corrected by STS",
                  {{"offset", core::format_duration(clock_.offset())}});
        break;
      case StsReaction::RereadBase: {
        const bool renewable = base->expires.has_value();
        if (base_reread) {
          return renewable ? transient(std::move(error)) : permanent(std::move(error));
        }
        base_reread = true;
        base_lease_.reset();
        break;
      }
    }
  }
}

}  // namespace cred
