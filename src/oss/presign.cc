// Signed URLs: one request that somebody else sends.
#include <arpa/inet.h>

#include <array>

#include "core/format.h"
#include "core/text.h"
#include "oss/oss_store.h"
#include "store/signed_url.h"

namespace oss {
namespace {

using core::ErrorKind;

core::Error refused(std::string why) {
  return core::fail(ErrorKind::InvalidArgument, std::move(why));
}

/// How many bits an address has; 0 where it is none.
unsigned bits_of(const std::string& address) {
  constexpr unsigned kV4 = 32;
  constexpr unsigned kV6 = 128;
  std::array<unsigned char, 16> parsed{};
  if (::inet_pton(AF_INET, address.c_str(), parsed.data()) == 1) {
    return kV4;
  }
  return ::inet_pton(AF_INET6, address.c_str(), parsed.data()) == 1 ? kV6 : 0;
}

/// Source: OSS, "Single-connection bandwidth throttling": 819,200 to 838,860,800 bit/s.
core::Status check_traffic(const store::UrlRequest& request) {
  constexpr std::uint64_t kLeast = 100ULL << 10U;
  constexpr std::uint64_t kMost = 100ULL << 20U;
  const std::uint64_t limit = request.restrictions.bytes_per_second;
  if (limit == 0) {
    return {};
  }
  if (limit < kLeast || limit > kMost) {
    return refused(core::format("a traffic limit of {}/s: the service takes {}/s to {}/s",
                                core::format_size(limit), core::format_size(kLeast),
                                core::format_size(kMost)));
  }
  if (request.method == store::UrlMethod::Head || request.method == store::UrlMethod::Delete) {
    return refused("a traffic limit is for get, put and post");
  }
  return {};
}

core::Status check_place(const store::UrlRestrictions& limits) {
  if (limits.source_ip.empty()) {
    return limits.subnet_bits ? refused(
                                    "a subnet mask belongs to a source address, and there is "
                                    "none")
                              : core::Status();
  }
  const unsigned bits = bits_of(limits.source_ip);
  if (bits == 0) {
    return refused(core::format("\"{}\" is no IP address", limits.source_ip));
  }
  if (limits.subnet_bits && *limits.subnet_bits > bits) {
    return refused(core::format("a subnet mask of {} bits: {} has {}", *limits.subnet_bits,
                                limits.source_ip, bits));
  }
  return {};
}

core::Status check_dialect(const store::UrlRequest& request, const Traits& traits,
                           sign::Scheme scheme) {
  constexpr core::Duration kLongestV4 = std::chrono::hours{24 * 7};
  if (scheme != sign::Scheme::OssV1 && request.lifetime > kLongestV4) {
    return refused("signature version 4 signs for 7 days (168h) at most");
  }
  if (traits.dialect == Dialect::S3) {
    return request.restrictions.any()
               ? core::fail(ErrorKind::Unsupported,
                            "S3 knows no limits of traffic, address or VPC in a URL")
               : core::Status();
  }
  if (request.key.text().starts_with('/') || request.key.text().starts_with('\\')) {
    return refused(core::format("the key \"{}\" begins with a slash, which OSS does not allow",
                                request.key.text()));
  }
  for (const auto& [name, value] : request.headers) {
    if (core::equal_ignoring_case(name, "x-oss-traffic-limit")) {
      return refused("a traffic limit of a URL is a parameter, not a header");
    }
  }
  TRY(check_traffic(request));
  return check_place(request.restrictions);
}

/// Source: OSS, "Include signatures in URLs".
void add_restrictions(std::vector<http::QueryParam>& query, const store::UrlRestrictions& limits) {
  constexpr std::uint64_t kBitsPerByte = 8;
  const auto add = [&](const char* name, std::string value) {
    query.push_back({name, std::move(value)});
  };
  if (limits.bytes_per_second > 0) {
    add("x-oss-traffic-limit", std::to_string(limits.bytes_per_second * kBitsPerByte));
  }
  if (!limits.source_ip.empty()) {
    add("x-oss-ac-source-ip", limits.source_ip);
  }
  if (limits.subnet_bits) {
    add("x-oss-ac-subnet-mask", std::to_string(*limits.subnet_bits));
  }
  if (!limits.vpc_id.empty()) {
    add("x-oss-ac-vpc-id", limits.vpc_id);
  }
  if (limits.trust_forwarded_for) {
    add("x-oss-ac-forward-allow", "true");
  }
}

}  // namespace

core::Result<store::SignedUrl> OssStore::presign(const core::OpContext& context,
                                                 const store::UrlRequest& request) {
  TRY(store::check_url_request(request));
  TRY(check_dialect(request, client_.traits(), client_.scheme()));
  Call call = client_.call(Operation::HeadObject, std::string(to_string(request.method)),
                           request.key.text());
  for (const auto& [name, value] : request.headers) {
    call.request.headers.add(name, value);
  }
  auto& query = call.request.query;
  if (!request.version_id.empty()) {
    query.push_back({"versionId", request.version_id});
  }
  for (const auto& [name, value] : request.parameters) {
    query.push_back({name, value.empty() ? std::nullopt : std::optional(value)});
  }
  add_restrictions(query, request.restrictions);
  for (const http::QueryParam& parameter : query) {
    if (parameter.name == "x-oss-traffic-limit" && request.restrictions.bytes_per_second == 0) {
      return refused("the parameter x-oss-traffic-limit is said as a traffic limit");
    }
  }
  return client_.sign_url(context, std::move(call), request.lifetime);
}

core::Result<store::SignedUrl> Client::sign_url(const core::OpContext& context, Call call,
                                                core::Duration lifetime) {
  if (context.stopped()) {
    return core::fail(ErrorKind::Cancelled, "stopped");
  }
  TRY_ASSIGN(const auto held, world_.credentials.get(context));
  const cred::Lease& lease = held->lease;
  if (lease.credentials.anonymous()) {
    return core::fail(ErrorKind::Unauthenticated,
                      "without credentials there is nothing to sign a URL with");
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(lifetime);
  const core::SteadyTime now = world_.clock.steady_now();
  const core::WallTime signed_at = world_.clock.wall_now() + world_.credentials.clock_offset();
  store::SignedUrl result;
  // The signature holds whole seconds of the service's clock.
  result.expires = core::wall_from_unix(core::unix_seconds(signed_at)) + seconds;
  if (lease.expires && signed_at + (*lease.expires - now) < result.expires) {
    result.expires = signed_at + (*lease.expires - now);
    result.limited_by_token = true;
  }
  std::vector<std::string> names;
  for (const auto& field : call.request.headers.fields()) {
    if (sign::covers_header(scheme_, field.first)) {
      names.push_back(field.first);
      result.headers.push_back(field);
    } else {
      result.not_covered.push_back(field.first);
    }
  }
  for (const http::QueryParam& parameter : call.request.query) {
    if (!sign::covers_parameter(scheme_, parameter.name)) {
      result.not_covered.push_back(parameter.name);
    }
  }
  const sign::Scope scope = scope_of(call);
  sign::sign_query(call.request, lease.credentials, scheme_, scope, signed_at, seconds, names);
  const http::Origin& origin = call.request.origin;
  result.url = origin.scheme + "://" + origin.authority() + call.request.target();
  return result;
}

}  // namespace oss
