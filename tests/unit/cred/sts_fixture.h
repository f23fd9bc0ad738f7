#pragma once
// An STS of each dialect, scripted: tests say what it answers, and it says so in its own words.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/text.h"
#include "cred/sts_client.h"
#include "support/fake_clock.h"
#include "support/fake_transport.h"

namespace test {

/// The form that a request carried, decoded.
using Form = std::map<std::string, std::string>;

inline Form form_in(const std::string& body) {
  Form form;
  for (const auto pair : core::split(body, '&')) {
    const auto at = pair.find('=');
    form[core::percent_decode(pair.substr(0, at))] = core::percent_decode(pair.substr(at + 1));
  }
  return form;
}

/// Why an STS refuses; each has its own code for it.
enum class Why : std::uint8_t {
  Denied,
  ClockOff,
  CallersTokenExpired,
  IdentityTokenExpired,
  WrongSignature,
  WrongParameter,
  Throttled,
  Busy,
};
struct StsCode {
  int status;
  std::string code;
};

/// How the STS of a dialect speaks, told apart from the code that reads it.
struct StsSpeech {
  cred::Dialect dialect;
  const char* name;
  std::string host;
  std::string role;
  std::map<Why, StsCode> codes;
};
inline std::ostream& operator<<(std::ostream& out, const StsSpeech& speech) {
  return out << speech.name;
}

inline StsSpeech alibaba_speech(cred::Dialect dialect, const char* name) {
  return {dialect,
          name,
          "sts.cn-hangzhou.aliyuncs.com",
          "acs:ram::123456789012:role/reader",
          {{Why::Denied, {403, "NoPermission"}},
           {Why::ClockOff, {400, "InvalidTimeStamp.Expired"}},
           {Why::CallersTokenExpired, {400, "InvalidSecurityToken.Expired"}},
           {Why::IdentityTokenExpired, {400, "AuthenticationFail.OIDCToken.Expired"}},
           {Why::WrongSignature, {400, "SignatureDoesNotMatch"}},
           {Why::WrongParameter, {400, "InvalidParameter.DurationSeconds"}},
           {Why::Throttled, {400, "Throttling.User"}},
           {Why::Busy, {503, "ServiceUnavailable"}}}};
}
inline const std::vector<StsSpeech>& sts_speeches() {
  static const std::vector<StsSpeech> kSpeeches = {
      alibaba_speech(cred::Dialect::Rpc, "Rpc"),
      alibaba_speech(cred::Dialect::Acs3, "Acs3"),
      {cred::Dialect::Aws,
       "Aws",
       "sts.eu-west-1.amazonaws.com",
       "arn:aws:iam::123456789012:role/reader",
       {{Why::Denied, {403, "AccessDenied"}},
        {Why::ClockOff, {403, "RequestTimeTooSkewed"}},
        {Why::CallersTokenExpired, {403, "ExpiredToken"}},
        {Why::IdentityTokenExpired, {400, "ExpiredTokenException"}},
        {Why::WrongSignature, {403, "SignatureDoesNotMatch"}},
        {Why::WrongParameter, {400, "ValidationError"}},
        {Why::Throttled, {400, "Throttling"}},
        {Why::Busy, {503, "ServiceUnavailable"}}}}};
  return kSpeeches;
}
class StsTest : public ::testing::TestWithParam<StsSpeech> {
 protected:
  [[nodiscard]] static const StsSpeech& speech() { return GetParam(); }
  [[nodiscard]] static bool aws() { return speech().dialect == cred::Dialect::Aws; }

  cred::StsClient sts() {
    return {
        {{"https", speech().host, 443}, speech().dialect, "eu-west-1"}, transport_, service_clock_};
  }

  /// An answer of that moment, unless `headers` have another Date.
  Reply reply(int status, std::string body, http::Headers headers = {}) const {
    if (!headers.get("Date")) {
      headers.add("Date", core::format_http_date(clock_.wall_now()));
    }
    Reply reply;
    reply.status = status;
    reply.headers = std::move(headers);
    reply.body = std::move(body);
    return reply;
  }
  /// "STS.1", "canary-secret", "canary/token+==" until then.
  [[nodiscard]] std::string credentials(const std::string& action, core::WallTime end) const {
    const std::string expiration = core::format_iso8601(end);
    if (aws()) {
      return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" +
             action + "Result><Credentials><AccessKeyId>STS.1</AccessKeyId><Expiration>" +
             expiration +
             "</Expiration><SecretAccessKey>canary-secret</SecretAccessKey>"
             "<SessionToken>canary/token+==</SessionToken></Credentials></" +
             action + "Result></" + action + "Response>";
    }
    return R"({"RequestId":"REQ-1","AssumedRoleUser":{"Arn":"a","AssumedRoleId":"b"},)"
           R"("Credentials":{"AccessKeyId":"STS.1","AccessKeySecret":"canary-secret",)"
           R"("SecurityToken":"canary/token+==","Expiration":")" +
           expiration + "\"}}";
  }
  [[nodiscard]] Reply grant(const std::string& action = "AssumeRole") const {
    return reply(200, credentials(action, clock_.wall_now() + std::chrono::minutes{15}));
  }
  [[nodiscard]] Reply refusal(int status, const std::string& code, const std::string& message,
                              http::Headers headers = {}) const {
    return reply(status,
                 aws() ? "<ErrorResponse><Error><Type>Sender</Type><Code>" + code +
                             "</Code><Message>" + message +
                             "</Message></Error><RequestId>REQ-1</RequestId></ErrorResponse>"
                       : R"({"RequestId":"REQ-1","HostId":"sts","Code":")" + code +
                             R"(","Message":")" + message + "\"}",
                 std::move(headers));
  }
  [[nodiscard]] Reply refusal(Why why, const std::string& message = "why",
                              http::Headers headers = {}) const {
    const StsCode& code = speech().codes.at(why);
    return refusal(code.status, code.code, message, std::move(headers));
  }
  static Reply nobody() {
    Reply reply;
    reply.error = core::fail(core::ErrorKind::Unavailable, "connection refused");
    return reply;
  }

  [[nodiscard]] Form form(std::size_t request) const {
    return form_in(transport_.sent().at(request).body);
  }
  /// The action that a request names, in its form or in a header.
  [[nodiscard]] std::string action(std::size_t request) const {
    const std::string header = transport_.sent().at(request).header("x-acs-action");
    return header.empty() ? form(request)["Action"] : header;
  }
  /// The caller's own token that a request shows.
  [[nodiscard]] std::string callers_token(std::size_t request) const {
    const Sent sent = transport_.sent().at(request);
    switch (speech().dialect) {
      case cred::Dialect::Rpc:
        return form(request)["SecurityToken"];
      case cred::Dialect::Acs3:
        return sent.header("x-acs-security-token");
      case cred::Dialect::Aws:
        return sent.header("x-amz-security-token");
    }
    return {};
  }

  FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  FakeTransport transport_;
};

/// Runs the tests of a suite with the STS of each dialect.
#define FOR_EACH_STS(suite)                                                       \
  INSTANTIATE_TEST_SUITE_P(Sts, suite, ::testing::ValuesIn(test::sts_speeches()), \
                           [](const auto& row) { return std::string(row.param.name); })

}  // namespace test
