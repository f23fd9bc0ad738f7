#include "cred/aws_assume_role.h"

#include "cred/aws_sts.h"

namespace cred {

http::Request AwsAssumeRole::request_for(const sign::Credentials& caller) const {
  return aws_sts_request(endpoint(), parameters(), region_, caller, clock().now());
}

Fetched AwsAssumeRole::lease_in(http::Response& answer, core::SteadyTime sent,
                                std::string_view what) const {
  return aws_granted(answer, "AssumeRole", sent, clock(), what);
}

StsRefusal AwsAssumeRole::refusal_in(const http::Response& answer,
                                     const sign::Credentials& caller) const {
  return read_aws_refusal(answer, {&caller.access_key_secret, &caller.token});
}

}  // namespace cred
