#pragma once
// Reading XML that a service, or somebody in its place, sent.
#include <tinyxml2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace oss {

/// A parsed document whose root has the expected name.
///
/// Before the parser sees a text it is searched for what the parser handles badly: tags over 4 KiB
/// or with more than 16 attributes (100,000 cost it a minute), comments and CDATA (they split a
/// text), and references to the character 0 (they cut one).
class XmlDocument {
 public:
  /// Errors: Protocol.
  static core::Result<XmlDocument> parse(std::string_view text, std::string_view root);
  [[nodiscard]] const tinyxml2::XMLElement& root() const { return *document_->RootElement(); }

 private:
  explicit XmlDocument(std::unique_ptr<tinyxml2::XMLDocument> document)
      : document_(std::move(document)) {}
  std::unique_ptr<tinyxml2::XMLDocument> document_;
};

/// The text of the first child of that name; empty where there is none.
std::string_view child_text(const tinyxml2::XMLElement& parent, const char* name);
/// Errors: Protocol unless it is a number of digits alone.
core::Result<std::uint64_t> parse_number(std::string_view text);

/// Whether XML 1.0 can carry `text` so that it comes out the same: UTF-8 without control
/// characters.
bool xml_carries(std::string_view text);
std::string xml_escape(std::string_view text);

}  // namespace oss
