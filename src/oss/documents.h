#pragma once
// The bodies of requests and answers as values. Every reader's errors: Protocol.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oss/dialect.h"
#include "store/object_store.h"

namespace oss {

core::Result<std::string> read_upload_id(std::string_view text);

struct CopyResult {
  model::ETag etag;
  std::optional<core::WallTime> last_modified;
};
/// `root` is CopyObjectResult or CopyPartResult.
core::Result<CopyResult> read_copy_result(std::string_view text, std::string_view root);

/// Ceph 16 leaves the ETag empty.
core::Result<model::ETag> read_complete_result(std::string_view text);
std::string write_parts(const std::vector<store::PartReceipt>& parts);

/// What GetObjectAcl answers, as headers that grant the same; nothing beyond the owner's rights
/// (OSS: "default") is empty. Errors also: InvalidArgument, for a grant that no header can make.
core::Result<store::Acl> read_acl(std::string_view text, const Traits& traits);
core::Result<store::Tags> read_tags(std::string_view text);

/// The versions of `key` that a page of ListObjectVersions shows, in its order; what it shows of
/// other keys is left out.
core::Result<std::vector<store::KeptVersion>> read_versions(std::string_view text,
                                                            std::string_view key,
                                                            const Traits& traits);

struct RefusedKey {
  std::string key;
  std::string code;
  std::string message;
};
struct DeleteResult {
  std::vector<std::string> deleted;
  std::vector<RefusedKey> refused;
};
core::Result<DeleteResult> read_delete_result(std::string_view text, const Traits& traits);
/// The keys must be such that XML carries them.
std::string write_delete(const std::vector<model::ObjectKey>& keys);
/// Whether `key` comes out of the service's XML reader as it went in.
bool fits_delete(std::string_view key);

}  // namespace oss
