#pragma once
// Symbolic links between their text and the service's target key.
#include <optional>
#include <string>
#include <string_view>

namespace fs {

/// The key that `text` leads to from a link in the directory at `directory` (path below the mount,
/// "" is the root), read word by word without following other links. Nothing where it leaves the
/// mount, is absolute, or is no key.
std::optional<std::string> link_key(const std::string& prefix, std::string_view directory,
                                    std::string_view text);

/// A relative text for a link at the key `link` whose target is the key `target`: what programs
/// see of links that other tools made. Targets outside `prefix` lead to nowhere.
std::string link_text(const std::string& prefix, std::string_view link, std::string_view target);

}  // namespace fs
