#pragma once
// What stsfs can be asked to do.
#include <vector>

#include "app/arguments.h"

namespace app {

enum Command : Commands {
  kMount = 1,
  kUmount = 2,
  kStatus = 4,
  kWhoami = 8,
  kEmulator = 16,
  kSignUrl = 32,
  kPolicy = 64,
  kDoctor = 128,
};
/// The commands that ask the service, or say what asking it takes: they share every option of
/// endpoint and credentials.
inline constexpr Commands kAskTheService = kMount | kWhoami | kSignUrl | kPolicy | kDoctor;

/// In the order of --help.
const std::vector<CommandRow>& command_table();
const CommandRow& row_of(Command command);

}  // namespace app
