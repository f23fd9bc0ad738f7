#include "cred/aws_oidc_role.h"

#include "cred/aws_sts.h"

namespace cred {

http::Request AwsOidcRole::request_for(const core::Secret& token) const {
  std::vector<http::QueryParam> asked = parameters();
  asked.push_back({"WebIdentityToken", std::string(token.reveal())});
  return aws_sts_request(endpoint(), std::move(asked), {}, {}, {});
}

Fetched AwsOidcRole::lease_in(http::Response& answer, core::SteadyTime sent,
                              std::string_view what) const {
  return aws_granted(answer, action(), sent, clock(), what);
}

StsRefusal AwsOidcRole::refusal_in(const http::Response& answer, const core::Secret& token) const {
  return read_aws_refusal(answer, {&token});
}

bool AwsOidcRole::blames_token(const StsVerdict& verdict) const {
  // Ceph has one word, AccessDenied, for tokens that are expired, forged or not trusted.
  return OidcRole::blames_token(verdict) || verdict.kind == core::ErrorKind::Denied;
}

}  // namespace cred
