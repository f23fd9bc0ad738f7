#pragma once
#include <array>
#include <span>
#include <string>

#include "core/clock.h"
#include "cred/credential_source.h"
#include "cred/environment_names.h"

namespace cred {

/// Credentials given as values; without an end that we know of.
class StaticSource final : public CredentialSource {
 public:
  /// `name` says where the values come from, for people.
  StaticSource(sign::Credentials credentials, std::string name, core::Clock& clock)
      : credentials_(std::move(credentials)), name_(std::move(name)), clock_(clock) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override { return name_; }

 private:
  const sign::Credentials credentials_;
  const std::string name_;
  core::Clock& clock_;
};

/// What those variables held when the program started; what was not set is empty.
using EnvironmentValues = std::array<sign::Credentials, kEnvironmentNames.size()>;

/// The first complete pair. Half a pair is refused, not skipped: somebody meant it.
class EnvironmentSource final : public CredentialSource {
 public:
  /// `order` names the rows that count, the preferred one first.
  EnvironmentSource(EnvironmentValues values, std::span<const std::size_t> order,
                    core::Clock& clock)
      : values_(std::move(values)), order_(order), clock_(clock) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override { return "environment"; }

 private:
  Fetched fetch_row(std::size_t row, const core::OpContext& context) const;

  const EnvironmentValues values_;
  const std::span<const std::size_t> order_;
  core::Clock& clock_;
};

/// No credentials at all: requests go out unsigned, for buckets that everybody may read.
class AnonymousSource final : public CredentialSource {
 public:
  explicit AnonymousSource(core::Clock& clock) : clock_(clock) {}
  Fetched fetch(const core::OpContext& /*context*/) override {
    return Lease{{}, std::nullopt, clock_.steady_now()};
  }
  [[nodiscard]] std::string describe() const override { return "anonymous"; }

 private:
  core::Clock& clock_;
};

}  // namespace cred
