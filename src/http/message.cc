#include "http/message.h"

#include <algorithm>
#include <cstring>

#include "core/text.h"

namespace http {
namespace {

class TextBody final : public Body {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
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

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(
      fields_, [name](const Field& field) { return core::equal_ignoring_case(field.first, name); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (core::equal_ignoring_case(field.first, name)) {
      return field.second;
    }
  }
  return std::nullopt;
}

std::shared_ptr<const Body> text_body(std::string text) {
  return std::make_shared<const TextBody>(std::move(text));
}

std::string Request::target() const {
  std::string out = path;
  char separator = '?';
  for (const QueryParam& param : query) {
    out += separator;
    separator = '&';
    out += core::percent_encode(param.name);
    if (param.value) {
      out += '=';
      out += core::percent_encode(*param.value);
    }
  }
  return out;
}

std::optional<core::WallTime> Response::date() const {
  const auto field = headers.get("Date");
  return field ? core::parse_http_date(*field) : std::nullopt;
}

}  // namespace http
