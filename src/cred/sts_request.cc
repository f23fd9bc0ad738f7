#include "cred/sts_request.h"

#include "core/format.h"
#include "core/random.h"
#include "cred/answers.h"
#include "cred/failure.h"
#include "sign/signer.h"

namespace cred {
namespace {

constexpr std::string_view kVersion = "2015-04-01";

/// ACS3 names the action in a header.
std::string take_action(std::vector<http::QueryParam>& parameters) {
  std::string action;
  std::erase_if(parameters, [&](http::QueryParam& parameter) {
    const bool found = parameter.name == "Action";
    if (found) {
      action = parameter.value.value_or("");
    }
    return found;
  });
  return action;
}

}  // namespace

std::string sts_endpoint(std::string_view region, bool vpc) {
  if (region.empty()) {
    return "https://sts.aliyuncs.com";
  }
  return core::format("https://sts{}.{}.aliyuncs.com", vpc ? "-vpc" : "", region);
}

std::vector<http::QueryParam> role_parameters(std::string_view action, const RoleRequest& role) {
  std::vector<http::QueryParam> parameters = {{"Action", std::string(action)},
                                              {"RoleArn", role.role_arn},
                                              {"RoleSessionName", role.session_name}};
  if (role.duration > core::Duration{0}) {
    parameters.push_back(
        {"DurationSeconds",
         std::to_string(std::chrono::ceil<std::chrono::seconds>(role.duration).count())});
  }
  if (!role.policy.empty()) {
    parameters.push_back({"Policy", role.policy});
  }
  return parameters;
}

http::Request sts_request(const http::Origin& endpoint, std::vector<http::QueryParam> parameters,
                          StsSigning signing, const sign::Credentials& caller, core::WallTime now) {
  http::Request request;
  request.method = "POST";
  request.origin = endpoint;
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  const std::string nonce = core::random_hex(16);
  if (signing == StsSigning::Acs3 && !caller.anonymous()) {
    const std::string action = take_action(parameters);
    const std::string form = form_of(parameters);
    request.body = http::text_body(form);
    sign::sign_acs3(request, {action, kVersion, nonce, form}, caller, now);
    return request;
  }
  request.body = http::text_body(
      form_of(sign::sign_rpc(request.method, std::move(parameters), caller, now, nonce)));
  return request;
}

Fetched granted(http::Response& answer, core::SteadyTime sent, const ServiceClock& clock,
                std::string_view what) {
  auto given = parse_credentials_json(answer.body, Completeness::Temporary, "STS", "Credentials");
  auto lease = given ? lease_of(*std::move(given), answer, sent, clock)
                     : core::Result<Lease>(std::move(given).error());
  if (!lease) {
    return transient(std::move(lease).error().within(what));
  }
  return *std::move(lease);
}

}  // namespace cred
