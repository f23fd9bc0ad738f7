#include "emulator/account/directory.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "emulator/account/text_file.h"
#include "emulator/account/tokens.h"

namespace emulator {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Status;
using nlohmann::json;

constexpr std::string_view kAllowAll =
    R"({"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})";
constexpr std::string_view kAllowOss =
    R"({"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]})";

Status only(const json& object, std::initializer_list<std::string_view> names,
            std::string_view what) {
  if (!object.is_object()) {
    return fail(ErrorKind::InvalidArgument, std::string(what) + " must be an object");
  }
  for (const auto& [name, value] : object.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return fail(ErrorKind::InvalidArgument,
                  "unknown setting '" + name + "' in " + std::string(what));
    }
  }
  return {};
}

/// A string setting: `fallback` where it is absent.
Result<std::string> text_of(const json& object, const std::string& name, std::string fallback) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return fallback;
  }
  if (!found->is_string() || found->get_ref<const std::string&>().empty()) {
    return fail(ErrorKind::InvalidArgument, "'" + name + "' must be a string that is not empty");
  }
  return found->get<std::string>();
}
Result<std::string> required(const json& object, const std::string& name) {
  if (!object.contains(name)) {
    return fail(ErrorKind::InvalidArgument, "'" + name + "' is missing");
  }
  return text_of(object, name, {});
}

Result<bool> flag_of(const json& object, const std::string& name, bool fallback) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return fallback;
  }
  if (!found->is_boolean()) {
    return fail(ErrorKind::InvalidArgument, "'" + name + "' must be true or false");
  }
  return found->get<bool>();
}

/// "1h" or a number of seconds.
Result<core::Duration> duration_of(const json& object, const std::string& name,
                                   core::Duration fallback) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return fallback;
  }
  std::optional<core::Duration> duration;
  if (found->is_string()) {
    duration = core::parse_duration(found->get<std::string>());
  } else if (found->is_number_unsigned() && found->get<std::uint64_t>() <= 1'000'000'000) {
    duration = std::chrono::seconds{found->get<std::int64_t>()};
  }
  if (!duration || *duration < std::chrono::seconds{1}) {
    return fail(ErrorKind::InvalidArgument, "'" + name + "' must be a duration of 1s or more");
  }
  return *duration;
}

Result<json> list_of(const json& object, const std::string& name) {
  json list = object.value(name, json::array());
  if (!list.is_array()) {
    return fail(ErrorKind::InvalidArgument, "'" + name + "' must be a list");
  }
  return list;
}

Result<std::shared_ptr<const Policy>> policy_of(std::string_view document, const Place& place) {
  TRY_ASSIGN(Policy policy, Policy::parse(document, place));
  return std::make_shared<const Policy>(std::move(policy));
}

Result<std::vector<std::shared_ptr<const Policy>>> policies_of(const json& object,
                                                               const Place& place) {
  TRY_ASSIGN(const json list, list_of(object, "policies"));
  std::vector<std::shared_ptr<const Policy>> policies;
  for (const auto& document : list) {
    TRY_ASSIGN(auto policy, policy_of(document.dump(), place));
    policies.push_back(std::move(policy));
  }
  return policies;
}

std::string arn_of(const Place& place, std::string_view kind, std::string_view name) {
  return "acs:ram::" + place.account + ":" + std::string(kind) + "/" + std::string(name);
}

Result<User> make_user(const json& item, const Place& place) {
  TRY(only(item, {"name", "access_key_id", "access_key_secret", "active", "policies"}, "a user"));
  User user;
  TRY_ASSIGN(user.name, required(item, "name"));
  user.arn = arn_of(place, "user", user.name);
  TRY_ASSIGN(user.access_key_id, required(item, "access_key_id"));
  TRY_ASSIGN(std::string secret, required(item, "access_key_secret"));
  user.access_key_secret = core::Secret(std::move(secret));
  TRY_ASSIGN(user.active, flag_of(item, "active", true));
  Grants grants;
  TRY_ASSIGN(grants.own, policies_of(item, place));
  user.grants = std::make_shared<const Grants>(std::move(grants));
  if (TokenMint::is_temporary(user.access_key_id)) {
    return fail(ErrorKind::InvalidArgument,
                "ids that begin with STS. or ASIA belong to temporary keys");
  }
  return user;
}

