#include "state/row.h"

#include <utility>

#include "core/digest.h"

namespace state {
namespace {

constexpr std::size_t kSumBytes = 8;

void put_fixed(std::string& to, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    to.push_back(static_cast<char>((number >> shift) & 0xffU));
  }
}

/// Seven bits a byte, the lowest first; the top bit says that more follow.
void put_text(std::string& to, std::string_view text) {
  std::size_t length = text.size();
  for (; length >= 0x80U; length >>= 7U) {
    to.push_back(static_cast<char>((length & 0x7fU) | 0x80U));
  }
  to.push_back(static_cast<char>(length));
  to.append(text);
}

std::optional<std::uint64_t> take_fixed(std::string_view& from) {
  if (from.size() < 8) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (unsigned n = 0; n < 8; ++n) {
    number |= std::uint64_t{static_cast<unsigned char>(from[n])} << (8 * n);
  }
  from.remove_prefix(8);
  return number;
}

std::optional<std::string_view> take_text(std::string_view& from) {
  std::uint64_t length = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (from.empty()) {
      return std::nullopt;
    }
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    length |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) {
      if (length > from.size()) {
        return std::nullopt;
      }
      const std::string_view text = from.substr(0, length);
      from.remove_prefix(length);
      return text;
    }
  }
  return std::nullopt;
}

std::uint64_t sum_of(std::string_view key, std::uint64_t inode, std::string_view body) {
  std::string head;
  put_text(head, key);
  put_fixed(head, inode);
  return core::crc64(core::as_bytes(body), core::crc64(core::as_bytes(head)));
}

}  // namespace

Place place_of(std::string_view key) {
  const auto slash = key.size() < 2 ? std::string_view::npos : key.rfind('/', key.size() - 2);
  const std::size_t cut = slash == std::string_view::npos ? 0 : slash + 1;
  return {std::string(key.substr(0, cut)), std::string(key.substr(cut))};
}

std::string encode_row(const Remembered& about) {
  std::string body;
  put_text(body, about.etag.text());
  put_fixed(body, static_cast<std::uint64_t>(about.last_modified.time_since_epoch().count()));
  for (const auto& [name, value] : about.facts) {
    put_text(body, name);
    put_text(body, value);
  }
  std::string bytes;
  bytes.reserve(kSumBytes + body.size());
  put_fixed(bytes, sum_of(about.key, about.inode, body));
  return bytes += body;
}

std::optional<Remembered> decode_row(std::string key, std::uint64_t inode, std::string_view bytes) {
  const auto sum = take_fixed(bytes);
  if (!sum || *sum != sum_of(key, inode, bytes)) {
    return std::nullopt;
  }
  const auto etag = take_text(bytes);
  const auto modified = take_fixed(bytes);
  if (!etag || !modified) {
    return std::nullopt;
  }
  Remembered about{
      .key = std::move(key),
      .etag = model::ETag(*etag),
      .last_modified = core::WallTime(core::Duration(static_cast<std::int64_t>(*modified))),
      .inode = inode,
      .facts = {}};
  while (!bytes.empty()) {
    const auto name = take_text(bytes);
    const auto value = take_text(bytes);
    if (!name || !value) {
      return std::nullopt;
    }
    about.facts.emplace_hint(about.facts.end(), *name, *value);
  }
  return about;
}

}  // namespace state
