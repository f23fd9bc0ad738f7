#pragma once
// The XML that requests bring: one reader for each kind of document.
#include <optional>
#include <string>
#include <vector>

#include "emulator/objects/objects.h"
#include "emulator/objects/storage.h"

namespace emulator {

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
