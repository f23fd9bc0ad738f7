#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret.h"

namespace options {

/// The process's environment, read once.
class Environment {
 public:
  Environment() = default;
  explicit Environment(const std::map<std::string, std::string>& variables);

  /// Copies the environment, then wipes what is secret from the process's own block: neither
  /// /proc/PID/environ nor a child shows it from now on.
  /// Threads: call before the first one.
  static Environment take();

  /// Empty counts as absent. A secret is not found this way.
  [[nodiscard]] std::string get(std::string_view name) const;
  [[nodiscard]] core::Secret secret(std::string_view name) const;

  /// "NAME=VALUE" of what a program that we start may see: no secret, and nothing that the service
  /// manager means for us alone.
  [[nodiscard]] std::vector<std::string> for_children() const;

  /// "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", and whatever is called alike.
  static bool is_secret_name(std::string_view name);

 private:
  void add(const std::string& name, const char* value);

  std::map<std::string, std::string, std::less<>> plain_;
  std::map<std::string, core::Secret, std::less<>> secrets_;
};

}  // namespace options
