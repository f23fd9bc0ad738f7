#include "oss/listing_scanner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/format.h"
#include "oss/xml.h"
#include "oss/xml_text.h"

namespace oss {
namespace {

constexpr std::string_view kRoot = "ListBucketResult";
constexpr std::string_view kEntry = "Contents";
constexpr std::string_view kGroup = "CommonPrefixes";
constexpr std::string_view kMark = "\xEF\xBB\xBF";

constexpr std::size_t kMaxBytes = 8UL * 1024 * 1024;
constexpr std::size_t kMaxDeclarationBytes = 512;
constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxDepth = 64;
/// A key of 1023 bytes, each of which became "&quot;", and some.
constexpr std::size_t kMaxValueBytes = 8UL * 1024;
/// Ten times what a page is asked for.
constexpr std::size_t kMaxEntries = 10'000;

store::ObjectType type_of(std::string_view text) {
  if (text == "Symlink") {
    return store::ObjectType::Symlink;
  }
  if (text == "Multipart") {
    return store::ObjectType::Multipart;
  }
  return text == "Appendable" ? store::ObjectType::Appendable : store::ObjectType::Normal;
}

}  // namespace

const ListingScanner::Known* ListingScanner::find_known(std::string_view name, Inside inside) {
  static constexpr std::array<Known, 10> kKnown = {
      {{"Key", Value::Key, Inside::Entry},
       {"LastModified", Value::LastModified, Inside::Entry},
       {"ETag", Value::ETag, Inside::Entry},
       {"Type", Value::Type, Inside::Entry},
       {"Size", Value::Size, Inside::Entry},
       {"StorageClass", Value::StorageClass, Inside::Entry},
       {"Prefix", Value::Prefix, Inside::Prefixes},
       {"EncodingType", Value::EncodingType, Inside::Page},
       {"IsTruncated", Value::IsTruncated, Inside::Page},
       {"NextContinuationToken", Value::NextToken, Inside::Page}}};
  const auto* const at = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& known) {
    return known.inside == inside && known.name == name;
  });
  return at == kKnown.end() ? nullptr : at;
}

core::Status ListingScanner::push(core::ByteView data) {
  const std::string_view text = core::as_text(data);
  total_ += text.size();
  if (total_ > kMaxBytes) {
    refuse("it is too long");
  } else if (text.find('\0') != text.npos) {
    refuse("a character 0");
  } else if (rest_.empty()) {
    rest_ = text.substr(scan(text));
  } else {
    rest_ += text;
    rest_.erase(0, scan(rest_));
  }
  if (fault_ != nullptr) {
    return core::fail(core::ErrorKind::Protocol, core::format("unreadable listing: {}", fault_));
  }
  return {};
}

core::Result<store::ListPage> ListingScanner::finish() {
  TRY(push({}));
  if (!ended_ || !rest_.empty()) {
    return core::fail(core::ErrorKind::Protocol, "unreadable listing: it ends early");
  }
  const Names names(url_, traits_);
  for (std::size_t n = 0; n < keys_.size(); ++n) {
    TRY_ASSIGN(std::string key, decode(names, keys_[n]));
    page_.objects[n].key = model::ObjectKey(std::move(key));
  }
  page_.common_prefixes.reserve(prefixes_.size());
  for (const Name& name : prefixes_) {
    TRY_ASSIGN(std::string prefix, decode(names, name));
    page_.common_prefixes.push_back(std::move(prefix));
  }
  if (more_) {
    TRY_ASSIGN(page_.next_token, names.decode_token(token_));
  }
  return std::move(page_);
}

std::size_t ListingScanner::refuse(const char* why) {
  fault_ = fault_ == nullptr ? why : fault_;
  return 0;
}

std::size_t ListingScanner::scan(std::string_view text) {
  std::size_t at = 0;
  while (fault_ == nullptr && at < text.size()) {
    const std::size_t taken = take(text.substr(at));
    if (taken == 0) {
      break;
    }
    at += taken;
    searched_ = 0;
  }
  return at;
}

std::size_t ListingScanner::take(std::string_view rest) {
  if (value_ != nullptr) {
    return take_value(rest);
  }
  if (rest.front() != '<') {
    return take_text(rest);
  }
  if (rest.size() < 2) {
    return 0;
  }
  switch (rest[1]) {
    case '/': {
      const std::size_t taken = take_close_tag(rest, innermost());
      if (taken > 0) {
        end();
      }
      return taken;
    }
    case '?':
      return take_declaration(rest);
    default:
      return take_open_tag(rest);
  }
}

