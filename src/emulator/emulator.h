#pragma once
// The loopback OSS + STS + ECS metadata server behind a plain interface.
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "emulator/account/authority.h"

namespace emulator {

struct Options {
  std::string listen = "127.0.0.1:0";
  std::string metadata_listen = "127.0.0.1:0";
  std::string data_dir;  ///< empty: objects live in memory and go at exit
  std::string tls_cert;  ///< PEM files; both or none
  std::string tls_key;
  std::string ready_file;
  std::vector<std::string> virtual_host_domains;  ///< besides the first-label rule
  bool missing_key_is_denied = false;             ///< 403 for a missing key without list rights
  unsigned threads = 1;
  AuthorityOptions authority;
};

/// A running server. Destroying it stops it.
class Emulator {
 public:
  /// Binds, starts its threads and returns once every port answers.
  static core::Result<std::unique_ptr<Emulator>> start(Options options);
  virtual ~Emulator() = default;
  /// The ready line: one JSON object, without a newline.
  [[nodiscard]] virtual std::string ready_line() const = 0;
  [[nodiscard]] virtual std::string oss_endpoint() const = 0;
  [[nodiscard]] virtual std::string admin_endpoint() const = 0;
  [[nodiscard]] virtual std::string metadata_endpoint() const = 0;
  [[nodiscard]] virtual Identity identity() const = 0;
};

}  // namespace emulator
