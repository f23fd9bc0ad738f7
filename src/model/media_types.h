#pragma once
// Which media type a name promises: what a new object is called by, and what becomes of that when
// it gets another name.
#include <map>
#include <string>
#include <string_view>

namespace model {

/// Immutable.
class MediaTypes {
 public:
  static constexpr std::string_view kUnknown = "application/octet-stream";

  /// What everybody knows (web pages, pictures, archives, …).
  MediaTypes() = default;
  /// Besides, and before it, what a file like /etc/mime.types says: "text/html  html htm", one type
  /// a line, '#' begins a comment. With `fixed` every name has that type.
  explicit MediaTypes(std::string_view mime_types, std::string fixed = {});

  /// By the ending of a file's name (or path, or key), whatever the case of its letters.
  [[nodiscard]] std::string_view of(std::string_view name) const;

  /// The type of an object once it is called `to`. One that only its old name gave follows the
  /// name; one that somebody chose stays.
  [[nodiscard]] std::string moved(const std::string& type, std::string_view from,
                                  std::string_view to) const;

 private:
  std::map<std::string, std::string, std::less<>> by_ending_;
  std::string fixed_;
};

}  // namespace model
