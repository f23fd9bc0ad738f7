#include "emulator/account/iam_words.h"

#include <algorithm>
#include <array>
#include <utility>

namespace emulator {
namespace {

constexpr std::string_view kOss = "oss:";

/// Rights with another name. Source: AWS, "Actions, resources, and condition keys for Amazon S3".
constexpr auto kActions = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"oss:ListBuckets", "s3:ListAllMyBuckets"},
    {"oss:PutBucket", "s3:CreateBucket"},
    {"oss:ListObjects", "s3:ListBucket"},
    {"oss:ListObjectVersions", "s3:ListBucketVersions"},
    {"oss:ListMultipartUploads", "s3:ListBucketMultipartUploads"},
    {"oss:ListParts", "s3:ListMultipartUploadParts"},
});

}  // namespace

std::string iam_action(std::string_view ram_action) {
  const auto* const found =
      std::find_if(kActions.begin(), kActions.end(),
                   [ram_action](const auto& row) { return row.first == ram_action; });
  if (found != kActions.end()) {
    return std::string(found->second);
  }
  return ram_action.starts_with(kOss) ? "s3:" + std::string(ram_action.substr(kOss.size()))
                                      : std::string(ram_action);
}

std::string_view iam_service(std::string_view ram_service) {
  if (ram_service == "oss") {
    return "s3";
  }
  return ram_service == "ram" ? "iam" : ram_service;
}

ConditionValues iam_values(const ConditionValues& values) {
  ConditionValues renamed;
  renamed.reserve(values.size());
  for (const auto& [name, value] : values) {
    const auto colon = name.find(':');
    const std::string space = name.substr(0, colon);
    const std::string rest = colon == std::string::npos ? "" : name.substr(colon);
    const std::string_view other = space == "acs" ? "aws" : iam_service(space);
    renamed.emplace_back(std::string(other) + rest, value);  // keys count without case
  }
  return renamed;
}

std::string iam_arn(std::string_view ram_arn) {
  constexpr std::string_view kRam = "acs:ram:";
  std::string rest(ram_arn.substr(ram_arn.starts_with(kRam) ? kRam.size() : 0));
  return (rest.find(":assumed-role/") == std::string::npos ? "arn:aws:iam:" : "arn:aws:sts:") +
         rest;
}

}  // namespace emulator
