#pragma once
// store::ObjectStore over HTTP.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "cred/provider.h"
#include "http/retry.h"
#include "http/transport.h"
#include "oss/dialect.h"
#include "oss/endpoint.h"
#include "store/object_store.h"

namespace oss {

/// How requests are signed; Auto is V4 when a region is known, else V1. S3 has V4 alone.
enum class Signing : std::uint8_t { Auto, V1, V4 };

/// What objects made here are to be where the bucket's own rules are not meant; in the service's
/// words, each empty for the bucket's.
struct NewObjects {
  std::string storage_class;   ///< "IA", "STANDARD_IA"
  std::string encryption;      ///< at the service: "AES256", "KMS", "aws:kms"
  std::string encryption_key;  ///< id of the key of a KMS
  std::string acl;             ///< "private"
};

struct Options {
  Dialect dialect = Dialect::Oss;
  http::Origin endpoint;  ///< of the service, without the bucket (except Addressing::Cname)
  std::string bucket;
  /// Empty: derived from the endpoint where it says; S3 falls back to us-east-1.
  std::string region;
  Signing signing = Signing::Auto;
  Addressing addressing = Addressing::Auto;
  std::string product;  ///< empty: the dialect's own; "oss-cloudbox" for a CloudBox
  /// Enough attempts to outlast a restart of the service; the context's deadline ends them sooner.
  http::RetryPolicy retry{.attempts = 30, .cap = std::chrono::seconds{5}};
  http::Patience patience;
  /// Bound of one attempt of a request that carries no object data.
  core::Duration request_timeout = std::chrono::seconds{60};
  NewObjects new_objects;
  bool requester_pays = false;  ///< say so with every request
  /// Of one request that carries object data, kept by the service; bytes a second, 0: none. OSS
  /// only.
  std::uint64_t upload_limit = 0;
  std::uint64_t download_limit = 0;
};

/// What the store works with; all outlive it.
struct Surroundings {
  http::Transport& transport;
  cred::CredentialProvider& credentials;
  core::Clock& clock;
  core::Random& random;
  core::Metrics& metrics;
  /// Told of each answer that asked for fewer requests: when the request was sent, and how long the
  /// service wants silence. Called without locks, from any thread; must not block.
  std::function<void(core::SteadyTime sent, core::Duration told)> on_throttled = {};
};

/// Errors: InvalidArgument (bucket name, V4 without a region).
core::Result<std::unique_ptr<store::ObjectStore>> open_store(Options options,
                                                             const Surroundings& world);

}  // namespace oss
