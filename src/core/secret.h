#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace core {

/// Text that must not be seen: no formatter, no stream operator, wiped when it ends.
/// reveal() is spoken only in sign, cred and emulator.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret& other) = default;
  Secret(Secret&& other) noexcept : Secret(std::as_const(other)) { other.wipe(); }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(); }

  [[nodiscard]] std::string_view reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  /// Constant time in the length of the shorter text.
  friend bool operator==(const Secret& a, const Secret& b);

 private:
  void wipe();
  std::string text_;
};

/// Overwrites memory in a way that the compiler keeps.
void wipe(void* data, std::size_t size);

}  // namespace core
