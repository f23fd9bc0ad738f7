#include "sign/rpc.h"

#include <gtest/gtest.h>

#include "sign/signer.h"

namespace {

using http::QueryParam;

const sign::Credentials kTest{"testid", core::Secret("testsecret"), {}};

std::optional<std::string> value_of(const std::vector<QueryParam>& parameters,
                                    std::string_view name) {
  for (const QueryParam& parameter : parameters) {
    if (parameter.name == name) {
      return parameter.value;
    }
  }
  return std::nullopt;
}

struct Vector {
  const char* name;
  std::string method;
  std::vector<QueryParam> parameters;
  const char* when;
  const char* nonce;
  const char* signature;
};
std::ostream& operator<<(std::ostream& out, const Vector& vector) { return out << vector.name; }

class Rpc : public ::testing::TestWithParam<Vector> {};

TEST_P(Rpc, SignsAsPublished) {
  const Vector& v = GetParam();
  const auto sent =
      sign::sign_rpc(v.method, v.parameters, kTest, *core::parse_iso8601(v.when), v.nonce);
  EXPECT_EQ(value_of(sent, "Signature"), v.signature) << sign::rpc_string_to_sign(v.method, sent);
}

const std::vector<QueryParam> kFirstRole = {{"Action", "AssumeRole"},
                                            {"RoleArn", "acs:ram::1234567890123:role/firstrole"},
                                            {"RoleSessionName", "client"}};

// Source: "RPC signature mechanism" (RPC_1, RPC_3). RPC_2 and RPC_5 are regression values of code
// that gives those.
INSTANTIATE_TEST_SUITE_P(
    Vectors, Rpc,
    ::testing::Values(
        Vector{"RPC_1", "GET", kFirstRole, "2015-09-01T05:57:34Z",
               "571f8fb8-506e-11e5-8e12-b8e8563dc8d2", "gNI7b0AyKZHxDgjBGPDgJ1Ce3L4="},
        Vector{"RPC_2", "POST", kFirstRole, "2015-09-01T05:57:34Z",
               "571f8fb8-506e-11e5-8e12-b8e8563dc8d2", "gyoTXBqArvZT/gKwPjXIYR9ZuB0="},
        Vector{"RPC_3",
               "GET",
               {{"Action", "DescribeRegions"}, {"Format", "XML"}, {"Version", "2014-05-26"}},
               "2016-02-23T12:46:24Z",
               "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
               "OLeaidS1JvxuMvnyHOwuJ+uX5qY="},
        Vector{"RPC_5",
               "POST",
               {{"Action", "AssumeRole"},
                {"RoleArn", "acs:ram::123456789012:role/ossrole"},
                {"RoleSessionName", "ossmount"},
                {"DurationSeconds", "900"},
                {"Policy",
                 R"({"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:GetObject"],)"
                 R"("Resource":["acs:oss:*:*:b/a b*~+"]}]})"}},
               "2024-01-02T03:04:05Z",
               "nonce-1",
               "n3EF+stXNnMOtJ0FZvOJlBsLcYw="}),
    [](const auto& row) { return std::string(row.param.name); });

// RPC-4: an SDK's unit test, with nothing but one parameter.
TEST(RpcSignature, SignsTheSdksOwnExample) {
  EXPECT_EQ(sign::rpc_signature(sign::rpc_string_to_sign("", {{"test", "ok"}}),
                                core::Secret("accessKeySecret")),
            "jHx/oHoHNrbVfhncHEvPdHXZwHU=");
}

TEST(RpcRequest, CarriesTheTokenOfATemporaryCaller) {
  const sign::Credentials caller{"STS.x", core::Secret("s"), core::Secret("tok")};
  const auto sent = sign::sign_rpc("POST", kFirstRole, caller, core::WallTime{}, "n");
  EXPECT_EQ(value_of(sent, "SecurityToken"), "tok");
  EXPECT_EQ(value_of(sent, "Format"), "JSON");
  EXPECT_EQ(value_of(sent, "AccessKeyId"), "STS.x");
}

TEST(RpcRequest, IsUnsignedForNobody) {
  const auto sent = sign::sign_rpc("POST", kFirstRole, {}, core::WallTime{}, "n");
  EXPECT_FALSE(value_of(sent, "Signature"));
  EXPECT_FALSE(value_of(sent, "AccessKeyId"));
  EXPECT_EQ(value_of(sent, "SignatureNonce"), "n");
}

}  // namespace
