#include "emulator/account/metadata.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/text.h"

namespace emulator {
namespace {

constexpr std::string_view kSessionName = "i-stsfsemulator";  // ECS names sessions by instance
constexpr std::string_view kToken = "/latest/api/token";
constexpr std::string_view kMetaData = "/latest/meta-data/";
constexpr std::string_view kEc2Document = "/latest/dynamic/instance-identity/document";

/// How a cloud calls things.
struct Words {
  std::string_view token;
  std::string_view token_life;
  std::string_view roles;
  std::string_view stamp;  ///< a token of one cloud is none of the other
};
constexpr Words kEcs = {"x-aliyun-ecs-metadata-token", "x-aliyun-ecs-metadata-token-ttl-seconds",
                        "ram/security-credentials", "metadata"};
constexpr Words kEc2 = {"x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds",
                        "iam/security-credentials", "imds"};

const Words& words_of(Dialect cloud) { return cloud == Dialect::Oss ? kEcs : kEc2; }

Dialect cloud_of(const RawRequest& request, std::string_view path) {
  for (const Dialect cloud : {Dialect::Oss, Dialect::S3}) {
    if (request.header(words_of(cloud).token) || request.header(words_of(cloud).token_life)) {
      return cloud;
    }
  }
  const bool ec2 = path == kEc2Document || path.starts_with("/latest/meta-data/iam/") ||
                   path.starts_with("/latest/meta-data/placement/");
  return ec2 ? Dialect::S3 : Dialect::Oss;
}

Answer plain(int status, std::string body) {
  return {status, "text/plain; charset=utf-8", std::move(body), {}};
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

}  // namespace

Answer MetadataService::answer(const RawRequest& request) {
  const std::string path = core::percent_decode(request.raw_path);
  if (core::equal_ignoring_case(path, kToken)) {
    return request.method == "PUT" ? session_token(request) : plain(405, "use PUT\n");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return plain(405, "use GET\n");
  }
  const Dialect cloud = cloud_of(request, path);
  const auto token = request.header(words_of(cloud).token);
  if (token && !is_session_token(cloud, *token)) {
    return plain(401, "the metadata token is invalid or has expired\n");
  }
  if (!token && !weak_) {
    // EC2 has 401 for both.
    return plain(cloud == Dialect::Oss ? 403 : 401,
                 "a metadata token is required: PUT /latest/api/token\n");
  }
  return item(cloud, path);
}

Answer MetadataService::item(Dialect cloud, std::string_view path) {
  if (cloud == Dialect::S3 && path == kEc2Document) {
    nlohmann::ordered_json document;
    document["accountId"] = directory_.place.account;
    document["instanceId"] = kSessionName;
    document["region"] = directory_.place.region;
    return {200, "text/plain", document.dump(2), {}};
  }
  if (!core::equal_ignoring_case(path.substr(0, kMetaData.size()), kMetaData)) {
    return plain(404, "not found\n");
  }
  const std::string_view name = path.substr(kMetaData.size());
  if (core::equal_ignoring_case(name, cloud == Dialect::Oss ? "region-id" : "placement/region")) {
    return plain(200, directory_.place.region);
  }
  if (cloud == Dialect::Oss && core::equal_ignoring_case(name, "owner-account-id")) {
    return plain(200, directory_.place.account);
  }
  const std::string_view roles = words_of(cloud).roles;
  if (core::equal_ignoring_case(name.substr(0, roles.size()), roles)) {
    const auto rest = name.substr(roles.size());
    if (rest.empty() || rest == "/") {
      return plain(200, directory_.ecs_role);
    }
    if (rest.front() == '/' && core::equal_ignoring_case(rest.substr(1), directory_.ecs_role)) {
      return cloud == Dialect::Oss ? ecs_credentials() : ec2_credentials();
    }
  }
  return plain(404, "not found\n");
}

Answer MetadataService::session_token(const RawRequest& request) const {
  constexpr std::int64_t kLongest = 21600;
  const Words& words = words_of(cloud_of(request, {}));
  const auto ttl = parse_number(request.header(words.token_life).value_or(""));
  if (!ttl || *ttl < 1 || *ttl > kLongest) {
    return plain(400, std::string(words.token_life) + " must be 1 to 21600\n");
  }
  const std::string expires =
      std::to_string(core::unix_seconds(clock_.wall_now() + std::chrono::seconds{*ttl}));
  Answer answer = plain(200, expires + "-" + keys_.mint().stamp(words.stamp, expires));
  answer.headers.emplace_back(words.token_life, std::to_string(*ttl));
  return answer;
}

bool MetadataService::is_session_token(Dialect cloud, std::string_view token) const {
  const auto dash = token.find('-');
  const auto expires = parse_number(token.substr(0, dash));
  return dash != std::string_view::npos && expires &&
         core::equal_constant_time(keys_.mint().stamp(words_of(cloud).stamp, token.substr(0, dash)),
                                   token.substr(dash + 1)) &&
         core::unix_seconds(clock_.wall_now()) < *expires;
}

Answer MetadataService::ecs_credentials() {
  const core::WallTime now = clock_.wall_now();
  const Issued issued = current(Dialect::Oss, now);
  nlohmann::ordered_json document;
  document["AccessKeyId"] = issued.access_key_id;
  document["AccessKeySecret"] = issued.access_key_secret.reveal();
  document["Expiration"] = core::format_iso8601(issued.expires);
  document["SecurityToken"] = issued.token.reveal();
  document["LastUpdated"] = core::format_iso8601(now);
  document["Code"] = "Success";
  return {200, "application/json", document.dump(2), {}};
}

Answer MetadataService::ec2_credentials() {
  const core::WallTime now = clock_.wall_now();
  const Issued issued = current(Dialect::S3, now);
  nlohmann::ordered_json document;
  document["Code"] = "Success";
  document["LastUpdated"] = core::format_iso8601(now);
  document["Type"] = "AWS-HMAC";
  document["AccessKeyId"] = issued.access_key_id;
  document["SecretAccessKey"] = issued.access_key_secret.reveal();
  document["Token"] = issued.token.reveal();
  document["Expiration"] = core::format_iso8601(issued.expires);
  return {200, "text/plain", document.dump(2), {}};  // which is what EC2 calls it
}

Issued MetadataService::current(Dialect cloud, core::WallTime now) {
  const core::MutexLock lock(mutex_);
  Held& held = cloud == Dialect::Oss ? ecs_ : ec2_;
  const auto half_life = directory_.ecs_lifetime / 2;
  if (!held.issued || held.generation != keys_.generation() || now - held.issued_at >= half_life ||
      now < held.issued_at) {
    held.generation = keys_.generation();
    held.issued = keys_.issue(*directory_.role(directory_.ecs_role), kSessionName, {},
                              directory_.ecs_lifetime, now, cloud);
    held.issued_at = now;
  }
  return *held.issued;
}

}  // namespace emulator
