#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "cred/credential_source.h"

namespace cred {

/// The first source that is configured; the one that worked last is asked first. A source that is
/// configured and fails ends the search: falling through to another identity would be a surprise.
class Chain final : public CredentialSource {
 public:
  explicit Chain(std::vector<std::unique_ptr<CredentialSource>> sources)
      : sources_(std::move(sources)), preferred_(sources_.size()) {}
  Fetched fetch(const core::OpContext& context) override;
  /// Of the source in use; of all of them before one was found. Threads: any.
  [[nodiscard]] std::string describe() const override;
  /// Of all of them: a source that comes first may be configured later.
  [[nodiscard]] std::vector<std::string> files() const override;
  void source_changed() override;

 private:
  const std::vector<std::unique_ptr<CredentialSource>> sources_;
  std::atomic<std::size_t> preferred_;  ///< the number of sources: none yet
};

}  // namespace cred
