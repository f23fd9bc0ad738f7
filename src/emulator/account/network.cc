#include "emulator/account/network.h"

#include <arpa/inet.h>

#include <charconv>
#include <string>

namespace emulator {
namespace {

/// The size of the address in bytes; 0 if the text is none.
std::size_t parse_address(std::string_view text, std::array<std::uint8_t, 16>& bytes) {
  const std::string terminated(text);
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    return 4;
  }
  return ::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1 ? 16 : 0;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text,
                                      std::optional<unsigned> prefix_length) {
  Network network;
  const auto slash = text.find('/');
  network.size_ = parse_address(text.substr(0, slash), network.bytes_);
  if (network.size_ == 0) {
    return std::nullopt;
  }
  network.prefix_length_ = prefix_length.value_or(static_cast<unsigned>(network.size_) * 8);
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix_length_);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      return std::nullopt;
    }
  }
  if (network.prefix_length_ > network.size_ * 8) {
    return std::nullopt;
  }
  return network;
}

bool Network::contains(std::string_view address) const {
  std::array<std::uint8_t, 16> bytes{};
  if (parse_address(address, bytes) != size_) {
    return false;
  }
  for (unsigned bit = 0; bit < prefix_length_; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if (((bytes[bit / 8] ^ bytes_[bit / 8]) & mask) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace emulator
