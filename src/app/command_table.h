#pragma once
// What stsfs can be asked to do.
#include <vector>

#include "options/arguments.h"

namespace app {

enum Command : options::Commands {
  kMount = 1,
  kUmount = 2,
  kStatus = 4,
  kWhoami = 8,
  kEmulator = 16,
  kSignUrl = 32,
  kPolicy = 64,
  kDoctor = 128,
  kRecover = 256,
};
/// The commands that ask the service, or say what asking it takes: they share every option of
/// endpoint and credentials.
inline constexpr options::Commands kAskTheService = kMount | kWhoami | kSignUrl | kPolicy | kDoctor;

/// In the order of --help.
const std::vector<options::CommandRow>& command_table();
const options::CommandRow& row_of(Command command);

}  // namespace app
