#include "fs/links.h"

#include <algorithm>
#include <vector>

#include "core/text.h"
#include "model/names.h"

namespace fs {

std::optional<std::string> link_key(const std::string& prefix, std::string_view directory,
                                    std::string_view text) {
  if (text.empty() || text.front() == '/') {
    return std::nullopt;
  }
  std::vector<std::string_view> way;
  if (!directory.empty()) {
    way = core::split(directory, '/');
  }
  for (const std::string_view name : core::split(text, '/')) {
    if (name == "..") {
      if (way.empty()) {
        return std::nullopt;
      }
      way.pop_back();
    } else if (!name.empty() && name != ".") {
      way.push_back(name);
    }
  }
  std::string key = prefix;
  for (std::size_t i = 0; i < way.size(); ++i) {
    const auto parsed = model::parse_file_name(way[i]);
    const auto* component = parsed ? std::get_if<model::KeyComponent>(&*parsed) : nullptr;
    if (component == nullptr) {
      return std::nullopt;
    }
    key += i > 0 ? "/" : "";
    key += component->text;
  }
  const bool possible = !way.empty() && model::check_key(model::ObjectKey(key));
  return possible ? std::optional(std::move(key)) : std::nullopt;
}

std::string link_text(const std::string& prefix, std::string_view link, std::string_view target) {
  if (!target.starts_with(prefix) || !link.starts_with(prefix)) {
    return std::string(model::kReservedNames) + "outside/" + std::string(target);
  }
  const auto from = core::split(link.substr(prefix.size()), '/');
  auto to = core::split(target.substr(prefix.size()), '/');
  const bool marker = to.size() > 1 && to.back().empty();
  if (marker) {
    to.pop_back();
  }
  // The last piece of each is the name in its directory.
  std::size_t common = 0;
  while (common + 1 < from.size() && common + 1 < to.size() && from[common] == to[common]) {
    ++common;
  }
  std::string text;
  for (std::size_t i = common; i + 1 < from.size(); ++i) {
    text += "../";
  }
  for (std::size_t i = common; i < to.size(); ++i) {
    text += i > common ? "/" : "";
    text += model::file_name({std::string(to[i]), false});
  }
  return text;
}

}  // namespace fs
