#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cred/credential_source.h"
#include "cred/source_spec.h"

namespace cred {

/// One profile of a file of credentials: of the CLI's config.json where the file begins with '{',
/// else of an INI file. Read anew by every fetch; what it leads to (a role, a program) is made anew
/// only when the file changed. A file that is missing, or lacks the profile, is not configured.
/// The file must be private.
class ProfileSource final : public CredentialSource {
 public:
  using Maker = std::function<core::Result<std::unique_ptr<CredentialSource>>(const SourceSpec&)>;
  /// An empty `profile` means the one that the file itself says, else "default".
  ProfileSource(std::string path, std::string profile, Maker maker);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] std::vector<std::string> files() const override { return {path_}; }
  void source_changed() override;

 private:
  core::Status read();

  const std::string path_;
  const std::string profile_;
  const Maker maker_;
  std::optional<core::Secret> text_;  ///< of the file that `inner_` was made from
  std::unique_ptr<CredentialSource> inner_;
};

}  // namespace cred
