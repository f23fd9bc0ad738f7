#include "cred/assume_role.h"

#include "core/format.h"
#include "core/log.h"
#include "cred/answers.h"
#include "cred/failure.h"
#include "cred/planner.h"

namespace cred {
namespace {

constexpr std::string_view kAction = "AssumeRole";
constexpr int kMostNonces = 3;

}  // namespace

AssumeRole::AssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base, StsClient sts)
    : role_(std::move(role)), base_(std::move(base)), sts_(std::move(sts)) {}

std::string AssumeRole::describe() const {
  return core::format("{} {} over {}", kAction, role_.role_arn, base_->describe());
}

void AssumeRole::source_changed() {
  base_lease_.reset();
  base_->source_changed();
}

Fetched AssumeRole::base_lease(const core::OpContext& context) {
  const core::SteadyTime now = sts_.clock().own().steady_now();
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

StsCall AssumeRole::call() const {
  StsCall call = role_call(kAction, role_);
  if (!role_.external_id.empty()) {
    call.parameters.push_back({"ExternalId", role_.external_id});
  }
  return call;
}

Fetched AssumeRole::fetch(const core::OpContext& context) {
  auto fetched = assume(context);
  if (!fetched) {
    core::Error& error = fetched.error().error;
    error =
        std::move(error).within(core::format("{} of {} as session '{}' at {}", kAction,
                                             role_.role_arn, role_.session_name, sts_.authority()));
  }
  return fetched;
}

Fetched AssumeRole::assume(const core::OpContext& context) {
  bool clock_fixed = false;
  bool base_reread = false;
  for (int nonces = 1;;) {
    auto base = base_lease(context);
    if (!base) {
      return base;
    }
    const sign::Credentials& caller = base->credentials;
    auto answer = sts_.ask(context, call(), caller);
    if (!answer) {
      return no_answer(std::move(answer).error());
    }
    if (answer->response.status == 200) {
      return sts_.lease_in(*std::move(answer), kAction);
    }

    StsRefusal refusal = sts_.refusal_in(*answer, {&caller.access_key_secret, &caller.token});
    const StsVerdict verdict = refusal.verdict;
    core::Error error = advised(std::move(refusal));
    if (verdict.kind == core::ErrorKind::Denied) {
      error.message += core::format(" (caller: {} of {})", caller.access_key_id, base_->describe());
    }
    switch (verdict.reaction) {
      case StsReaction::GiveUp:
        return permanent(std::move(error));
      case StsReaction::TryLater:
        return transient(std::move(error), retry_after(answer->response));
      case StsReaction::NewNonce:
        if (nonces++ >= kMostNonces) {
          return transient(std::move(error));
        }
        break;
      case StsReaction::FixClock: {
        const auto service_now = answer->response.date();
        if (clock_fixed || !service_now) {
          return transient(std::move(error));
        }
        clock_fixed = true;
        sts_.clock().correct(*service_now);
        core::log(core::LogLevel::Warn, "clock corrected by STS",
                  {{"offset", core::format_duration(sts_.clock().offset())}});
        break;
      }
      case StsReaction::RereadBase:
        if (base_reread) {
          const bool renewable = base->expires.has_value();
          return renewable ? transient(std::move(error)) : permanent(std::move(error));
        }
        base_reread = true;
        base_lease_.reset();
        break;
    }
  }
}

}  // namespace cred
