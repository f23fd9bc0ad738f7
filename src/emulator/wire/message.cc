#include "emulator/wire/message.h"

#include <algorithm>

#include "core/text.h"

namespace emulator {

std::optional<std::string_view> RawRequest::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [name](const auto& field) {
    return core::equal_ignoring_case(field.first, name);
  });
  return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

const QueryParam* RawRequest::param(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(),
                                  [name](const QueryParam& param) { return param.name == name; });
  return found == query.end() ? nullptr : &*found;
}

}  // namespace emulator
