#include "model/names.h"

#include "core/digest.h"
#include "core/format.h"
#include "core/text.h"

namespace model {
namespace {

constexpr std::string_view kIllegal = ".stsfs-name.";
constexpr std::string_view kBeside = ".stsfs-file.";
constexpr std::string_view kLong = ".stsfs-long.";
constexpr std::string_view kLongBeside = ".stsfs-longfile.";
constexpr std::string_view kBytes = ".stsfs-bytes.";
constexpr std::size_t kSumDigits = 16;
constexpr std::size_t kHeadBytes = 200;

/// The length of the UTF-8 sequence that `text` begins with; 0 if it begins with none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  // RFC 3629, section 4: no overlong forms, no surrogates, nothing beyond U+10FFFF.
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    low = lead == 0xE0 ? 0xA0 : low;
    high = lead == 0xED ? 0x9F : high;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    low = lead == 0xF0 ? 0x90 : low;
    high = lead == 0xF4 ? 0x8F : high;
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) {
      return 0;
    }
  }
  return length;
}

bool needs_escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '%' || c == '/' || byte < 0x20 || byte == 0x7F;
}

std::string escape(std::string_view text) {
  if (text == "." || text == "..") {
    return text == "." ? "%2E" : "%2E%2E";
  }
  std::string out;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0 || (length == 1 && needs_escape(text.front()))) {
      out += core::format("%{:02X}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

/// What escape() made `text` of; nothing if it did not.
std::optional<std::string> unescape(std::string_view text) {
  std::string out = core::percent_decode(text);
  return escape(out) == text ? std::optional(std::move(out)) : std::nullopt;
}

/// May lie on a disk under its own bytes.
bool is_possible_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.size() <= kMaxNameBytes &&
         text.find('\0') == std::string_view::npos && text.find('/') == std::string_view::npos &&
         !text.starts_with(kReservedNames);
}

/// The file name that is stored as `component`, because its own bytes are no UTF-8.
std::optional<std::string> stored_bytes(std::string_view component) {
  if (!component.starts_with(kBytes)) {
    return std::nullopt;
  }
  auto name = unescape(component.substr(kBytes.size()));
  if (!name || is_utf8(*name) || !is_possible_name(*name)) {
    return std::nullopt;
  }
  return name;
}

std::string long_name(const KeyComponent& component) {
  std::size_t head = 0;
  const std::string_view text = component.text;
  while (head < text.size()) {
    const std::size_t length = sequence_length(text.substr(head));
    if (length == 0 || needs_escape(text[head]) || head + length > kHeadBytes) {
      break;
    }
    head += length;
  }
  std::string name(component.beside_directory ? kLongBeside : kLong);
  name += core::hex(core::sha256(text)).substr(0, kSumDigits);
  name += '.';
  name += text.substr(0, head);
  return name;
}

core::Error reserved(std::string_view name) {
  return core::fail(core::ErrorKind::InvalidArgument,
                    core::format("names that begin with \"{}\" are reserved for keys that are no "
                                 "file names: {}",
                                 kReservedNames, core::percent_encode(name)));
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

bool is_file_name(std::string_view component) {
  return is_possible_name(component) && is_utf8(component);
}

std::string file_name(const KeyComponent& component) {
  std::string name;
  if (component.beside_directory) {
    name = std::string(kBeside) + escape(component.text);
  } else if (auto bytes = stored_bytes(component.text)) {
    return *std::move(bytes);
  } else if (is_file_name(component.text)) {
    return component.text;
  } else {
    name = std::string(kIllegal) + escape(component.text);
  }
  return name.size() <= kMaxNameBytes ? name : long_name(component);
}

core::Result<std::variant<KeyComponent, LongName>> parse_file_name(std::string_view name) {
  using Parsed = std::variant<KeyComponent, LongName>;
  if (name.size() > kMaxNameBytes) {
    return core::fail(core::ErrorKind::NameTooLong, "a name of more than 255 bytes");
  }
  if (!name.starts_with(kReservedNames)) {
    if (!is_possible_name(name)) {
      return core::fail(core::ErrorKind::InvalidArgument, "not a file name");
    }
    KeyComponent component;
    component.text = is_utf8(name) ? std::string(name) : std::string(kBytes) + escape(name);
    return Parsed(std::move(component));
  }
  for (const std::string_view prefix : {kIllegal, kBeside}) {
    if (!name.starts_with(prefix)) {
      continue;
    }
    auto text = unescape(name.substr(prefix.size()));
    if (!text) {
      return reserved(name);
    }
    KeyComponent component{*std::move(text), prefix == kBeside};
    if (file_name(component) != name) {
      return reserved(name);
    }
    return Parsed(std::move(component));
  }
  for (const std::string_view prefix : {kLong, kLongBeside}) {
    const std::size_t dot = prefix.size() + kSumDigits;
    if (name.starts_with(prefix) && name.size() > dot && name[dot] == '.') {
      return Parsed(LongName{std::string(name), std::string(name.substr(dot + 1))});
    }
  }
  return reserved(name);
}

core::Status check_key(const ObjectKey& key) {
  if (key.text().size() > kMaxKeyBytes) {
    return core::fail(core::ErrorKind::NameTooLong,
                      core::format("the key would have {} bytes; the service takes {}",
                                   key.text().size(), kMaxKeyBytes));
  }
  if (key.empty() || key.text().front() == '/' || key.text().front() == '\\') {
    return core::fail(core::ErrorKind::InvalidArgument,
                      "the service takes no key that is empty or begins with '/' or '\\'");
  }
  return {};
}

}  // namespace model
