#include "cred/cli_profile.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/format.h"
#include "core/log.h"
#include "core/text.h"
#include "cred/json_fault.h"
#include "cred/validate.h"

namespace cred {
namespace {

using nlohmann::json;

core::Error invalid(std::string message) {
  return core::fail(core::ErrorKind::InvalidArgument, std::move(message));
}

/// A name out of the file, fit for a message.
std::string shown(std::string_view text) { return core::escape_for_log(text.substr(0, 80)); }

std::size_t faulty_line(std::string_view text) {
  const std::string_view before = before_json_fault(text);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

/// The whole file while one of its profiles is looked for.
class Profiles {
 public:
  explicit Profiles(json& document) : document_(document) {}

  core::Result<SourceSpec> find(const std::string& name) {
    if (std::find(way_.begin(), way_.end(), name) != way_.end()) {
      std::string ring;
      for (const std::string& hop : way_) {
        ring += shown(hop) + " -> ";
      }
      return invalid(core::format("source_profile goes in a circle: {}{}", ring, shown(name)));
    }
    way_.push_back(name);
    const auto list = document_.find("profiles");
    if (list == document_.end() || !list->is_array()) {
      return invalid("it has no list of \"profiles\"");
    }
    for (json& profile : *list) {
      const json* const said = profile.is_object() ? &profile["name"] : nullptr;
      if (said != nullptr && said->is_string() && said->get_ref<const std::string&>() == name) {
        auto spec = read(profile);
        if (!spec) {
          return std::move(spec).error().within(core::format("profile '{}'", shown(name)));
        }
        return spec;
      }
    }
    return core::fail(core::ErrorKind::NotFound,
                      core::format("there is no profile '{}' in it", shown(name)));
  }

 private:
  /// The text field of that name, empty if there is none.
  static core::Result<std::string> take(json& profile, const char* field) {
    const auto found = profile.find(field);
    if (found == profile.end() || found->is_null()) {
      return std::string();
    }
    const auto* const text = found->get_ptr<const std::string*>();
    if (text == nullptr) {
      return invalid(core::format("{} is no text", field));
    }
    return *text;
  }
  static core::Result<std::string> require(json& profile, const char* field,
                                           std::string_view mode) {
    TRY_ASSIGN(std::string text, take(profile, field));
    if (text.empty()) {
      return invalid(core::format("{} is missing, which mode {} needs", field, mode));
    }
    return text;
  }

  static core::Result<core::Duration> duration(json& profile) {
    const auto found = profile.find("expired_seconds");
    if (found == profile.end() || found->is_null()) {
      return core::Duration{0};
    }
    if (!found->is_number_integer() || found->get<std::int64_t>() < 0 ||
        found->get<std::int64_t>() > 86'400) {
      return invalid("expired_seconds is no number of seconds");
    }
    return std::chrono::seconds{found->get<std::int64_t>()};
  }

  static core::Result<StsPlace> sts(json& profile) {
    StsPlace place;
    TRY_ASSIGN(place.endpoint, take(profile, "sts_endpoint"));
    TRY_ASSIGN(place.region, take(profile, "sts_region"));
    const auto vpc = profile.find("enable_vpc");
    if (vpc != profile.end() && !vpc->is_null() && !vpc->is_boolean()) {
      return invalid("enable_vpc is neither true nor false");
    }
    place.vpc = vpc != profile.end() && vpc->is_boolean() && vpc->get<bool>();
    return place;
  }

  static core::Result<GivenCredentials> keys(json& profile, bool temporary) {
    const std::string_view mode = temporary ? "StsToken" : "AK";
    GivenCredentials given;
    TRY_ASSIGN(given.credentials.access_key_id, require(profile, "access_key_id", mode));
    TRY_ASSIGN(auto secret, require(profile, "access_key_secret", mode));
    given.credentials.access_key_secret = core::Secret(std::move(secret));
    TRY_ASSIGN(auto token,
               temporary ? require(profile, "sts_token", mode) : take(profile, "sts_token"));
    given.credentials.token = core::Secret(std::move(token));
    TRY(validate(given.credentials));
    if (temporary) {
      const auto end = profile.find("sts_expiration");
      if (end != profile.end() && end->is_number_integer() && end->get<std::int64_t>() > 0) {
        given.expiration = core::wall_from_unix(end->get<std::int64_t>());
      }
    }
    return given;
  }

  static core::Status read_terms(json& profile, std::string_view mode, RoleTerms& terms) {
    TRY_ASSIGN(terms.role_arn, require(profile, "ram_role_arn", mode));
    TRY_ASSIGN(terms.session_name, take(profile, "ram_session_name"));
    TRY_ASSIGN(terms.policy, take(profile, "policy"));
    TRY_ASSIGN(terms.duration, duration(profile));
    return {};
  }
  static core::Status read_role(json& profile, std::string_view mode, RoleSpec& spec) {
    TRY(read_terms(profile, mode, spec.role));
    TRY_ASSIGN(spec.role.external_id, take(profile, "external_id"));
    TRY_ASSIGN(spec.sts, sts(profile));
    return {};
  }

  static core::Result<SourceSpec> access_key(Profiles& /*all*/, json& profile) {
    TRY_ASSIGN(auto given, keys(profile, false));
    return SourceSpec{std::move(given)};
  }
  static core::Result<SourceSpec> sts_token(Profiles& /*all*/, json& profile) {
    TRY_ASSIGN(auto given, keys(profile, true));
    return SourceSpec{std::move(given)};
  }
  static core::Result<SourceSpec> ram_role(Profiles& /*all*/, json& profile) {
    RoleSpec spec;
    TRY(read_role(profile, "RamRoleArn", spec));
    TRY_ASSIGN(auto given, keys(profile, false));
    spec.base = std::make_shared<SourceSpec>(SourceSpec{std::move(given)});
    return SourceSpec{std::move(spec)};
  }
  static core::Result<SourceSpec> chained_role(Profiles& all, json& profile) {
    RoleSpec spec;
    TRY(read_role(profile, "ChainableRamRoleArn", spec));
    TRY_ASSIGN(const std::string source, require(profile, "source_profile", "ChainableRamRoleArn"));
    auto base = all.find(source);
    if (!base) {
      core::Error error = std::move(base).error();
      error.kind = core::ErrorKind::InvalidArgument;  // it is this profile that is wrong
      return std::move(error).within("source_profile");
    }
    spec.base = std::make_shared<SourceSpec>(*std::move(base));
    return SourceSpec{std::move(spec)};
  }
  static core::Result<SourceSpec> ecs(Profiles& /*all*/, json& profile) {
    TRY_ASSIGN(auto name, take(profile, "ram_role_name"));
    return SourceSpec{EcsSpec{std::move(name)}};
  }
  static core::Result<SourceSpec> oidc(Profiles& /*all*/, json& profile) {
    OidcSpec spec;
    TRY(read_terms(profile, "OIDC", spec.request));
    TRY_ASSIGN(spec.request.provider_arn, require(profile, "oidc_provider_arn", "OIDC"));
    TRY_ASSIGN(spec.request.token_file, require(profile, "oidc_token_file", "OIDC"));
    TRY_ASSIGN(spec.sts, sts(profile));
    return SourceSpec{std::move(spec)};
  }
  static core::Result<SourceSpec> uri(Profiles& /*all*/, json& profile) {
    TRY_ASSIGN(auto text, require(profile, "credentials_uri", "CredentialsURI"));
    return SourceSpec{UriSpec{std::move(text)}};
  }
  static core::Result<SourceSpec> external(Profiles& /*all*/, json& profile) {
    TRY_ASSIGN(const auto command, require(profile, "process_command", "External"));
    auto process = parse_command(command);
    if (!process) {
      return std::move(process).error().within("process_command");
    }
    return SourceSpec{*std::move(process)};
  }

  struct Mode {
    std::string_view name;
    core::Result<SourceSpec> (*read)(Profiles& all, json& profile);
  };
  core::Result<SourceSpec> read(json& profile) {
    static constexpr std::array<Mode, 8> kModes = {{{"AK", access_key},
                                                    {"StsToken", sts_token},
                                                    {"RamRoleArn", ram_role},
                                                    {"ChainableRamRoleArn", chained_role},
                                                    {"EcsRamRole", ecs},
                                                    {"OIDC", oidc},
                                                    {"CredentialsURI", uri},
                                                    {"External", external}}};
    TRY_ASSIGN(const std::string wanted, take(profile, "mode"));
    std::string known;
    for (const Mode& mode : kModes) {
      if (core::equal_ignoring_case(wanted.empty() ? "AK" : std::string_view(wanted), mode.name)) {
        return mode.read(*this, profile);
      }
      known += (known.empty() ? "" : ", ") + std::string(mode.name);
    }
    return core::fail(
        core::ErrorKind::Unsupported,
        core::format("mode '{}' is not supported; these are: {}", shown(wanted), known));
  }

  json& document_;
  std::vector<std::string> way_;  ///< profiles that lead here
};

/// Overwrites the texts of all profiles before the document goes.
void wipe_profiles(json& document) {
  const auto list = document.find("profiles");
  if (list == document.end() || !list->is_array()) {
    return;
  }
  for (json& profile : *list) {
    for (json& field : profile) {
      if (auto* const text = field.get_ptr<std::string*>()) {
        core::wipe(text->data(), text->size());
      }
    }
  }
}

}  // namespace

core::Result<SourceSpec> parse_cli_profile(const core::Secret& text, std::string_view profile) {
  json document = json::parse(text.reveal(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return invalid(core::format("line {} is no JSON", faulty_line(text.reveal())));
  }
  if (!document.is_object()) {
    return invalid("it is no JSON object");
  }
  std::string name(profile);
  if (name.empty()) {
    const auto current = document.find("current");
    const auto* const said =
        current != document.end() ? current->get_ptr<const std::string*>() : nullptr;
    name = said != nullptr && !said->empty() ? *said : "default";
  }
  auto spec = Profiles(document).find(name);
  wipe_profiles(document);
  return spec;
}

}  // namespace cred
