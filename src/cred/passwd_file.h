#pragma once
#include <string>

#include "cred/credential_source.h"
#include "cred/service_clock.h"

namespace cred {

/// A key file of ossfs or s3fs, read anew by every fetch: lines BUCKET:ID:SECRET or ID:SECRET. The
/// line of our bucket counts, else the one without a bucket. Blank lines and those that begin with
/// '#' say nothing.
///
/// Nobody else may read it; below /etc its group may.
/// Source: ossfs and s3fs, option passwd_file.
class PasswdFile final : public CredentialSource {
 public:
  PasswdFile(std::string path, std::string bucket, ServiceClock& clock)
      : path_(std::move(path)), bucket_(std::move(bucket)), clock_(clock) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override { return "key file " + path_; }
  [[nodiscard]] std::vector<std::string> files() const override { return {path_}; }

 private:
  const std::string path_;
  const std::string bucket_;
  ServiceClock& clock_;
};

}  // namespace cred
