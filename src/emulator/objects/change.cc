#include "emulator/objects/change.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/format.h"
#include "emulator/objects/synthetic.h"

namespace emulator {
namespace {

struct Apply {
  Buckets& buckets;

  void operator()(const PutBucketChange& c) const { buckets[c.facts.name].facts = c.facts; }
  void operator()(const DropBucketChange& c) const { buckets.erase(c.bucket); }
  void operator()(const PutVersionChange& c) const {
    std::vector<VersionPtr>& versions = buckets[c.bucket].objects[c.key];
    const auto same = std::find_if(versions.begin(), versions.end(),
                                   [&](const VersionPtr& v) { return v->id == c.version->id; });
    if (same != versions.end() && (c.in_place || versions.size() == 1)) {
      *same = c.version;
      return;
    }
    if (same != versions.end()) {
      versions.erase(same);
    }
    versions.insert(versions.begin(), c.version);
  }
  void operator()(const AppendChange& c) const {
    auto& objects = buckets[c.bucket].objects;
    const auto at = objects.find(c.key);
    if (at == objects.end()) {
      return;
    }
    Version next = *at->second.front();
    next.body.extend(c.more);
    next.crc64 = c.crc64;
    next.etag = c.etag;
    next.modified = c.modified;
    at->second.front() = std::make_shared<const Version>(std::move(next));
  }
  void operator()(const DropVersionChange& c) const {
    auto& objects = buckets[c.bucket].objects;
    const auto at = objects.find(c.key);
    if (at == objects.end()) {
      return;
    }
    std::erase_if(at->second, [&](const VersionPtr& v) { return v->id == c.id; });
    if (at->second.empty()) {
      objects.erase(at);
    }
  }
  void operator()(const PutUploadChange& c) const {
    Upload upload = c.upload;
    upload.parts.clear();
    buckets[c.bucket].uploads.insert_or_assign(c.upload.id, std::move(upload));
  }
  void operator()(const PutPartChange& c) const {
    auto& uploads = buckets[c.bucket].uploads;
    if (const auto at = uploads.find(c.upload_id); at != uploads.end()) {
      at->second.parts.insert_or_assign(c.number, c.part);
    }
  }
  void operator()(const DropUploadChange& c) const {
    auto& uploads = buckets[c.bucket].uploads;
    if (const auto at = uploads.find(c.upload_id); at != uploads.end()) {
      uploads.erase(at);
    }
  }
  void operator()(const FillChange& c) const {
    auto& objects = buckets[c.bucket].objects;
    const VersionPtr version = synthetic_version(c.size, c.modified);
    auto hint = objects.lower_bound(c.prefix);
    for (std::uint64_t i = 0; i < c.count; ++i) {
      hint = objects.insert_or_assign(hint, core::format("{}{:08}", c.prefix, i),
                                      std::vector<VersionPtr>{version});
      ++hint;
    }
  }
};

}  // namespace

void apply(Buckets& buckets, const Change& change) { std::visit(Apply{buckets}, change); }

}  // namespace emulator
