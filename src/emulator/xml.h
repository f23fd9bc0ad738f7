#pragma once
// The XML that the service speaks: a writer for answers, readers for request bodies.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/objects.h"
#include "emulator/storage.h"

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

struct DeleteRequest {
  struct Item {
    std::string key;
    std::string version_id;
  };
  bool quiet = false;
  std::vector<Item> items;
};
/// Nothing if the text is not what its name says.
std::optional<DeleteRequest> parse_delete(const std::string& text);
std::optional<std::vector<PartName>> parse_complete(const std::string& text);
std::optional<Pairs> parse_tagging(const std::string& text);
std::optional<Versioning> parse_versioning(const std::string& text);
/// Days of RestoreRequest; 1 if there is no body, or no such element.
std::optional<unsigned> parse_restore(const std::string& text);
/// StorageClass of CreateBucketConfiguration; empty if there is none.
std::optional<std::string> parse_create_bucket(const std::string& text);

}  // namespace emulator
