#pragma once
// A writer for the XML of answers.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

/// Builds one document, element by element.
class XmlWriter {
 public:
  /// `ns`: the namespace of the root, or empty.
  explicit XmlWriter(std::string_view root, std::string_view ns = {});
  XmlWriter& open(std::string_view name);
  XmlWriter& close();
  XmlWriter& text(std::string_view name, std::string_view value);
  XmlWriter& number(std::string_view name, std::uint64_t value);
  XmlWriter& flag(std::string_view name, bool value);
  /// Closes what is open and hands the document out.
  std::string finish();

 private:
  std::string out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  std::vector<std::string> open_;
};

/// The five entities; control characters that XML cannot carry become numeric references.
std::string xml_escape(std::string_view text);

}  // namespace emulator
