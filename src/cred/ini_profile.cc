#include "cred/ini_profile.h"

#include <ini.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>

#include "core/format.h"
#include "core/log.h"
#include "core/text.h"
#include "cred/validate.h"

namespace cred {
namespace {

constexpr int kLongestLine = 64 * 1024;

/// The value may be secret, so it has no other home.
struct Field {
  core::Secret value;
  int line = 0;
};
/// The fields of one section by their names.
using Section = std::map<std::string, Field, std::less<>>;

struct Reading {
  std::string_view text;
  std::string_view profile;
  Section section;
  bool found = false;
  int line = 0;  ///< of what was read last
};

/// fgets() over a string, which counts lines: the parser hands each on before it reads the next.
char* next_line(char* into, int size, void* stream) {
  auto& reading = *static_cast<Reading*>(stream);
  if (reading.text.empty()) {
    return nullptr;
  }
  const auto end = reading.text.find('\n');
  std::size_t length = end == std::string_view::npos ? reading.text.size() : end + 1;
  length = std::min(length, static_cast<std::size_t>(size) - 1);
  std::memcpy(into, reading.text.data(), length);
  into[length] = '\0';
  reading.text.remove_prefix(length);
  ++reading.line;
  return into;
}

int take_line(void* user, const char* section, const char* name, const char* value) {
  auto& reading = *static_cast<Reading*>(user);
  const std::string_view in = *section == '\0' ? "default" : std::string_view(section);
  if (in == reading.profile) {
    reading.found = true;
    reading.section.insert_or_assign(
        core::to_lower(name), Field{core::Secret(value == nullptr ? "" : value), reading.line});
  }
  return 1;
}

/// The parser's settings are variables of its library; a token is longer than its 200 bytes a line.
void set_up_parser() {
  static std::once_flag once;
  std::call_once(once, [] {
    ini_use_stack = false;
    ini_allow_realloc = true;
    ini_max_line = kLongestLine;
    ini_allow_multiline = false;
  });
}

core::Error invalid(std::string message) {
  return core::fail(core::ErrorKind::InvalidArgument, std::move(message));
}

using Names = std::initializer_list<std::string_view>;

const Field* field_of(const Section& section, Names names) {
  for (const std::string_view name : names) {
    const auto found = section.find(name);
    if (found != section.end() && !found->second.value.empty()) {
      return &found->second;
    }
  }
  return nullptr;
}

std::string text_of(const Section& section, Names names) {
  const Field* field = field_of(section, names);
  return field == nullptr ? std::string() : std::string(field->value.reveal());
}

core::Result<std::string> require(const Section& section, Names names, std::string_view type) {
  std::string value = text_of(section, names);
  if (value.empty()) {
    return invalid(core::format("{} is missing, which type {} needs", *names.begin(), type));
  }
  return value;
}

core::Result<GivenCredentials> keys_of(const Section& section, std::string_view type) {
  GivenCredentials given;
  given.credentials.access_key_id = text_of(section, {"access_key_id", "aws_access_key_id"});
  given.credentials.access_key_secret =
      core::Secret(text_of(section, {"access_key_secret", "aws_secret_access_key"}));
  given.credentials.token = core::Secret(
      text_of(section, {"security_token", "sts_token", "session_token", "aws_session_token"}));
  TRY(validate(given.credentials));
  if (type == "sts" && !given.credentials.temporary()) {
    return invalid("type is sts, but there is no security_token");
  }
  if (const Field* field = field_of(section, {"expiration"})) {
    given.expiration = core::parse_iso8601(field->value.reveal());
    if (!given.expiration) {
      return invalid(
          core::format("line {}: expiration is not of the form 2024-01-02T03:04:05Z", field->line));
    }
  }
  return given;
}

core::Result<core::Duration> duration_of(const Section& section) {
  const Field* field = field_of(section, {"duration_seconds", "role_session_expiration"});
  if (field == nullptr) {
    return core::Duration{0};
  }
  const auto duration = core::parse_duration(field->value.reveal());
  if (!duration || *duration <= core::Duration{0}) {
    return invalid(core::format("line {}: duration_seconds is no number of seconds", field->line));
  }
  return *duration;
}

core::Result<SourceSpec> access_key(const Section& section) {
  TRY_ASSIGN(auto keys, keys_of(section, "access_key"));
  return SourceSpec{std::move(keys)};
}

core::Result<SourceSpec> sts(const Section& section) {
  TRY_ASSIGN(auto keys, keys_of(section, "sts"));
  return SourceSpec{std::move(keys)};
}

core::Status read_terms(const Section& section, std::string_view type, RoleTerms& terms) {
  TRY_ASSIGN(terms.role_arn, require(section, {"role_arn"}, type));
  terms.session_name = text_of(section, {"role_session_name"});
  terms.policy = text_of(section, {"policy"});
  TRY_ASSIGN(terms.duration, duration_of(section));
  return {};
}

core::Result<SourceSpec> ram_role_arn(const Section& section) {
  RoleSpec spec;
  TRY(read_terms(section, "ram_role_arn", spec.role));
  spec.role.external_id = text_of(section, {"external_id"});
  TRY_ASSIGN(auto keys, keys_of(section, "ram_role_arn"));
  spec.base = std::make_shared<SourceSpec>(SourceSpec{std::move(keys)});
  return SourceSpec{std::move(spec)};
}

core::Result<SourceSpec> oidc_role_arn(const Section& section) {
  OidcSpec spec;
  TRY(read_terms(section, "oidc_role_arn", spec.request));
  TRY_ASSIGN(spec.request.provider_arn, require(section, {"oidc_provider_arn"}, "oidc_role_arn"));
  TRY_ASSIGN(spec.request.token_file,
             require(section, {"oidc_token_file", "oidc_token_file_path"}, "oidc_role_arn"));
  return SourceSpec{std::move(spec)};
}

core::Result<SourceSpec> ecs_ram_role(const Section& section) {
  return SourceSpec{EcsSpec{text_of(section, {"role_name"})}};
}

core::Result<SourceSpec> credentials_uri(const Section& section) {
  TRY_ASSIGN(auto uri, require(section, {"credentials_uri"}, "credentials_uri"));
  return SourceSpec{UriSpec{std::move(uri)}};
}

core::Result<SourceSpec> credential_process(const Section& section) {
  TRY_ASSIGN(const auto command, require(section, {"credential_process"}, "credential_process"));
  TRY_ASSIGN(auto process, parse_command(command));
  return SourceSpec{std::move(process)};
}

struct Type {
  std::string_view name;
  core::Result<SourceSpec> (*read)(const Section& section);
};
constexpr std::array<Type, 7> kTypes = {{
    {"access_key", access_key},
    {"sts", sts},
    {"ram_role_arn", ram_role_arn},
    {"oidc_role_arn", oidc_role_arn},
    {"ecs_ram_role", ecs_ram_role},
    {"credentials_uri", credentials_uri},
    {"credential_process", credential_process},
}};

core::Result<SourceSpec> spec_of(const Section& section) {
  const Field* field = field_of(section, {"type"});
  if (field == nullptr) {
    // As AWS writes it, where there are no types.
    return field_of(section, {"credential_process"}) != nullptr ? credential_process(section)
                                                                : access_key(section);
  }
  const std::string wanted = core::to_lower(field->value.reveal());
  const auto* const type = std::find_if(kTypes.begin(), kTypes.end(),
                                        [&](const Type& row) { return row.name == wanted; });
  if (type != kTypes.end()) {
    return type->read(section);
  }
  std::string known;
  for (const Type& row : kTypes) {
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return core::fail(core::ErrorKind::Unsupported,
                    core::format("line {}: type '{}' is not supported; these are: {}", field->line,
                                 core::escape_for_log(wanted.substr(0, 50)), known));
}

}  // namespace

core::Result<SourceSpec> parse_ini_profile(const core::Secret& text, std::string_view profile) {
  set_up_parser();
  Reading reading;
  reading.text = text.reveal();
  reading.profile = profile;
  // The parser wants one user for both of its callbacks' worlds: they are the same here.
  if (const int line = ini_parse_stream(next_line, &reading, take_line, &reading); line != 0) {
    return invalid(core::format("line {} is not of the form key = value", line));
  }
  if (!reading.found || core::to_lower(text_of(reading.section, {"enable"})) == "false") {
    return core::fail(core::ErrorKind::NotFound,
                      core::format("there is no profile '{}' in it", profile));
  }
  return spec_of(reading.section);
}

}  // namespace cred
