#include "emulator/objects/listing.h"

#include <algorithm>

namespace emulator {
namespace {

/// The common prefix that `key` falls under, or nothing (empty).
std::string_view group_of(std::string_view key, std::string_view prefix,
                          std::string_view delimiter) {
  if (delimiter.empty()) {
    return {};
  }
  const auto at = key.find(delimiter, prefix.size());
  return at == std::string_view::npos ? std::string_view() : key.substr(0, at + delimiter.size());
}

/// The first text behind everything that begins with `prefix`; empty if there is none.
std::string successor(std::string_view prefix) {
  std::string text(prefix);
  while (!text.empty() && static_cast<unsigned char>(text.back()) == 0xff) {
    text.pop_back();
  }
  if (!text.empty()) {
    text.back() = static_cast<char>(static_cast<unsigned char>(text.back()) + 1);
  }
  return text;
}

template <class Map>
typename Map::const_iterator behind_group(const Map& map, std::string_view group) {
  const std::string next = successor(group);
  return next.empty() ? map.end() : map.lower_bound(next);
}

/// Where a walk begins that shows only what is behind `after`.
template <class Map>
typename Map::const_iterator first_behind(const Map& map, std::string_view prefix,
                                          std::string_view delimiter, std::string_view after) {
  if (after < prefix) {
    return map.lower_bound(prefix);
  }
  if (after == prefix && prefix.empty()) {
    return map.begin();
  }
  if (after.starts_with(prefix) && group_of(after, prefix, delimiter) == after && !after.empty() &&
      !delimiter.empty()) {
    return behind_group(map, after);  // a common prefix stands for all that it covers
  }
  return map.upper_bound(after);
}

}  // namespace

ListPage list_objects(const Bucket& bucket, const ListQuery& query) {
  ListPage page;
  const auto& objects = bucket.objects;
  auto at = first_behind(objects, query.prefix, query.delimiter, query.after);
  while (at != objects.end() && std::string_view(at->first).starts_with(query.prefix)) {
    if (at->second.front()->delete_marker) {
      ++at;
      continue;
    }
    if (page.entries.size() == query.limit) {
      page.truncated = true;
      if (!page.entries.empty()) {
        page.next = page.entries.back().key;
      }
      break;
    }
    const std::string_view group = group_of(at->first, query.prefix, query.delimiter);
    if (group.empty()) {
      page.entries.push_back({at->first, at->second.front()});
      ++at;
    } else {
      page.entries.push_back({std::string(group), nullptr});
      at = behind_group(objects, group);
    }
  }
  return page;
}

VersionsPage list_versions(const Bucket& bucket, const VersionsQuery& query) {
  VersionsPage page;
  const auto& objects = bucket.objects;
  auto at = first_behind(objects, query.prefix, query.delimiter, query.key_marker);
  std::size_t skip = 0;  // versions of the first key that earlier pages showed
  if (!query.version_marker.empty()) {
    if (const auto same = objects.find(query.key_marker); same != objects.end()) {
      const auto shown =
          std::find_if(same->second.begin(), same->second.end(),
                       [&](const VersionPtr& v) { return v->id == query.version_marker; });
      if (shown != same->second.end() && shown + 1 != same->second.end()) {
        at = same;
        skip = static_cast<std::size_t>(shown - same->second.begin()) + 1;
      }
    }
  }
  const auto full = [&] {
    if (page.entries.size() < query.limit) {
      return false;
    }
    page.truncated = true;
    page.next_key = page.entries.back().key;
    page.next_version = page.entries.back().version ? page.entries.back().version->id : "";
    return true;
  };
  while (at != objects.end() && std::string_view(at->first).starts_with(query.prefix)) {
    const std::string_view group = group_of(at->first, query.prefix, query.delimiter);
    if (!group.empty()) {
      if (full()) {
        return page;
      }
      page.entries.push_back({std::string(group), nullptr, false});
      at = behind_group(objects, group);
      continue;
    }
    for (std::size_t i = skip; i < at->second.size(); ++i) {
      if (full()) {
        return page;
      }
      page.entries.push_back({at->first, at->second[i], i == 0});
    }
    skip = 0;
    ++at;
  }
  return page;
}

UploadsPage list_uploads(const Bucket& bucket, const UploadsQuery& query) {
  std::vector<const Upload*> uploads;
  for (const auto& [id, upload] : bucket.uploads) {
    if (upload.key.starts_with(query.prefix)) {
      uploads.push_back(&upload);
    }
  }
  std::sort(uploads.begin(), uploads.end(), [](const Upload* a, const Upload* b) {
    return std::tie(a->key, a->id) < std::tie(b->key, b->id);
  });
  UploadsPage page;
  for (const Upload* upload : uploads) {
    const std::string_view group = group_of(upload->key, query.prefix, query.delimiter);
    const std::string_view name = group.empty() ? std::string_view(upload->key) : group;
    if (!page.entries.empty() && !group.empty() && page.entries.back().key == group) {
      continue;
    }
    const bool behind =
        name > query.key_marker || (name == query.key_marker && group.empty() &&
                                    !query.id_marker.empty() && upload->id > query.id_marker);
    if (!behind && !query.key_marker.empty()) {
      continue;
    }
    if (page.entries.size() == query.limit) {
      page.truncated = true;
      page.next_key = page.entries.back().key;
      page.next_id = page.entries.back().id;
      break;
    }
    if (group.empty()) {
      page.entries.push_back(
          {upload->key, upload->id, upload->draft.storage_class, upload->initiated});
    } else {
      page.entries.push_back({std::string(group), "", "", {}});
    }
  }
  return page;
}

}  // namespace emulator
