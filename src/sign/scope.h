#pragma once
#include <string>

namespace sign {

/// What is signed besides the request itself. The bucket and key are decoded and independent of
/// addressing; both empty at service level, key empty at bucket level.
struct Scope {
  std::string bucket;
  std::string key;
  std::string region;           ///< "cn-hangzhou"; V1 needs none
  std::string product = "oss";  ///< "oss-cloudbox" for a CloudBox; "s3" for S3
};

}  // namespace sign
