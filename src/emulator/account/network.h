#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace emulator {

/// An IPv4 or IPv6 network, "10.0.0.0/8"; an address alone is a network of one.
class Network {
 public:
  /// `prefix_length` counts where the text has none. Nothing if either is malformed.
  static std::optional<Network> parse(std::string_view text,
                                      std::optional<unsigned> prefix_length = {});
  /// False for an address of the other family or a malformed one.
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::size_t size_ = 0;  ///< 4 or 16
  unsigned prefix_length_ = 0;
};

}  // namespace emulator
