#include "oss/xml.h"

#include <algorithm>
#include <charconv>

#include "core/format.h"
#include "oss/xml_text.h"

namespace oss {
namespace {

constexpr std::size_t kMaxBytes = 8UL * 1024 * 1024;

core::Error unreadable(std::string_view why) {
  return core::fail(core::ErrorKind::Protocol, core::format("unreadable XML: {}", why));
}

/// True for "&#0;", "&#x000;" and the like, and for what is no reference at all.
bool is_zero_reference(std::string_view after) {
  const bool hexadecimal = !after.empty() && (after.front() == 'x' || after.front() == 'X');
  if (hexadecimal) {
    after.remove_prefix(1);
  }
  std::uint32_t code = 0;
  const auto [stopped, error] =
      std::from_chars(after.data(), after.data() + after.size(), code, hexadecimal ? 16 : 10);
  return error != std::errc{} || code == 0;
}

/// The length of the tag or declaration at the beginning; 0: it has no end within 4 KiB, or cannot
/// be one.
std::size_t tag_length(std::string_view text) {
  text = text.substr(0, kMaxTagBytes);
  if (text.starts_with("<?")) {
    const std::size_t end = text.find("?>", 2);
    return end == text.npos ? 0 : end + 2;
  }
  char quote = 0;
  const std::size_t end = find_xml_tag_end(text, 1, quote);
  if (end == text.npos) {
    return 0;
  }
  const std::size_t name = text.starts_with("</") ? 2 : 1;
  const std::size_t behind = name + xml_name_length(text.substr(name));
  return are_xml_attributes(text.substr(behind, end - behind)) ? end + 1 : 0;
}

core::Status look_over(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return unreadable("too long");
  }
  std::size_t length = 1;
  for (std::size_t at = text.find_first_of("<&"); at != text.npos;
       at = text.find_first_of("<&", at + length)) {
    const std::string_view after = text.substr(at + 1);
    length = 1;
    if (text[at] == '&') {
      if (after.starts_with('#') && is_zero_reference(after.substr(1, kMaxTagBytes))) {
        return unreadable("a character that cannot be");
      }
    } else if (after.starts_with('!')) {
      return unreadable("a comment or declaration");
    } else if (length = tag_length(text.substr(at)); length == 0) {
      return unreadable("a tag that is none, or without an end");
    }
  }
  return {};
}

/// The length of the UTF-8 sequence at the beginning; 0 if it is none or no character of XML 1.0.
std::size_t character(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) {
    return first >= 0x20 && first != 0x7F ? 1 : 0;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) {
    return 0;
  }
  std::uint32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) {
      return 0;
    }
    code = code << 6U | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  const bool control = code < 0xA0 || code == 0xFFFE || code == 0xFFFF || code > 0x10FFFF;
  return overlong || surrogate || control ? 0 : length;
}

}  // namespace

core::Result<XmlDocument> XmlDocument::parse(std::string_view text, std::string_view root) {
  // Some services send blanks to keep a connection open while they work.
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  TRY(look_over(text));
  auto document = std::make_unique<tinyxml2::XMLDocument>();
  if (document->Parse(text.data(), text.size()) != tinyxml2::XML_SUCCESS) {
    return unreadable(document->ErrorName());
  }
  const tinyxml2::XMLElement* const element = document->RootElement();
  if (element == nullptr || element->Name() != root) {
    return unreadable(core::format("no {}", root));
  }
  return XmlDocument(std::move(document));
}

std::string_view child_text(const tinyxml2::XMLElement& parent, const char* name) {
  const tinyxml2::XMLElement* const child = parent.FirstChildElement(name);
  const char* const text = child == nullptr ? nullptr : child->GetText();
  return text == nullptr ? std::string_view{} : std::string_view(text);
}

core::Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end) {
    return core::fail(core::ErrorKind::Protocol,
                      core::format("\"{}\" is no number", text.substr(0, 40)));
  }
  return number;
}

bool xml_carries(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string xml_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace oss