/// A text that nobody asked for, or as much of it as is there.
std::size_t ListingScanner::take_text(std::string_view rest) {
  const std::size_t end = rest.find('<');
  const std::string_view text = rest.substr(0, end);
  if (open_at_.empty()) {
    return is_around_root(text) ? text.size() : refuse("a text around it");
  }
  for (std::size_t at = text.find('&'); at != text.npos; at = text.find('&', at + 1)) {
    if (end == rest.npos && text.size() - at < kMaxReferenceBytes) {
      return at;
    }
    if (take_reference(text.substr(at), nullptr) == 0) {
      return refuse("a reference to nothing");
    }
  }
  return text.size();
}

/// Blanks, and before all else a byte order mark.
bool ListingScanner::is_around_root(std::string_view text) {
  for (const char c : text) {
    const bool in_mark = mark_bytes_ > 0 && mark_bytes_ < kMark.size();
    if (!ended_ && mark_bytes_ < kMark.size() && c == kMark[mark_bytes_]) {
      ++mark_bytes_;
    } else if (in_mark || !is_xml_blank(c)) {
      return false;
    }
  }
  return true;
}

/// The text of an element and its closing tag.
std::size_t ListingScanner::take_value(std::string_view rest) {
  const std::size_t end = rest.find('<', searched_);
  searched_ = std::min(end, rest.size());
  if (searched_ > kMaxValueBytes) {
    return refuse("a text too long");
  }
  if (end == rest.npos) {
    return 0;
  }
  const std::size_t closing = take_close_tag(rest.substr(end), value_->name);
  if (closing == 0) {
    return 0;
  }
  set(std::exchange(value_, nullptr)->value, rest.substr(0, end));
  return end + closing;
}

std::size_t ListingScanner::take_close_tag(std::string_view rest, std::string_view name) {
  const std::size_t least = name.size() + std::string_view("</>").size();
  if (rest.size() < least) {
    return 0;
  }
  if (name.empty() || !rest.starts_with("</") || rest.compare(2, name.size(), name) != 0) {
    return refuse("elements that do not fit into each other");
  }
  for (std::size_t at = least - 1; at < rest.size(); ++at) {
    if (rest[at] == '>') {
      return at + 1;
    }
    if (!is_xml_blank(rest[at]) || at > least + kMaxNameBytes) {
      return refuse("a closing tag that is none");
    }
  }
  return 0;
}

std::size_t ListingScanner::take_declaration(std::string_view rest) {
  if (ended_ || !open_at_.empty() || mark_bytes_ % kMark.size() != 0) {
    return refuse("a declaration inside");
  }
  const std::size_t end = rest.substr(0, kMaxDeclarationBytes).find("?>", 2);
  const std::string_view text = rest.substr(2, end == rest.npos ? end : end - 2);
  const bool endless = end == rest.npos && rest.size() >= kMaxDeclarationBytes;
  if (endless || text.find_first_of("<&") != text.npos) {
    return refuse("a declaration that is none");
  }
  return end == rest.npos ? 0 : end + 2;
}

/// The length of the tag at the beginning.
std::size_t ListingScanner::find_tag_end(std::string_view rest) {
  const std::string_view piece = rest.substr(0, kMaxTagBytes);
  const std::size_t end = find_xml_tag_end(piece, std::max<std::size_t>(searched_, 1), quote_);
  if (end != piece.npos) {
    return end + 1;
  }
  searched_ = piece.size();
  return piece.size() == kMaxTagBytes ? refuse("a tag without an end") : 0;
}

std::size_t ListingScanner::take_open_tag(std::string_view rest) {
  const std::string_view name = rest.substr(1, xml_name_length(rest.substr(1, kMaxNameBytes + 1)));
  if (name.size() > kMaxNameBytes || !is_xml_name_start(rest[1])) {
    return refuse("an element without a name");
  }
  const std::size_t behind = 1 + name.size();
  if (behind == rest.size()) {
    return 0;
  }
  std::size_t taken = behind + 1;
  if (rest[behind] != '>') {
    taken = find_tag_end(rest);
    if (taken == 0) {
      return 0;
    }
    if (!are_xml_attributes(rest.substr(behind, taken - 1 - behind))) {
      return refuse("a tag that is none");
    }
  }
  begin(name);
  if (rest[taken - 2] == '/' && fault_ == nullptr) {
    if (value_ != nullptr) {
      set(std::exchange(value_, nullptr)->value, {});
    } else {
      end();
    }
  }
  return taken;
}

std::string_view ListingScanner::innermost() const {
  return open_at_.empty() ? std::string_view() : std::string_view(open_).substr(open_at_.back());
}

