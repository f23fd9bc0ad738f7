#pragma once
// Pages of keys, versions and uploads: pure functions of a bucket and a query.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/objects/objects.h"

namespace emulator {

struct ListQuery {
  std::string prefix;
  std::string delimiter;
  std::string after;  ///< only keys and common prefixes behind this one
  std::size_t limit = 100;
};
struct ListEntry {
  std::string key;  ///< a key, or a common prefix if there is no version
  VersionPtr version;
};
struct ListPage {
  std::vector<ListEntry> entries;  ///< in byte order; keys and common prefixes mixed
  bool truncated = false;
  std::string next;  ///< the `after` of the next page, where truncated
};
/// Current versions that are not delete markers.
ListPage list_objects(const Bucket& bucket, const ListQuery& query);

struct VersionsQuery {
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  std::string version_marker;  ///< counts only with key_marker
  std::size_t limit = 100;
};
struct VersionEntry {
  std::string key;
  VersionPtr version;  ///< none: a common prefix
  bool latest = false;
};
struct VersionsPage {
  std::vector<VersionEntry> entries;
  bool truncated = false;
  std::string next_key;
  std::string next_version;
};
VersionsPage list_versions(const Bucket& bucket, const VersionsQuery& query);

struct UploadsQuery {
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  std::string id_marker;  ///< counts only with key_marker
  std::size_t limit = 1000;
};
struct UploadEntry {
  std::string key;  ///< a key, or a common prefix if there is no id
  std::string id;
  std::string storage_class;
  core::WallTime initiated{};
};
struct UploadsPage {
  std::vector<UploadEntry> entries;
  bool truncated = false;
  std::string next_key;
  std::string next_id;
};
UploadsPage list_uploads(const Bucket& bucket, const UploadsQuery& query);

}  // namespace emulator
