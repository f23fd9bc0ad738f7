#include "oss/xml_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace oss {
namespace {

constexpr std::size_t kMaxAttributes = 16;

/// Whether a byte is a part of a name.
constexpr std::array<bool, 256> kInNames = [] {
  std::array<bool, 256> in_names{};
  for (std::size_t c = 0; c < in_names.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    in_names[c] = letter || digit || c >= 0x80 || c == ':' || c == '_' || c == '-' || c == '.';
  }
  return in_names;
}();

bool is_in_names(char c) { return kInNames[static_cast<unsigned char>(c)]; }

/// Whether any character may stand for another: '&' or a control character. Eight at a time.
bool has_special(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  std::uint64_t found = 0;
  for (; text.size() >= sizeof(found); text.remove_prefix(sizeof(found))) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data(), sizeof(eight));
    // The highest bit of a byte says that it is below 0x20, or '&'. A borrow may say so of the byte
    // above one that is: never of a text where none is.
    const std::uint64_t no_and = eight ^ (kEach * '&');
    found |= ((eight - kEach * ' ') & ~eight) | ((no_and - kEach) & ~no_and);
  }
  return (found & (kEach << 7U)) != 0 || std::any_of(text.begin(), text.end(), [](char c) {
           return c == '&' || (c >= 0 && c < ' ');
         });
}

void append_utf8(std::uint32_t code, std::string& to) {
  const auto tail = [&](unsigned shift) {
    to += static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xC0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    to += static_cast<char>(0xE0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xF0U | (code >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// The character that "&", `name`, ";" stands for; 0: none.
std::uint32_t character_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kNamed = {
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kNamed) {
    if (name == known) {
      return static_cast<unsigned char>(character);
    }
  }
  if (!name.starts_with('#')) {
    return 0;
  }
  name.remove_prefix(1);
  const bool hexadecimal = name.starts_with('x');
  if (hexadecimal) {
    name.remove_prefix(1);
  }
  std::uint32_t code = 0;
  const char* const end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, code, hexadecimal ? 16 : 10);
  const bool possible = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  return error == std::errc{} && stopped == end && possible ? code : 0;
}

/// Takes the blanks at the beginning off.
void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_xml_blank(text.front())) {
    text.remove_prefix(1);
  }
}

/// Takes `= "value"` off. False: it does not stand there, or the value is none.
bool skip_value(std::string_view& text) {
  skip_blanks(text);
  if (!text.starts_with('=')) {
    return false;
  }
  text.remove_prefix(1);
  skip_blanks(text);
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) {
    return false;
  }
  const std::size_t end = text.find(text.front(), 1);
  if (end == text.npos) {
    return false;
  }
  const std::string_view value = text.substr(1, end - 1);
  for (std::size_t at = value.find_first_of("<&"); at != value.npos;
       at = value.find_first_of("<&", at + 1)) {
    if (take_reference(value.substr(at), nullptr) == 0) {
      return false;
    }
  }
  text.remove_prefix(end + 1);
  return true;
}

}  // namespace

std::size_t take_reference(std::string_view text, std::string* to) {
  const std::size_t end = text.substr(0, kMaxReferenceBytes).find(';');
  if (!text.starts_with('&') || end == text.npos) {
    return 0;
  }
  const std::uint32_t code = character_of(text.substr(1, end - 1));
  if (code == 0) {
    return 0;
  }
  if (to != nullptr) {
    append_utf8(code, *to);
  }
  return end + 1;
}

std::size_t find_xml_tag_end(std::string_view text, std::size_t from, char& quote) {
  for (std::size_t at = from; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return at;
    }
  }
  return text.npos;
}

bool is_xml_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_xml_blank(c); });
}

bool read_xml_text(std::string_view raw, std::string& scratch, std::string_view& text) {
  text = raw;
  if (raw.empty() || (is_xml_blank(raw.front()) && is_xml_blank(raw))) {
    text = {};
    return true;
  }
  if (!has_special(raw)) {
    return true;
  }
  scratch.clear();
  for (std::size_t at = 0; at < raw.size();) {
    const char c = raw[at];
    if (c == '&') {
      const std::size_t taken = take_reference(raw.substr(at), &scratch);
      if (taken == 0) {
        return false;
      }
      at += taken;
    } else if (c == '\r' || c == '\n') {
      scratch += '\n';
      const char partner = c == '\r' ? '\n' : '\r';
      at += at + 1 < raw.size() && raw[at + 1] == partner ? 2 : 1;
    } else {
      scratch += c;
      ++at;
    }
  }
  text = scratch;
  return true;
}

bool is_xml_name_start(char c) {
  return is_in_names(c) && c != '-' && c != '.' && (c < '0' || c > '9');
}

std::size_t xml_name_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && is_in_names(text[length])) {
    ++length;
  }
  return length;
}

bool are_xml_attributes(std::string_view text) {
  std::array<std::string_view, kMaxAttributes> names;
  std::size_t count = 0;
  for (;;) {
    skip_blanks(text);
    if (text.empty() || text == "/") {
      return true;
    }
    const std::string_view name = text.substr(0, xml_name_length(text));
    const auto* const known = names.begin() + count;
    if (name.empty() || !is_xml_name_start(name.front()) || count == kMaxAttributes ||
        std::find(names.cbegin(), known, name) != known) {
      return false;
    }
    names[count++] = name;
    text.remove_prefix(name.size());
    if (!skip_value(text)) {
      return false;
    }
  }
}

}  // namespace oss
