#pragma once
// From what options, variables and files say to the one source of a mount.
#include <memory>
#include <string>
#include <vector>

#include "core/child_process.h"
#include "cred/credential_source.h"
#include "cred/credentials_uri.h"
#include "cred/dialect.h"
#include "cred/key_directory.h"
#include "cred/role_request.h"
#include "cred/service_clock.h"
#include "cred/static_source.h"
#include "http/transport.h"

namespace cred {

/// Where credentials were asked to come from.
enum class SourceKind : std::uint8_t {
  Chain,  ///< nobody said: the ecosystem's default chain
  Profile,
  CredentialsFile,
  PasswdFile,
  Process,
  Uri,
  Directory,
  Oidc,
  Ecs,
  Anonymous,
};

/// Everything that options and the environment say about credentials, as plain values. What does
/// not belong to `kind` is the default chain's, or stays empty.
struct SourceSettings {
  SourceKind kind = SourceKind::Chain;
  Dialect dialect = Dialect::Rpc;  ///< of variables, files, STS and metadata

  EnvironmentValues environment;
  std::string profile;                     ///< empty: the file's own default
  std::string credentials_file;            ///< for CredentialsFile
  std::vector<std::string> profile_files;  ///< where profiles are looked for, in this order
  std::string passwd_file;                 ///< for PasswdFile; a directory is taken for Directory
  std::vector<std::string> passwd_files;   ///< of the default chain
  std::string bucket;                      ///< whose line of a key file counts
  std::string process;                     ///< command line
  std::vector<std::string> child_environment;
  std::string uri;
  std::string directory;                  ///< for Directory
  KeyFileNames key_files = kTripleNames;  ///< in it
  std::string service_directory;          ///< $CREDENTIALS_DIRECTORY
  OidcRequest oidc;                       ///< without a role: `role`'s
  std::string ecs_role;                   ///< empty: the instance's own
  bool ecs_disabled = false;              ///< leave the metadata server out of the chain
  bool ecs_weak = false;
  std::string container_uri;  ///< whole; of the default chain, AWS's
  UriAuthorization container_authorization;
  /// Nobody but an option may name a program or a server that hands credentials out.
  bool external_disabled = false;
  http::Origin metadata;

  /// The last role, if role_arn is set. Session name, duration and policy also hold for the role of
  /// an OIDC token or of a profile that does not say them itself.
  RoleRequest role;
  http::Origin sts;
  bool sts_told = false;  ///< by option, which overrides what a profile says
  std::string region;

  [[nodiscard]] bool aws() const { return dialect == Dialect::Aws; }
};

/// The world that sources work in; it outlives them.
struct SourceWorld {
  http::Transport& transport;
  ServiceClock& clock;
  core::ChildRunner& runner;
};

/// The source that the settings mean, asked for nothing yet.
/// Errors: InvalidArgument, Unsupported: what can be seen without looking into any file.
core::Result<std::unique_ptr<CredentialSource>> make_source(const SourceSettings& settings,
                                                            const SourceWorld& world);

}  // namespace cred
