#pragma once
// Which operation a request is: one row each with its name, its right and its kind of body.
#include <cstdint>
#include <string>
#include <string_view>

#include "emulator/wire/address.h"
#include "emulator/wire/message.h"

namespace emulator {

enum class Op : std::uint8_t {
  ListBuckets,
  PutBucket,
  HeadBucket,
  DeleteBucket,
  GetBucketInfo,
  GetBucketLocation,
  GetBucketStat,
  GetBucketAcl,
  PutBucketAcl,
  GetBucketVersioning,
  PutBucketVersioning,
  GetBucketConfiguration,
  DeleteBucketConfiguration,
  ListObjects,
  ListObjectsV2,
  ListObjectVersions,
  ListMultipartUploads,
  ListLiveChannels,
  DeleteMultipleObjects,
  GetObject,
  HeadObject,
  GetObjectMeta,
  PutObject,
  AppendObject,
  CopyObject,
  DeleteObject,
  InitiateMultipartUpload,
  UploadPart,
  UploadPartCopy,
  CompleteMultipartUpload,
  AbortMultipartUpload,
  ListParts,
  PutSymlink,
  GetSymlink,
  PutObjectAcl,
  GetObjectAcl,
  PutObjectTagging,
  GetObjectTagging,
  DeleteObjectTagging,
  RestoreObject,
  NotImplemented,
};

/// What the server does with the bytes behind the head.
enum class BodyKind : std::uint8_t { None, Text, Object };

struct OperationFacts {
  Op op;
  std::string_view name;    ///< in statistics and faults
  std::string_view action;  ///< the right, with a versionId
  BodyKind body;
};
const OperationFacts& facts_of(Op op);

struct Operation {
  Op op = Op::NotImplemented;
  std::string described;  ///< for NotImplemented: "PUT ?lifecycle"; of a configuration: its name
};
Operation classify(const RawRequest& request, const Address& address);

/// The RAM action: "oss:GetObject", or "oss:GetObjectVersion" when a version is named.
/// `configuration`: the name, where it is one of a bucket's.
std::string action_of(Op op, bool names_version, std::string_view configuration = {});

}  // namespace emulator
