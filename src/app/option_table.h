#pragma once
// The options of every command.
#include <vector>

#include "app/command_table.h"
#include "app/table.h"

namespace app {

const Table& option_table();

// Its parts that have a file of their own.
std::vector<Option> identity_options();
std::vector<Option> object_options();
std::vector<Option> emulator_options();
// Names that other programs have and we do not follow.
std::vector<Reason> refused_names();
std::vector<Reason> ignored_names();

}  // namespace app
