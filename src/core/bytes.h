#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/digest.h"

namespace core {

/// An immutable slice that keeps its memory alive. Copying shares; any thread.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::shared_ptr<const void> owner, ByteView view) : owner_(std::move(owner)), view_(view) {}
  static Bytes of(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const ByteView view = as_bytes(*owner);
    return {std::move(owner), view};
  }

  [[nodiscard]] ByteView view() const { return view_; }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }
  [[nodiscard]] Bytes slice(std::size_t offset, std::size_t length) const {
    return {owner_, view_.subspan(offset, length)};
  }

 private:
  std::shared_ptr<const void> owner_;
  ByteView view_;
};

/// Bytes where they lie: in memory, or in a file.
struct Run {
  Bytes memory;
  int fd = -1;               ///< -1: in memory
  std::uint64_t offset = 0;  ///< in the file
  std::uint64_t size = 0;
};

}  // namespace core
