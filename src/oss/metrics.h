#pragma once
// What this room counts: attempts (not calls), so that retries show.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/metrics.h"

namespace oss {

enum class Operation : std::uint8_t {
  HeadObject,
  GetObjectAcl,
  GetObjectTagging,
  GetObject,
  PutObject,
  CopyObject,
  DeleteObject,
  DeleteMultipleObjects,
  ListObjectsV2,
  ListObjectVersions,
  PutSymlink,
  GetSymlink,
  InitiateMultipartUpload,
  UploadPart,
  UploadPartCopy,
  CompleteMultipartUpload,
  AbortMultipartUpload,
  AppendObject,
};

inline constexpr std::array<std::string_view, 18> kOperationNames = {
    "HeadObject",
    "GetObjectAcl",
    "GetObjectTagging",
    "GetObject",
    "PutObject",
    "CopyObject",
    "DeleteObject",
    "DeleteMultipleObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "PutSymlink",
    "GetSymlink",
    "InitiateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "AppendObject",
};
inline constexpr std::string_view name_of(Operation operation) {
  return kOperationNames.at(static_cast<std::size_t>(operation));
}

/// "requests.<Operation>": attempts sent. "errors.<Operation>": those that ended badly; an object
/// that is not there, or is another than expected, is no error.
/// "retries": attempts beyond the first of a call. "token_refusals": answers that refused the
/// credentials. "archived": answers that an object has to be restored first. "bytes.received",
/// "bytes.sent": of bodies.
class Metrics {
 public:
  explicit Metrics(core::Metrics& registry)
      : retries(registry["retries"]),
        token_refusals(registry["token_refusals"]),
        archived(registry["archived"]),
        bytes_received(registry["bytes.received"]),
        bytes_sent(registry["bytes.sent"]) {
    for (std::size_t i = 0; i < kOperationNames.size(); ++i) {
      requests_[i] = &registry["requests." + std::string(kOperationNames[i])];
      errors_[i] = &registry["errors." + std::string(kOperationNames[i])];
    }
  }

  core::Metric& requests(Operation operation) {
    return *requests_.at(static_cast<std::size_t>(operation));
  }
  core::Metric& errors(Operation operation) {
    return *errors_.at(static_cast<std::size_t>(operation));
  }

  core::Metric& retries;
  core::Metric& token_refusals;
  core::Metric& archived;
  core::Metric& bytes_received;
  core::Metric& bytes_sent;

 private:
  std::array<core::Metric*, kOperationNames.size()> requests_{};
  std::array<core::Metric*, kOperationNames.size()> errors_{};
};

}  // namespace oss
