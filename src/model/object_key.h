#pragma once
// Pure values of the domain: what an object is called, which version of it is meant, which bytes.
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace model {

/// A key as the service stores it: 1 to 1023 bytes, no mapping applied.
class ObjectKey {
 public:
  ObjectKey() = default;
  explicit ObjectKey(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;

 private:
  std::string text_;
};

/// An ETag without its quotes, compared as an opaque text; its case is the service's.
class ETag {
 public:
  ETag() = default;
  explicit ETag(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
      text = text.substr(1, text.size() - 2);
    }
    text_ = text;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string quoted() const { return '"' + text_ + '"'; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend auto operator<=>(const ETag&, const ETag&) = default;

 private:
  std::string text_;
};

/// Which bytes: half-open [first, last).
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  [[nodiscard]] std::uint64_t size() const { return last - first; }
  [[nodiscard]] bool empty() const { return last <= first; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// One state of one object: what a read is pinned to.
struct ObjectVersion {
  ObjectKey key;
  ETag etag;
  std::uint64_t size = 0;
  std::string version_id;  ///< empty where the bucket keeps no versions
  friend bool operator==(const ObjectVersion&, const ObjectVersion&) = default;
};

}  // namespace model

template <>
struct std::hash<model::ObjectKey> {
  std::size_t operator()(const model::ObjectKey& key) const noexcept {
    return std::hash<std::string>{}(key.text());
  }
};
