#pragma once
// What the command line tells the account: where its users, roles and keys come from.
#include <string>
#include <vector>

#include "core/time.h"

namespace emulator {

struct AuthorityOptions {
  std::string region = "cn-hangzhou";
  std::vector<std::string> buckets = {"examplebucket"};
  core::Duration min_duration = std::chrono::seconds{900};
  std::string config_file;  ///< users, roles, trust, policies of one's own (JSON); may be empty
  std::string data_dir;     ///< where key pair, token key and revocations persist; empty: nowhere
  std::string client_vpc;   ///< the VPC that callers seem to come from
  std::string oidc_token;   ///< a web-identity token that is accepted as it is
  bool weak_metadata = false;           ///< the metadata server also answers without a token
  bool expired_as_invalid_key = false;  ///< expired tokens answer InvalidAccessKeyId, as OSS may
  bool expired_as_denied = false;       ///< … AccessDenied in the S3 dialect, as Ceph's do
};

}  // namespace emulator
