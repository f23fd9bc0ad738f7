#include "options/variables.h"

#include <string>
#include <string_view>

namespace options {
namespace {

/// STSFS_METADATA_TTL for metadata-ttl.
std::string variable_name(std::string_view option) {
  std::string name = "STSFS_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

}  // namespace

core::Status read_variables(const Environment& environment, Values& values) {
  for (const Option& option : values.table().options) {
    if ((option.commands & values.command()) == 0 || option.positional) {
      continue;  // what is mounted where is nothing to say in passing
    }
    const std::string name = variable_name(option.name);
    if (const std::string value = environment.get(name); !value.empty()) {
      TRY(values.set(Layer::EnvironmentVariable, option.name, value, name));
    }
  }
  return {};
}

}  // namespace options
