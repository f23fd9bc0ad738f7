#include "emulator/service/operation.h"

#include <array>
#include <cstddef>
#include <optional>

#include "core/format.h"
#include "emulator/service/bucket_configuration.h"

namespace emulator {
namespace {

constexpr std::array kFacts = {
    OperationFacts{Op::ListBuckets, "ListBuckets", "oss:ListBuckets", BodyKind::None},
    OperationFacts{Op::PutBucket, "PutBucket", "oss:PutBucket", BodyKind::Text},
    OperationFacts{Op::HeadBucket, "HeadBucket", "oss:ListObjects", BodyKind::None},
    OperationFacts{Op::DeleteBucket, "DeleteBucket", "oss:DeleteBucket", BodyKind::None},
    OperationFacts{Op::GetBucketInfo, "GetBucketInfo", "oss:GetBucketInfo", BodyKind::None},
    OperationFacts{Op::GetBucketLocation, "GetBucketLocation", "oss:GetBucketLocation",
                   BodyKind::None},
    OperationFacts{Op::GetBucketStat, "GetBucketStat", "oss:GetBucketStat", BodyKind::None},
    OperationFacts{Op::GetBucketAcl, "GetBucketAcl", "oss:GetBucketAcl", BodyKind::None},
    OperationFacts{Op::PutBucketAcl, "PutBucketAcl", "oss:PutBucketAcl", BodyKind::Text},
    OperationFacts{Op::GetBucketVersioning, "GetBucketVersioning", "oss:GetBucketVersioning",
                   BodyKind::None},
    OperationFacts{Op::PutBucketVersioning, "PutBucketVersioning", "oss:PutBucketVersioning",
                   BodyKind::Text},
    OperationFacts{Op::GetBucketConfiguration, "GetBucketConfiguration", "oss:Get", BodyKind::None},
    OperationFacts{Op::DeleteBucketConfiguration, "DeleteBucketConfiguration", "oss:Delete",
                   BodyKind::None},
    OperationFacts{Op::ListObjects, "ListObjects", "oss:ListObjects", BodyKind::None},
    OperationFacts{Op::ListObjectsV2, "ListObjectsV2", "oss:ListObjects", BodyKind::None},
    OperationFacts{Op::ListObjectVersions, "ListObjectVersions", "oss:ListObjectVersions",
                   BodyKind::None},
    OperationFacts{Op::ListMultipartUploads, "ListMultipartUploads", "oss:ListMultipartUploads",
                   BodyKind::None},
    OperationFacts{Op::ListLiveChannels, "ListLiveChannels", "oss:ListLiveChannel", BodyKind::None},
    OperationFacts{Op::DeleteMultipleObjects, "DeleteMultipleObjects", "oss:DeleteObject",
                   BodyKind::Text},
    OperationFacts{Op::GetObject, "GetObject", "oss:GetObject", BodyKind::None},
    OperationFacts{Op::HeadObject, "HeadObject", "oss:GetObject", BodyKind::None},
    OperationFacts{Op::GetObjectMeta, "GetObjectMeta", "oss:GetObject", BodyKind::None},
    OperationFacts{Op::PutObject, "PutObject", "oss:PutObject", BodyKind::Object},
    OperationFacts{Op::AppendObject, "AppendObject", "oss:PutObject", BodyKind::Object},
    OperationFacts{Op::CopyObject, "CopyObject", "oss:PutObject", BodyKind::Text},
    OperationFacts{Op::DeleteObject, "DeleteObject", "oss:DeleteObject", BodyKind::None},
    OperationFacts{Op::InitiateMultipartUpload, "InitiateMultipartUpload", "oss:PutObject",
                   BodyKind::Text},
    OperationFacts{Op::UploadPart, "UploadPart", "oss:PutObject", BodyKind::Object},
    OperationFacts{Op::UploadPartCopy, "UploadPartCopy", "oss:PutObject", BodyKind::Text},
    OperationFacts{Op::CompleteMultipartUpload, "CompleteMultipartUpload", "oss:PutObject",
                   BodyKind::Text},
    OperationFacts{Op::AbortMultipartUpload, "AbortMultipartUpload", "oss:AbortMultipartUpload",
                   BodyKind::None},
    OperationFacts{Op::ListParts, "ListParts", "oss:ListParts", BodyKind::None},
    OperationFacts{Op::PutSymlink, "PutSymlink", "oss:PutObject", BodyKind::Text},
    OperationFacts{Op::GetSymlink, "GetSymlink", "oss:GetObject", BodyKind::None},
    OperationFacts{Op::PutObjectAcl, "PutObjectAcl", "oss:PutObjectAcl", BodyKind::Text},
    OperationFacts{Op::GetObjectAcl, "GetObjectAcl", "oss:GetObjectAcl", BodyKind::None},
    OperationFacts{Op::PutObjectTagging, "PutObjectTagging", "oss:PutObjectTagging",
                   BodyKind::Text},
    OperationFacts{Op::GetObjectTagging, "GetObjectTagging", "oss:GetObjectTagging",
                   BodyKind::None},
    OperationFacts{Op::DeleteObjectTagging, "DeleteObjectTagging", "oss:DeleteObjectTagging",
                   BodyKind::None},
    OperationFacts{Op::RestoreObject, "RestoreObject", "oss:RestoreObject", BodyKind::Text},
    OperationFacts{Op::NotImplemented, "NotImplemented", "", BodyKind::Text},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kFacts.size(); ++i) {
    if (static_cast<std::size_t>(kFacts[i].op) != i) {
      return false;
    }
  }
  return true;
}
static_assert(in_order(), "one row for each Op, in the order of the enumeration");

/// What the service knows as a sub-resource but we do not serve. A name that is in no list here is
/// an unknown parameter, which is ignored.
constexpr std::array<std::string_view, 32> kRefused = {"lifecycle",
                                                       "cors",
                                                       "website",
                                                       "logging",
                                                       "referer",
                                                       "encryption",
                                                       "policy",
                                                       "replication",
                                                       "replicationLocation",
                                                       "replicationProgress",
                                                       "inventory",
                                                       "metrics",
                                                       "notification",
                                                       "accelerate",
                                                       "requestPayment",
                                                       "transferAcceleration",
                                                       "worm",
                                                       "wormId",
                                                       "styleName",
                                                       "live",
                                                       "vod",
                                                       "resourceGroup",
                                                       "publicAccessBlock",
                                                       "policyStatus",
                                                       "object-lock",
                                                       "ownershipControls",
                                                       "cleanRestoredObject",
                                                       "seal",
                                                       "x-oss-process",
                                                       "x-oss-async-process",
                                                       "select",
                                                       "torrent"};

bool has(const RawRequest& request, std::string_view name) {
  return request.param(name) != nullptr;
}

bool copies(const RawRequest& request) {
  return request.header("x-oss-copy-source") || request.header("x-amz-copy-source");
}

Op bucket_op(const RawRequest& r) {
  if (r.method == "GET") {
    if (has(r, "bucketInfo")) {
      return Op::GetBucketInfo;
    }
    if (has(r, "location")) {
      return Op::GetBucketLocation;
    }
    if (has(r, "stat")) {
      return Op::GetBucketStat;
    }
    if (has(r, "acl")) {
      return Op::GetBucketAcl;
    }
    if (has(r, "versioning")) {
      return Op::GetBucketVersioning;
    }
    if (has(r, "versions")) {
      return Op::ListObjectVersions;
    }
    if (has(r, "uploads")) {
      return Op::ListMultipartUploads;
    }
    if (has(r, "live")) {
      return Op::ListLiveChannels;
    }
    const QueryParam* type = r.param("list-type");
    return type != nullptr && type->value == "2" ? Op::ListObjectsV2 : Op::ListObjects;
  }
  if (r.method == "PUT") {
    if (has(r, "acl")) {
      return Op::PutBucketAcl;
    }
    if (has(r, "versioning")) {
      return Op::PutBucketVersioning;
    }
    return has(r, "tagging") ? Op::NotImplemented : Op::PutBucket;
  }
  if (r.method == "HEAD") {
    return Op::HeadBucket;
  }
  if (r.method == "DELETE") {
    return Op::DeleteBucket;
  }
  return r.method == "POST" && has(r, "delete") ? Op::DeleteMultipleObjects : Op::NotImplemented;
}

Op object_op(const RawRequest& r) {
  if (r.method == "GET") {
    if (has(r, "uploadId")) {
      return Op::ListParts;
    }
    if (has(r, "symlink")) {
      return Op::GetSymlink;
    }
    if (has(r, "acl")) {
      return Op::GetObjectAcl;
    }
    if (has(r, "tagging")) {
      return Op::GetObjectTagging;
    }
    return has(r, "objectMeta") ? Op::GetObjectMeta : Op::GetObject;
  }
  if (r.method == "HEAD") {
    return has(r, "objectMeta") ? Op::GetObjectMeta : Op::HeadObject;
  }
  if (r.method == "PUT") {
    if (has(r, "uploadId")) {
      return copies(r) ? Op::UploadPartCopy : Op::UploadPart;
    }
    if (has(r, "symlink")) {
      return Op::PutSymlink;
    }
    if (has(r, "acl")) {
      return Op::PutObjectAcl;
    }
    if (has(r, "tagging")) {
      return Op::PutObjectTagging;
    }
    return copies(r) ? Op::CopyObject : Op::PutObject;
  }
  if (r.method == "POST") {
    if (has(r, "restore")) {
      return Op::RestoreObject;
    }
    if (has(r, "append")) {
      return Op::AppendObject;
    }
    if (has(r, "uploads")) {
      return Op::InitiateMultipartUpload;
    }
    return has(r, "uploadId") ? Op::CompleteMultipartUpload : Op::NotImplemented;
  }
  if (r.method == "DELETE") {
    if (has(r, "uploadId")) {
      return Op::AbortMultipartUpload;
    }
    return has(r, "tagging") ? Op::DeleteObjectTagging : Op::DeleteObject;
  }
  return Op::NotImplemented;
}

/// A setting of the bucket that is asked for, or taken away: there is none.
std::optional<Operation> configuration_op(const RawRequest& request, const Address& address) {
  const bool reads = request.method == "GET";
  if (address.bucket.empty() || !address.key.empty() || !(reads || request.method == "DELETE")) {
    return std::nullopt;
  }
  for (const QueryParam& param : request.query) {
    const BucketConfiguration* row = bucket_configuration(param.name);
    if (row != nullptr && (reads || row->deletable)) {
      return Operation{reads ? Op::GetBucketConfiguration : Op::DeleteBucketConfiguration,
                       param.name};
    }
  }
  return std::nullopt;
}

}  // namespace

