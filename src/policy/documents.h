#pragma once
// The least rights that a mount, or a signed URL, needs: written as the policies that the service's
// access management takes. One generator for what `stsfs policy` prints and for session policies.
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "cred/token_claims.h"

namespace policy {

/// How one cloud writes policies down.
struct Grammar {
  std::string_view version;
  std::string_view service;   ///< what stands before an action: "oss:"
  std::string_view resource;  ///< what stands before "bucket/key"
  std::vector<std::string_view> read;
  std::vector<std::string_view> write;  ///< what an object has besides its content included
  std::string_view list;                ///< the action on the bucket
  std::string_view list_versions;       ///< the same for versions; empty: of no use to who writes
  std::string_view listed_prefix;       ///< the condition key that holds what a listing asks for
  std::string_view list_parts;  ///< the action that lists an upload's parts, without the service
};
/// Source: RAM, "Policy structure and syntax"; OSS, "RAM policies".
const Grammar& ram_grammar();
/// Source: IAM, "Policy grammar"; Amazon S3, "Actions, resources and condition keys".
const Grammar& iam_grammar();

/// What is wanted of a part of a bucket.
struct Rights {
  bool read_only = false;
  bool list = true;
  bool use_keys = false;  ///< of the key management service, for what is encrypted with them
};

/// STS takes no longer session policy. Units: characters. Source: STS API, AssumeRole, Policy.
inline constexpr std::size_t kMaxSessionPolicy = 2048;

/// How a document is laid out: for people, or in as few characters as it takes.
enum class Layout : std::uint8_t { Indented, Compact };

/// What a mount of `prefix` ("" or "a/b/") in `bucket` needs and no more: for the role, and for
/// each of its sessions. A listing is allowed only of what lies below the prefix. A name that holds
/// '*', '?' or "${" cannot be said literally: '?' stands in such a place, which allows any one
/// character there.
std::string location_policy(const Grammar& grammar, const std::string& bucket,
                            const std::string& prefix, Rights rights, Layout layout);
/// What may be done with exactly one object; actions without the service's name.
struct ObjectRights {
  std::string bucket;
  std::string key;
  std::vector<std::string> actions;
};
std::string objects_policy(const Grammar& grammar, const std::vector<ObjectRights>& objects);

/// For whoever assumes the role: that, and nothing else. In the grammar that the ARN belongs to.
/// Errors: InvalidArgument unless `role_arn` is acs:ram::ACCOUNT:role/NAME or
/// arn:aws:iam::ACCOUNT:role/NAME.
core::Result<std::string> user_policy(const std::string& role_arn);
/// For the role: that principals of its own account may assume it, with `external_id` if there is
/// one. Errors: as user_policy; where the ARN has no account.
core::Result<std::string> trust_policy(const std::string& role_arn, const std::string& external_id);
/// For the role: that who has a token of the provider may, with those of `claims` that are known.
/// Errors: as user_policy; InvalidArgument where provider and role belong to different clouds.
core::Result<std::string> trust_policy(const std::string& role_arn, const std::string& provider_arn,
                                       const cred::TokenClaims& claims);

/// `text` in as few characters as it takes, members in their order.
/// Errors: InvalidArgument where it is no policy document, with line and column where it is no
/// JSON;
///   TooLarge beyond what STS takes.
core::Result<std::string> as_session_policy(const std::string& text);

}  // namespace policy
