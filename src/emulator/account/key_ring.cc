#include "emulator/account/key_ring.h"

#include <chrono>

namespace emulator {

KeyRing::KeyRing(const Directory& directory, AuthorityState state, std::string data_dir)
    : directory_(directory),
      data_dir_(std::move(data_dir)),
      mint_(state.server_key),
      generation_(state.generation),
      state_(std::move(state)) {
  for (const User& user : directory_.users) {
    auto bearer = std::make_shared<Bearer>();
    bearer->principal = {Principal::Kind::User, user.arn, user.access_key_id, user.grants};
    bearer->secret = user.access_key_secret;
    bearer->user = &user;
    users_.emplace(user.access_key_id, std::move(bearer));
  }
}

std::variant<std::shared_ptr<const Bearer>, KeyProblem> KeyRing::resolve(
    const std::string& access_key_id, const std::string& token, core::WallTime now) const {
  if (const auto found = users_.find(access_key_id); found != users_.end()) {
    if (!token.empty()) {
      return KeyProblem::TokenUnexpected;
    }
    if (!found->second->user->active) {
      return KeyProblem::Inactive;
    }
    return found->second;
  }
  if (!TokenMint::is_temporary(access_key_id)) {
    return token.empty() ? KeyProblem::Unknown : KeyProblem::TokenUnexpected;
  }
  if (token.empty()) {
    return KeyProblem::TokenMissing;
  }
  auto bearer = session(token);
  if (bearer == nullptr) {
    return KeyProblem::TokenMalformed;
  }
  if (bearer->claims.access_key_id != access_key_id) {
    return KeyProblem::TokenMismatch;
  }
  if (bearer->claims.generation < generation()) {
    return KeyProblem::TokenRevoked;
  }
  if (now >= bearer->claims.expires) {
    return KeyProblem::TokenExpired;
  }
  return bearer;
}

std::shared_ptr<const Bearer> KeyRing::session(const std::string& token) const {
  std::uint64_t changes = 0;
  {
    const core::MutexLock lock(cache_mutex_);
    if (const auto found = sessions_.find(token); found != sessions_.end()) {
      return found->second;
    }
    changes = policy_changes_;
  }
  auto bearer = read_session(token);
  if (bearer != nullptr) {
    const core::MutexLock lock(cache_mutex_);
    constexpr std::size_t kMost = 4096;  // start over now and then: tokens come and go
    if (sessions_.size() >= kMost) {
      sessions_.clear();
    }
    if (changes == policy_changes_) {
      sessions_.emplace(token, bearer);
    }
  }
  return bearer;
}

std::shared_ptr<const Bearer> KeyRing::read_session(const std::string& token) const {
  auto claims = mint_.read(token);
  const Role* role = claims ? directory_.role(claims->role) : nullptr;
  if (role == nullptr) {
    return nullptr;
  }
  Grants grants{policies_of(*role), nullptr};
  if (!claims->policy.empty()) {
    auto policy = Policy::parse(claims->policy, directory_.place);
    if (!policy) {
      return nullptr;  // a document of another version of ours: better no access than too much
    }
    grants.session = std::make_shared<const Policy>(*std::move(policy));
  }
  auto bearer = std::make_shared<Bearer>();
  bearer->principal.kind = Principal::Kind::Session;
  bearer->principal.arn = "acs:ram::" + directory_.place.account + ":assumed-role/" + role->name +
                          "/" + claims->session;
  bearer->principal.access_key_id = claims->access_key_id;
  bearer->principal.grants = std::make_shared<const Grants>(std::move(grants));
  bearer->secret = mint_.secret_of(claims->access_key_id);
  bearer->role = role;
  bearer->claims = *std::move(claims);
  return bearer;
}

KeyRing::Policies KeyRing::policies_of(const Role& role) const {
  const core::MutexLock lock(cache_mutex_);
  const auto found = policies_.find(role.name);
  return found != policies_.end() ? found->second : role.policies;
}

core::Status KeyRing::set_policies(const std::string& role, std::optional<Policies> policies) {
  if (directory_.role(role) == nullptr) {
    return core::fail(core::ErrorKind::NotFound, "there is no role named \"" + role + "\"");
  }
  const core::MutexLock lock(cache_mutex_);
  policies_.erase(role);
  if (policies) {
    policies_.emplace(role, *std::move(policies));
  }
  sessions_.clear();
  ++policy_changes_;
  return {};
}

bool KeyRing::has_expired(const std::string& token, core::WallTime when) const {
  const auto bearer = session(token);
  return bearer != nullptr && when >= bearer->claims.expires;
}

Issued KeyRing::issue(const Role& role, std::string_view session, std::string_view policy,
                      core::Duration lifetime, core::WallTime now, Dialect dialect) const {
  TokenClaims claims;
  claims.access_key_id = TokenMint::new_access_key_id(dialect);
  claims.role = role.name;
  claims.session = session;
  claims.policy = policy;
  claims.generation = generation();
  claims.expires = std::chrono::ceil<std::chrono::seconds>(now + lifetime);
  return {claims.access_key_id, mint_.secret_of(claims.access_key_id),
          core::Secret(mint_.write(claims)), claims.expires};
}

core::Status KeyRing::revoke_all() {
  const core::MutexLock lock(revoke_mutex_);
  AuthorityState next = state_;
  ++next.generation;
  if (!data_dir_.empty()) {
    TRY(save_state(data_dir_, next));
  }
  state_ = std::move(next);
  generation_.store(state_.generation);
  return {};
}

}  // namespace emulator