Result<Role> make_role(const json& item, const Place& place, core::Duration max_duration) {
  TRY(only(item, {"name", "max_session_duration", "trust_policy", "policies"}, "a role"));
  Role role;
  TRY_ASSIGN(role.name, required(item, "name"));
  role.arn = arn_of(place, "role", role.name);
  role.id = stable_id(role.arn);
  TRY_ASSIGN(role.max_duration, duration_of(item, "max_session_duration", max_duration));
  const std::string trust = item.contains("trust_policy")
                                ? item["trust_policy"].dump()
                                : TrustPolicy::default_document(place.account);
  TRY_ASSIGN(role.trust, TrustPolicy::parse(trust));
  TRY_ASSIGN(role.policies, policies_of(item, place));
  return role;
}

Result<OidcProvider> make_provider(const json& item, const Place& place) {
  TRY(only(item, {"name", "issuer", "client_ids", "jwks_file"}, "an OIDC provider"));
  OidcProvider provider;
  TRY_ASSIGN(provider.name, required(item, "name"));
  provider.arn = arn_of(place, "oidc-provider", provider.name);
  TRY_ASSIGN(provider.issuer, required(item, "issuer"));
  if (item.contains("client_ids")) {
    TRY_ASSIGN(provider.client_ids, string_list(item["client_ids"], "client_ids"));
  }
  TRY_ASSIGN(const std::string path, required(item, "jwks_file"));
  TRY_ASSIGN(const std::string document, read_text_file(path));
  TRY_ASSIGN(provider.keys, JsonWebKeys::parse(document));
  return provider;
}

std::string seed_policy(const std::vector<std::string>& buckets) {
  json resources = json::array();
  for (const auto& bucket : buckets) {
    resources.push_back("acs:oss:*:*:" + bucket);
    resources.push_back("acs:oss:*:*:" + bucket + "/*");
  }
  if (resources.empty()) {
    resources.push_back("acs:oss:*:*:");  // matches nothing
  }
  json statement;
  statement["Effect"] = "Allow";
  statement["Action"] = json::array({"oss:PutObject", "oss:GetObject"});
  statement["Resource"] = resources;
  json policy;
  policy["Version"] = "1";
  policy["Statement"] = json::array({statement});
  return policy.dump();
}

/// An entry as the config file would have it.
json entry(const std::string& name, std::string_view policy) {
  json item;
  item["name"] = name;
  item["policies"] = json::array({json::parse(policy)});
  return item;
}

Result<std::vector<std::string>> buckets_of(const json& config, const AuthorityOptions& options) {
  std::vector<std::string> buckets = options.buckets;
  if (config.contains("buckets")) {
    TRY_ASSIGN(const auto more, string_list(config["buckets"], "buckets"));
    for (const auto& bucket : more) {
      if (std::find(buckets.begin(), buckets.end(), bucket) == buckets.end()) {
        buckets.push_back(bucket);
      }
    }
  }
  return buckets;
}

Status add_built_in(Directory& directory, const json& config, const AuthorityState& state,
                    core::Duration max_duration) {
  TRY_ASSIGN(const auto user_name, text_of(config, "user_name", "stsfs"));
  TRY_ASSIGN(const auto key_id, text_of(config, "access_key_id", state.access_key_id));
  TRY_ASSIGN(const auto secret,
             text_of(config, "access_key_secret", std::string(state.access_key_secret.reveal())));
  json base_entry = entry(user_name, kAllowAll);
  base_entry["access_key_id"] = key_id;
  base_entry["access_key_secret"] = secret;
  TRY_ASSIGN(User base, make_user(base_entry, directory.place));
  directory.users.push_back(std::move(base));

  TRY_ASSIGN(const auto full_name, text_of(config, "role_name", "stsfs-full"));
  TRY_ASSIGN(const auto seed_name, text_of(config, "seed_role_name", "stsfs-seed"));
  TRY_ASSIGN(Role full, make_role(entry(full_name, kAllowOss), directory.place, max_duration));
  TRY_ASSIGN(Role seed, make_role(entry(seed_name, seed_policy(directory.buckets)), directory.place,
                                  max_duration));
  directory.roles.push_back(std::move(full));
  directory.roles.push_back(std::move(seed));
  return {};
}

