#include "options/config_file.h"

#include <CLI/Config.hpp>
#include <CLI/Error.hpp>
#include <sstream>
#include <string>

#include "core/format.h"
#include "core/text.h"
#include "options/text_file.h"

namespace options {
namespace {

core::Error refuse(const std::string& why) {
  return core::fail(core::ErrorKind::InvalidArgument, "cannot use the config file " + why);
}

/// The parser does not say where it found a name; people want to know. 0: nowhere.
std::size_t line_of(std::string_view content, std::string_view name) {
  std::size_t number = 0;
  for (const auto line : core::split(content, '\n')) {
    ++number;
    const auto start = core::trim(line);
    if (start.starts_with(name) &&
        core::trim(start.substr(name.size())).substr(0, 1).find_first_not_of('=') ==
            std::string_view::npos) {
      return number;
    }
  }
  return 0;
}

}  // namespace

core::Status read_config_file(const std::string& path, const CommandRow& owner, Values& values) {
  auto content = read_text_file(path);
  if (!content) {
    return refuse(content.error().message);
  }
  std::vector<CLI::ConfigItem> items;
  try {
    std::istringstream stream(*content);
    items = CLI::ConfigTOML().from_config(stream);
  } catch (const CLI::Error& error) {
    return refuse(path + ": " + error.what());
  }
  for (const CLI::ConfigItem& item : items) {
    if (item.name == "++" || item.name == "--") {
      continue;  // the parser's marks for the start and end of a section
    }
    const std::string origin = core::format("{}, line {}", path, line_of(*content, item.name));
    if (!item.parents.empty() && item.parents != std::vector{std::string(owner.name)}) {
      return core::fail(
          core::ErrorKind::InvalidArgument,
          core::format("{}: the only section is [{}], and it is not needed", origin, owner.name));
    }
    if (item.name == "config") {
      return core::fail(core::ErrorKind::InvalidArgument,
                        origin + ": a config file cannot name another one");
    }
    if (!values.knows(item.name) && values.table().find(owner.bit, item.name)) {
      continue;  // whoami reads the file of a mount
    }
    if (item.inputs.empty()) {
      return core::fail(core::ErrorKind::InvalidArgument, origin + ": there is no value");
    }
    for (const std::string& input : item.inputs) {
      TRY(values.set(Layer::ConfigFile, item.name, input, origin));
    }
  }
  return {};
}

}  // namespace options