const OperationFacts& facts_of(Op op) { return kFacts[static_cast<std::size_t>(op)]; }

Operation classify(const RawRequest& request, const Address& address) {
  if (auto configuration = configuration_op(request, address)) {
    return *std::move(configuration);
  }
  const bool lists_channels = request.method == "GET" && address.key.empty();
  for (const std::string_view name : kRefused) {
    if (has(request, name) && !(lists_channels && name == "live")) {
      return {Op::NotImplemented, core::format("{} ?{}", request.method, name)};
    }
  }
  Op op = Op::NotImplemented;
  if (address.bucket.empty()) {
    op = request.method == "GET" ? Op::ListBuckets : Op::NotImplemented;
  } else {
    op = address.key.empty() ? bucket_op(request) : object_op(request);
  }
  if (op == Op::NotImplemented) {
    const std::string what = request.query.empty() ? "" : " ?" + request.query.front().name;
    return {op, request.method + what};
  }
  return {op, {}};
}

std::string action_of(Op op, bool names_version, std::string_view configuration) {
  std::string action(facts_of(op).action);
  if (const BucketConfiguration* row = bucket_configuration(configuration);
      row != nullptr && (op == Op::GetBucketConfiguration || op == Op::DeleteBucketConfiguration)) {
    return action + std::string(row->right);
  }
  const bool versioned = op == Op::GetObject || op == Op::HeadObject || op == Op::GetObjectMeta ||
                         op == Op::DeleteObject || op == Op::GetObjectAcl ||
                         op == Op::PutObjectAcl || op == Op::GetObjectTagging ||
                         op == Op::PutObjectTagging || op == Op::DeleteObjectTagging ||
                         op == Op::RestoreObject;
  if (!names_version || !versioned) {
    return action;
  }
  // oss:GetObject becomes oss:GetObjectVersion, oss:GetObjectAcl oss:GetObjectVersionAcl.
  const auto at = action.find("Object") + std::string_view("Object").size();
  return action.insert(at, "Version");
}

}  // namespace emulator