/// No two entries may answer to the same name or key.
Status check_unique(const Directory& directory) {
  for (const auto& user : directory.users) {
    if (directory.user_by_key(user.access_key_id) != &user) {
      return fail(ErrorKind::InvalidArgument, "two users have the key id " + user.access_key_id);
    }
  }
  for (const auto& role : directory.roles) {
    if (directory.role(role.name) != &role) {
      return fail(ErrorKind::InvalidArgument, "two roles have the name " + role.name);
    }
  }
  return {};
}

Result<Directory> build(const json& config, const AuthorityOptions& options,
                        const AuthorityState& state) {
  TRY(only(config,
           {"account", "buckets", "user_name", "access_key_id", "access_key_secret", "role_name",
            "seed_role_name", "max_session_duration", "ecs_role", "ecs_lifetime", "any_region",
            "users", "roles", "oidc_providers"},
           "the configuration"));
  Directory directory;
  directory.place.region = options.region;
  TRY_ASSIGN(directory.place.account, text_of(config, "account", "1750000000000000"));
  TRY_ASSIGN(const auto max_duration,
             duration_of(config, "max_session_duration", std::chrono::hours{1}));
  TRY_ASSIGN(directory.buckets, buckets_of(config, options));
  TRY(add_built_in(directory, config, state, max_duration));

  TRY_ASSIGN(const json users, list_of(config, "users"));
  for (const auto& item : users) {
    TRY_ASSIGN(User user, make_user(item, directory.place));
    directory.users.push_back(std::move(user));
  }
  TRY_ASSIGN(const json roles, list_of(config, "roles"));
  for (const auto& item : roles) {
    TRY_ASSIGN(Role role, make_role(item, directory.place, max_duration));
    directory.roles.push_back(std::move(role));
  }
  TRY_ASSIGN(const json providers, list_of(config, "oidc_providers"));
  for (const auto& item : providers) {
    TRY_ASSIGN(OidcProvider provider, make_provider(item, directory.place));
    directory.providers.push_back(std::move(provider));
  }
  TRY(check_unique(directory));

  TRY_ASSIGN(directory.ecs_role, text_of(config, "ecs_role", directory.full_role().name));
  const Role* ecs_role = directory.role(directory.ecs_role);
  if (ecs_role == nullptr) {
    return fail(ErrorKind::InvalidArgument, "'ecs_role' names no role: " + directory.ecs_role);
  }
  TRY_ASSIGN(directory.ecs_lifetime, duration_of(config, "ecs_lifetime", ecs_role->max_duration));
  TRY_ASSIGN(directory.any_region, flag_of(config, "any_region", false));
  return directory;
}

}  // namespace

std::string stable_id(std::string_view name) {
  std::uint64_t number = 0;
  for (const char c : core::sha256(name).substr(0, 8)) {
    number = number << 8U | static_cast<unsigned char>(c);
  }
  constexpr std::uint64_t kSeventeenDigits = 100'000'000'000'000'000;
  return std::to_string(3 * kSeventeenDigits + number % kSeventeenDigits);
}

Result<Directory> Directory::load(const AuthorityOptions& options, const AuthorityState& state) {
  if (options.config_file.empty()) {
    return build(json::object(), options, state);
  }
  TRY_ASSIGN(const std::string text, read_text_file(options.config_file));
  const json config = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (config.is_discarded()) {
    return fail(ErrorKind::InvalidArgument, options.config_file + " is not JSON");
  }
  auto directory = build(config, options, state);
  if (!directory) {
    return std::move(directory).error().within(options.config_file);
  }
  return directory;
}

const User* Directory::user_by_key(std::string_view access_key_id) const {
  const auto found = std::find_if(users.begin(), users.end(), [access_key_id](const User& user) {
    return user.access_key_id == access_key_id;
  });
  return found == users.end() ? nullptr : &*found;
}

const Role* Directory::role(std::string_view name) const {
  const auto found = std::find_if(roles.begin(), roles.end(),
                                  [name](const Role& candidate) { return candidate.name == name; });
  return found == roles.end() ? nullptr : &*found;
}

const OidcProvider* Directory::provider(std::string_view arn) const {
  const auto found =
      std::find_if(providers.begin(), providers.end(),
                   [arn](const OidcProvider& candidate) { return candidate.arn == arn; });
  return found == providers.end() ? nullptr : &*found;
}

}  // namespace emulator
