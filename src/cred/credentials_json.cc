#include "cred/credentials_json.h"

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "core/format.h"
#include "core/log.h"
#include "cred/validate.h"

namespace cred {
namespace {

using nlohmann::json;

/// The names that one member may have; the first is the one for messages.
using Spellings = std::initializer_list<const char*>;

core::Error nonsense(std::string_view giver, std::string_view what) {
  return core::fail(core::ErrorKind::Protocol, core::format("the answer of {} {}", giver, what));
}

/// The members of one object, taken out one by one.
class Members {
 public:
  Members(json& object, std::string_view giver) : object_(object), giver_(giver) {}

  /// The text, of which the object keeps nothing; empty where there is no such member.
  core::Result<std::string> take(Spellings spellings) {
    for (const char* name : spellings) {
      const auto found = object_.find(name);
      if (found == object_.end() || found->is_null()) {
        continue;
      }
      auto* text = found->get_ptr<std::string*>();
      if (text == nullptr) {
        return nonsense(giver_, core::format("has a member {} that is no text", name));
      }
      std::string value = *text;
      core::wipe(text->data(), text->size());
      return value;
    }
    return std::string();
  }

  core::Result<std::string> require(Spellings spellings) {
    TRY_ASSIGN(std::string value, take(spellings));
    if (value.empty()) {
      return nonsense(giver_, core::format("lacks {}", *spellings.begin()));
    }
    return value;
  }

 private:
  json& object_;
  const std::string_view giver_;
};

core::Status check_code(json& document, std::string_view giver) {
  Members members(document, giver);
  TRY_ASSIGN(const std::string code, members.take({"Code"}));
  if (code.empty() || code == "Success") {
    return {};
  }
  TRY_ASSIGN(std::string why, members.take({"Message", "message"}));
  if (!why.empty()) {
    why = ": " + core::escape_for_log(why.substr(0, 300));
  }
  return core::fail(
      core::ErrorKind::Unauthenticated,
      core::format("{} says {}{}", giver, core::escape_for_log(code.substr(0, 100)), why));
}

}  // namespace

core::Result<GivenCredentials> parse_credentials_json(std::string& text, Completeness needs,
                                                      std::string_view giver, const char* inside) {
  if (text.size() > kLargestDocument) {
    return nonsense(giver, "is longer than 64 KiB");
  }
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  core::wipe(text.data(), text.size());
  if (!document.is_object()) {
    return nonsense(giver, "is no JSON object");
  }
  TRY(check_code(document, giver));
  json* object = &document;
  if (inside != nullptr) {
    const auto found = document.find(inside);
    if (found == document.end() || !found->is_object()) {
      return nonsense(giver, core::format("lacks {}", inside));
    }
    object = &*found;
  }

  Members members(*object, giver);
  GivenCredentials given;
  TRY_ASSIGN(given.credentials.access_key_id, members.require({"AccessKeyId", "access_key_id"}));
  TRY_ASSIGN(auto secret,
             members.require({"AccessKeySecret", "access_key_secret", "SecretAccessKey"}));
  given.credentials.access_key_secret = core::Secret(std::move(secret));
  const Spellings tokens = {"SecurityToken", "security_token", "sts_token", "SessionToken",
                            "Token"};
  const Spellings expirations = {"Expiration", "expiration"};
  const bool temporary = needs == Completeness::Temporary;
  TRY_ASSIGN(auto token, temporary ? members.require(tokens) : members.take(tokens));
  given.credentials.token = core::Secret(std::move(token));
  TRY_ASSIGN(const auto expiration,
             temporary ? members.require(expirations) : members.take(expirations));
  TRY(validate(given.credentials));
  if (!expiration.empty()) {
    given.expiration = core::parse_iso8601(expiration);
    if (!given.expiration) {
      return nonsense(giver, "has an Expiration that is no time");
    }
  }
  return given;
}

}  // namespace cred