void ListingScanner::begin(std::string_view name) {
  const bool is_root = open_at_.empty();
  if (open_at_.size() == kMaxDepth) {
    refuse("too deep");
    return;
  }
  if (is_root && (ended_ || name != kRoot || mark_bytes_ % kMark.size() != 0)) {
    refuse("no ListBucketResult, or more than one");
    return;
  }
  if (!is_root && passing_over_ == 0) {
    value_ = find_known(name, inside_);
    if (value_ != nullptr) {
      return;
    }
    begin_known(name);
  }
  open_at_.push_back(open_.size());
  open_ += name;
}

void ListingScanner::begin_known(std::string_view name) {
  if (inside_ == Inside::Page && name == kEntry) {
    inside_ = Inside::Entry;
    begin_entry();
  } else if (inside_ == Inside::Page && name == kGroup) {
    inside_ = Inside::Prefixes;
    said_in_entry_ = 0;
  } else {
    passing_over_ = open_at_.size() + 1;
  }
}

void ListingScanner::begin_entry() {
  said_in_entry_ = 0;
  page_.objects.emplace_back();
  if (page_.objects.size() + prefixes_.size() > kMaxEntries) {
    refuse("more entries than were asked for");
  }
}

void ListingScanner::end() {
  const auto said = [this](Value value) {
    return ((said_in_entry_ >> static_cast<unsigned>(value)) & 1U) != 0;
  };
  open_.resize(open_at_.back());
  open_at_.pop_back();
  if (passing_over_ > 0) {
    passing_over_ = passing_over_ > open_at_.size() ? 0 : passing_over_;
    return;
  }
  switch (std::exchange(inside_, Inside::Page)) {
    case Inside::Entry:
      if (!said(Value::Key) || !said(Value::Size) || !said(Value::LastModified)) {
        refuse("an entry without a key, a size or a time");
      }
      break;
    case Inside::Prefixes:
      if (!said(Value::Prefix)) {
        refuse("no prefix where one is announced");
      }
      break;
    case Inside::Page:
      ended_ = true;
      if (((said_in_page_ >> static_cast<unsigned>(Value::IsTruncated)) & 1U) == 0) {
        refuse("neither the last page nor not");
      }
      break;
  }
}

void ListingScanner::set(Value value, std::string_view raw) {
  std::uint32_t& said = inside_ == Inside::Page ? said_in_page_ : said_in_entry_;
  const std::uint32_t bit = 1U << static_cast<unsigned>(value);
  if ((said & bit) != 0) {
    refuse("something is said twice");
    return;
  }
  said |= bit;
  std::string_view text;
  if (!read_xml_text(raw, scratch_, text)) {
    refuse("a reference to nothing");
  } else if (inside_ == Inside::Page) {
    set_in_page(value, text);
  } else {
    set_in_entry(value, text);
  }
}

void ListingScanner::set_in_page(Value value, std::string_view text) {
  if (value == Value::EncodingType) {
    url_ = text == "url";
  } else if (value == Value::NextToken) {
    token_ = text;
  } else if (text == "true" || text == "false") {
    more_ = text == "true";
  } else {
    refuse("neither the last page nor not");
  }
}

ListingScanner::Name ListingScanner::keep(std::string_view text) {
  const Name name{texts_.size(), text.size()};
  texts_ += text;
  return name;
}

core::Result<std::string> ListingScanner::decode(const Names& names, Name name) const {
  return names.decode(std::string_view(texts_).substr(name.first, name.size));
}

void ListingScanner::set_in_entry(Value value, std::string_view text) {
  if (value == Value::Prefix) {
    prefixes_.push_back(keep(text));
    if (page_.objects.size() + prefixes_.size() > kMaxEntries) {
      refuse("more entries than were asked for");
    }
    return;
  }
  store::ListedObject& entry = page_.objects.back();
  if (value == Value::Key) {
    keys_.push_back(keep(text));
  } else if (value == Value::Size) {
    const auto size = parse_number(text);
    entry.size = size.value_or(0);
    if (!size) {
      refuse("a size that is no number");
    }
  } else if (value == Value::LastModified) {
    const auto time = core::parse_iso8601(text);
    entry.last_modified = time.value_or(core::WallTime());
    if (!time) {
      refuse("a time that is none");
    }
  } else if (value == Value::ETag) {
    entry.etag = model::ETag(text);
  } else if (value == Value::Type) {
    entry.type = type_of(text);
  } else if (value == Value::StorageClass) {
    entry.storage_class = text;
  }
}

}  // namespace oss
