#include "model/media_types.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.h"

namespace model {
namespace {

// Source: IANA, "Media Types"; sorted by ending.
constexpr auto kCore = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown"},
    {"mjs", "text/javascript"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ogg", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
});

/// Lower case; empty where a name has none, as ".profile" has none.
std::string ending_of(std::string_view name) {
  name = name.substr(name.rfind('/') + 1);
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string()
                                                   : core::to_lower(name.substr(dot + 1));
}

/// What services and tools call an object whose type nobody told them.
bool is_unknown(std::string_view type) {
  return type.empty() || type == MediaTypes::kUnknown || type == "binary/octet-stream";
}

bool is_type(std::string_view word) {
  const auto slash = word.find('/');
  return slash != std::string_view::npos && slash > 0 && slash + 1 < word.size() &&
         std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

MediaTypes::MediaTypes(std::string_view mime_types, std::string fixed) : fixed_(std::move(fixed)) {
  for (std::string_view line : core::split(mime_types, '\n')) {
    line = line.substr(0, line.find('#'));
    std::string_view type;
    while (!(line = core::trim(line)).empty()) {
      const std::string_view word = line.substr(0, line.find_first_of(" \t"));
      line.remove_prefix(word.size());
      if (type.empty() && !is_type(word)) {
        break;
      }
      if (type.empty()) {
        type = word;
      } else {
        by_ending_.emplace(core::to_lower(word), type);
      }
    }
  }
}

std::string_view MediaTypes::of(std::string_view name) const {
  if (!fixed_.empty()) {
    return fixed_;
  }
  const std::string ending = ending_of(name);
  if (const auto at = by_ending_.find(ending); at != by_ending_.end()) {
    return at->second;
  }
  const auto* const at = std::lower_bound(
      kCore.begin(), kCore.end(), ending,
      [](const auto& row, const std::string& wanted) { return row.first < wanted; });
  return at != kCore.end() && at->first == ending ? at->second : kUnknown;
}

std::string MediaTypes::moved(const std::string& type, std::string_view from,
                              std::string_view to) const {
  const std::string_view promised = of(from);
  const bool by_name = type == promised || (is_unknown(type) && is_unknown(promised));
  return by_name ? std::string(of(to)) : type;
}

}  // namespace model
