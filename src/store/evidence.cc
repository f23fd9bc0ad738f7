#include "store/evidence.h"

#include <string>

namespace store {
namespace {

/// Whether an ETag can be a sum of the bytes as they were sent.
/// Source: Amazon S3, "Common response headers", ETag.
bool sums_bytes(const ObjectMeta& there) {
  return !there.settings.encryption.starts_with("aws:kms");
}

}  // namespace

bool Evidence::allows(const ObjectMeta& there) const {
  return there.size == size && (!user || there.user == *user) &&
         (!crc64 || !there.crc64 || there.crc64 == crc64) &&
         (etag.empty() || !sums_bytes(there) || there.etag == etag) &&
         (parts == 0 || there.etag.text().ends_with("-" + std::to_string(parts))) &&
         (replaced.empty() || there.etag != replaced);
}

bool Evidence::proves(const ObjectMeta& there) const {
  const bool same_bytes =
      (crc64 && there.crc64) || (!etag.empty() && sums_bytes(there)) || (parts > 0 && !crc64);
  // mtime is what every write of ours has; foreign metadata may be the same on two objects.
  const bool same_times = user && user->contains("mtime");
  return allows(there) && (same_bytes || same_times);
}

}  // namespace store
