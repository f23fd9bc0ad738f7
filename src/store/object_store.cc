#include "store/object_store.h"

#include <algorithm>
#include <cstring>

namespace store {
namespace {

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  core::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const override {
    if (offset >= text_.size()) {
      return std::size_t{0};
    }
    const std::size_t count = std::min<std::size_t>(buffer.size(), text_.size() - offset);
    if (count > 0) {
      std::memcpy(buffer.data(), text_.data() + offset, count);
    }
    return count;
  }

 private:
  const std::string text_;
};

}  // namespace

std::shared_ptr<const Source> text_source(std::string text) {
  return std::make_shared<const TextSource>(std::move(text));
}

}  // namespace store
