#include "emulator/metadata.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/text.h"

namespace emulator {
namespace {

constexpr std::string_view kSessionName = "i-stsfsemulator";  // ECS names sessions by instance
constexpr std::string_view kToken = "/latest/api/token";
constexpr std::string_view kMetaData = "/latest/meta-data/";
constexpr std::string_view kRoles = "ram/security-credentials";

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
  const auto token = request.header("x-aliyun-ecs-metadata-token");
  if (token ? !is_session_token(*token) : !weak_) {
    return token ? plain(401, "the metadata token is invalid or has expired\n")
                 : plain(403, "a metadata token is required: PUT /latest/api/token\n");
  }
  if (!core::equal_ignoring_case(path.substr(0, kMetaData.size()), kMetaData)) {
    return plain(404, "not found\n");
  }
  const std::string_view item = std::string_view(path).substr(kMetaData.size());
  if (core::equal_ignoring_case(item, "region-id")) {
    return plain(200, directory_.place.region);
  }
  if (core::equal_ignoring_case(item, "owner-account-id")) {
    return plain(200, directory_.place.account);
  }
  if (core::equal_ignoring_case(item.substr(0, kRoles.size()), kRoles)) {
    const auto rest = item.substr(kRoles.size());
    if (rest.empty() || rest == "/") {
      return plain(200, directory_.ecs_role);
    }
    if (rest.front() == '/' && core::equal_ignoring_case(rest.substr(1), directory_.ecs_role)) {
      return credentials();
    }
  }
  return plain(404, "not found\n");
}

Answer MetadataService::session_token(const RawRequest& request) const {
  constexpr std::int64_t kLongest = 21600;
  const auto ttl =
      parse_number(request.header("x-aliyun-ecs-metadata-token-ttl-seconds").value_or(""));
  if (!ttl || *ttl < 1 || *ttl > kLongest) {
    return plain(400, "X-aliyun-ecs-metadata-token-ttl-seconds must be 1 to 21600\n");
  }
  const std::string expires =
      std::to_string(core::unix_seconds(clock_.wall_now() + std::chrono::seconds{*ttl}));
  return plain(200, expires + "-" + keys_.mint().stamp("metadata", expires));
}

bool MetadataService::is_session_token(std::string_view token) const {
  const auto dash = token.find('-');
  const auto expires = parse_number(token.substr(0, dash));
  return dash != std::string_view::npos && expires &&
         core::equal_constant_time(keys_.mint().stamp("metadata", token.substr(0, dash)),
                                   token.substr(dash + 1)) &&
         core::unix_seconds(clock_.wall_now()) < *expires;
}

Answer MetadataService::credentials() {
  const core::WallTime now = clock_.wall_now();
  const Issued issued = current(now);
  nlohmann::ordered_json document;
  document["AccessKeyId"] = issued.access_key_id;
  document["AccessKeySecret"] = issued.access_key_secret.reveal();
  document["Expiration"] = core::format_iso8601(issued.expires);
  document["SecurityToken"] = issued.token.reveal();
  document["LastUpdated"] = core::format_iso8601(now);
  document["Code"] = "Success";
  return {200, "application/json", document.dump(2), {}};
}

Issued MetadataService::current(core::WallTime now) {
  const core::MutexLock lock(mutex_);
  const auto half_life = directory_.ecs_lifetime / 2;
  if (!issued_ || generation_ != keys_.generation() || now - issued_at_ >= half_life ||
      now < issued_at_) {
    generation_ = keys_.generation();
    issued_ = keys_.issue(*directory_.role(directory_.ecs_role), kSessionName, {},
                          directory_.ecs_lifetime, now);
    issued_at_ = now;
  }
  return *issued_;
}

}  // namespace emulator
