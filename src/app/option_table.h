#pragma once
// The options of every command. A default that the code behind an option has is taken from there:
// this table states none a second time.
#include <vector>

#include "app/command_table.h"
#include "options/table.h"

namespace app {

const options::Table& option_table();

// Its parts that have a file of their own.
std::vector<options::Option> identity_options();
std::vector<options::Option> object_options();
std::vector<options::Option> emulator_options();
// Names that other programs have and we do not follow.
std::vector<options::Reason> refused_names();
std::vector<options::Reason> ignored_names();

}  // namespace app
