#pragma once
#include <string>
#include <string_view>

#include "cred/credential_source.h"
#include "cred/dialect.h"
#include "cred/service_clock.h"
#include "http/transport.h"

namespace cred {

struct EcsOptions {
  MetadataWords words;
  http::Origin endpoint;
  std::string role_name;    ///< empty: the one that the instance has
  bool allow_weak = false;  ///< go on without a session token where the server gives none
  /// The last of several sources: a server that cannot be reached means that this is no instance,
  /// not that something is wrong.
  bool may_be_absent = false;
};

/// The credentials of the role of an ECS (or, with other words, EC2) instance, from its metadata
/// server.
///
/// Hardened mode: a session token is fetched first and kept for its life; a server that does not
/// give any but answers without ("weak mode") can be asked by whoever makes some program of this
/// machine send a request, so it is refused unless allowed. Requests go past every proxy, and no
/// redirect is followed. What cannot be made sense of is permanent at first, and transient once a
/// fetch has succeeded.
/// Threads: as every source; describe() any.
/// Source: ECS, "Instance metadata", security hardening mode.
class EcsMetadata final : public CredentialSource {
 public:
  EcsMetadata(EcsOptions options, http::Transport& transport, ServiceClock& clock);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;

 private:
  struct Answer {
    http::Response response;
    core::SteadyTime sent;
  };
  template <class T>
  using Step = tl::expected<T, FetchFailure>;

  Fetched ask(const core::OpContext& context);
  /// Sees to it that session_token_ is good, or weak_ is set.
  Step<void> open_session(const core::OpContext& context);
  Step<void> without_session(const core::OpContext& context, int status);
  Step<std::string> role_name(const core::OpContext& context);
  /// GET below /latest/meta-data/ram/security-credentials/; a session token that is refused is
  /// replaced once.
  Step<Answer> get(const core::OpContext& context, const std::string& item);
  Step<Answer> send(const core::OpContext& context, http::Request request);
  [[nodiscard]] http::Request request_to(std::string method, std::string path) const;
  [[nodiscard]] FetchFailure unreachable(core::Error error) const;

  const EcsOptions options_;
  http::Transport& transport_;
  ServiceClock& clock_;
  core::Secret session_token_;
  core::SteadyTime session_ends_;
  bool weak_ = false;  ///< the server gives no session tokens, which is allowed
  bool succeeded_ = false;
};

}  // namespace cred
