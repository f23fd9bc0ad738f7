#include "app/sign_url.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/format.h"
#include "core/text.h"
#include "options/usage.h"
#include "policy/documents.h"
#include "policy/url_rights.h"

namespace app {
namespace {

store::UrlMethod method_of(std::string_view word) {
  if (word == "put") {
    return store::UrlMethod::Put;
  }
  if (word == "head") {
    return store::UrlMethod::Head;
  }
  if (word == "post") {
    return store::UrlMethod::Post;
  }
  return word == "delete" ? store::UrlMethod::Delete : store::UrlMethod::Get;
}

/// "oss://BUCKET/KEY": the key is everything behind the first slash, and nothing in it is special.
core::Result<std::pair<Location, std::string>> object_of(const std::string& text) {
  const auto scheme = text.find("://");
  const auto slash = scheme == std::string::npos ? scheme : text.find('/', scheme + 3);
  if (slash == std::string::npos || slash + 1 == text.size()) {
    return options::usage(core::format("\"{}\" is no object: oss://BUCKET/KEY", text));
  }
  TRY_ASSIGN(Location location, parse_location(text.substr(0, slash)));
  return std::pair{std::move(location), text.substr(slash + 1)};
}

core::Result<std::uint64_t> traffic_limit(std::string_view text) {
  std::string_view size = text;
  if (size.ends_with("/s")) {
    size.remove_suffix(2);
  }
  const auto bytes = core::parse_size(size);
  if (!bytes || *bytes == 0) {
    return options::usage(
        core::format("--traffic-limit wants bytes a second, as in 100KiB/s, not \"{}\"", text));
  }
  return *bytes;
}

core::Status read_source(const options::Values& values, store::UrlRestrictions& limits) {
  const std::string source = values.text("source-ip");
  const auto slash = source.find('/');
  limits.source_ip = source.substr(0, slash);
  if (slash != std::string::npos) {
    const std::string_view digits = std::string_view(source).substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      return options::usage(
          core::format("--source-ip wants ADDRESS or ADDRESS/BITS, not \"{}\"", source));
    }
    limits.subnet_bits = bits;
  }
  if (values.given("subnet-mask")) {
    if (limits.subnet_bits) {
      return options::usage(
          "the network's size is said twice: in --source-ip and with --subnet-mask");
    }
    limits.subnet_bits = static_cast<unsigned>(values.count("subnet-mask"));
  }
  return {};
}

core::Result<std::vector<store::NamedValue>> headers_of(const options::Values& values) {
  std::vector<store::NamedValue> out;
  for (const std::string& text : values.list("header")) {
    const auto at = text.find(':');
    if (at == std::string::npos) {
      return options::usage(core::format("--header wants 'NAME: VALUE', not \"{}\"", text));
    }
    out.emplace_back(text.substr(0, at), core::trim(std::string_view(text).substr(at + 1)));
  }
  return out;
}

std::vector<store::NamedValue> parameters_of(const options::Values& values) {
  std::vector<store::NamedValue> out;
  for (const std::string& text : values.list("query")) {
    const auto at = text.find('=');
    out.emplace_back(text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1));
  }
  return out;
}

/// What a shell takes for `text` and nothing else.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + '\'';
}

/// curl would tidy such a path up.
bool has_dot_segment(std::string_view url) {
  const std::string_view path = url.substr(0, url.find('?'));
  for (const std::string_view segment : core::split(path, '/')) {
    if (segment == "." || segment == "..") {
      return true;
    }
  }
  return false;
}

}  // namespace

core::Result<SignUrlSettings> sign_url_settings(const options::Values& values,
                                                const options::Environment& environment) {
  SignUrlSettings settings;
  if (values.text("method").empty() || values.text("object").empty()) {
    return options::usage("stsfs sign-url get|put|head|delete|post oss://BUCKET/KEY");
  }
  if (values.flag("curl") && values.flag("json")) {
    return options::usage("--curl and --json are two answers to one question");
  }
  store::UrlRequest& request = settings.request;
  request.method = method_of(values.text("method"));
  TRY_ASSIGN(auto object, object_of(values.text("object")));
  request.key = model::ObjectKey(object.second);
  request.lifetime = values.duration("expires");
  request.version_id = values.text("version-id");
  TRY_ASSIGN(request.headers, headers_of(values));
  request.parameters = parameters_of(values);
  if (const std::string limit = values.text("traffic-limit"); !limit.empty()) {
    TRY_ASSIGN(request.restrictions.bytes_per_second, traffic_limit(limit));
  }
  TRY(read_source(values, request.restrictions));
  request.restrictions.vpc_id = values.text("vpc-id");
  request.restrictions.trust_forwarded_for = values.flag("forward-allow");
  TRY(store::check_url_request(request));
  TRY_ASSIGN(settings.service, service_settings(values, environment, object.first));
  if (values.text("session-policy") == "auto") {
    // The token travels in the URL; it is to be good for nothing else.
    const policy::Grammar& grammar = object.first.grammar();
    auto policy = policy::as_session_policy(
        policy::objects_policy(grammar, policy::rights_for(grammar, object.first.bucket, request)));
    if (!policy) {
      return options::usage("--session-policy auto: " + policy.error().message);
    }
    settings.service.source.role.policy = *std::move(policy);
  }
  return settings;
}

std::string curl_command(store::UrlMethod method, const store::SignedUrl& signed_url) {
  std::string out = "curl --fail";
  switch (method) {
    case store::UrlMethod::Head:
      out += " --head";  // -X HEAD would wait for a body
      break;
    case store::UrlMethod::Put:
    case store::UrlMethod::Post:
      // As data curl would give it a type that nobody signed.
      out += " -X " + std::string(to_string(method)) + " --upload-file FILE";
      break;
    case store::UrlMethod::Get:
    case store::UrlMethod::Delete:
      out += " -X " + std::string(to_string(method));
  }
  for (const auto& [name, value] : signed_url.headers) {
    out += " -H ";
    out += shell_quoted(value.empty() ? name + ';' : core::format("{}: {}", name, value));
  }
  if (has_dot_segment(signed_url.url)) {
    out += " --path-as-is";
  }
  if (signed_url.url.find('[') != std::string::npos) {
    out += " --globoff";
  }
  return out + ' ' + shell_quoted(signed_url.url);
}

std::string as_json(store::UrlMethod method, const store::SignedUrl& signed_url) {
  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  document["url"] = signed_url.url;
  document["method"] = to_string(method);
  document["expires_at"] = core::format_iso8601(signed_url.expires);
  document["limited_by"] = signed_url.limited_by_token ? "token" : "url";
  document["headers"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : signed_url.headers) {
    document["headers"][name] = value;
  }
  return document.dump();
}

}  // namespace app
