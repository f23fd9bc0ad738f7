#pragma once
// What tinyxml2 makes of an answer of ListObjectsV2: what the scanner is compared with.
#include <string>
#include <string_view>
#include <utility>

#include "oss/listing_scanner.h"
#include "oss/xml.h"

namespace oss {

class ListingOracle {
 public:
  static core::Result<store::ListPage> read(std::string_view text, const Traits& traits) {
    TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "ListBucketResult"));
    const tinyxml2::XMLElement& root = document.root();
    const Names names(child_text(root, "EncodingType") == "url", traits);
    store::ListPage page;
    for (const tinyxml2::XMLElement* child = root.FirstChildElement(); child != nullptr;
         child = child->NextSiblingElement()) {
      const std::string_view name = child->Name();
      if (name == "Contents") {
        TRY_ASSIGN(store::ListedObject entry, read_entry(*child, names));
        page.objects.push_back(std::move(entry));
      } else if (name == "CommonPrefixes") {
        TRY_ASSIGN(std::string prefix, names.decode(child_text(*child, "Prefix")));
        page.common_prefixes.push_back(std::move(prefix));
      }
    }
    const std::string_view truncated = child_text(root, "IsTruncated");
    if (truncated == "true") {
      TRY_ASSIGN(page.next_token, names.decode_token(child_text(root, "NextContinuationToken")));
    } else if (truncated != "false") {
      return nonsense("neither the last page nor not");
    }
    return page;
  }

 private:
  static core::Result<store::ListedObject> read_entry(const tinyxml2::XMLElement& element,
                                                      const Names& names) {
    store::ListedObject entry;
    TRY_ASSIGN(std::string key, names.decode(child_text(element, "Key")));
    entry.key = model::ObjectKey(std::move(key));
    TRY_ASSIGN(entry.size, parse_number(child_text(element, "Size")));
    const auto time = core::parse_iso8601(child_text(element, "LastModified"));
    if (!time) {
      return nonsense("an entry without a time");
    }
    entry.last_modified = *time;
    entry.etag = model::ETag(child_text(element, "ETag"));
    entry.type = type_of(child_text(element, "Type"));
    entry.storage_class = child_text(element, "StorageClass");
    return entry;
  }
  static store::ObjectType type_of(std::string_view text) {
    using Type = store::ObjectType;
    return text == "Symlink"      ? Type::Symlink
           : text == "Multipart"  ? Type::Multipart
           : text == "Appendable" ? Type::Appendable
                                  : Type::Normal;
  }
};

/// What the scanner makes of it, pushed whole.
inline core::Result<store::ListPage> scan_listing(std::string_view text, const Traits& traits) {
  ListingScanner scanner(traits);
  TRY(scanner.push(core::as_bytes(text)));
  return scanner.finish();
}

}  // namespace oss
