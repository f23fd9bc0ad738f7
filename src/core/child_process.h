#pragma once
// Programs that we run for what they print.
#include <memory>
#include <string>
#include <vector>

#include "core/op_context.h"
#include "core/result.h"
#include "core/secret.h"

namespace core {

struct ChildOrder {
  std::vector<std::string> arguments;  ///< the program's absolute path first; no shell is involved
  std::vector<std::string> environment;  ///< "NAME=VALUE"; nothing else is inherited
  std::size_t output_limit_bytes = 1UL << 20;
};

/// A program's end.
struct ChildEnd {
  int exit_code = 0;  ///< 128 + N where signal N ended it
  Secret output;      ///< what it printed on standard output
};

/// Runs programs. Threads: any.
class ChildRunner {
 public:
  ChildRunner() = default;
  ChildRunner(const ChildRunner&) = delete;
  ChildRunner& operator=(const ChildRunner&) = delete;
  virtual ~ChildRunner() = default;

  /// Runs one program to its end, with / as its directory and nothing on standard input. At the
  /// context's deadline, when it is cancelled and when the program prints too much, the program
  /// and whatever it started are killed; nothing that it started outlives it.
  /// `complaints` gets the lines that it wrote on standard error, 200 at most, however it ends.
  /// Errors: os_error's if it cannot be started; Timeout; Cancelled; TooLarge.
  virtual Result<ChildEnd> run(const OpContext& context, const ChildOrder& order,
                               std::vector<std::string>& complaints) = 0;
};

/// The real thing.
std::unique_ptr<ChildRunner> system_child_runner();

}  // namespace core
