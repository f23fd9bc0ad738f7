#pragma once
// A signature as it was presented: taken apart, not yet believed.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/mutex.h"
#include "core/time.h"
#include "emulator/wire/message.h"

namespace emulator {

enum class Scheme : std::uint8_t { OssV1, OssV2, OssV4, S3V4 };

/// What a request says about its signer and the span in which it is good.
struct Claim {
  Scheme scheme = Scheme::OssV1;
  bool by_url = false;
  std::string access_key_id;
  std::string signature;                  ///< hex or base64, as sent
  std::string token;                      ///< security token; empty: none
  std::string date_text;                  ///< the date line of the string to sign, as sent
  core::WallTime date;                    ///< when it was signed; a V1 or V2 URL does not say
  std::optional<core::WallTime> expires;  ///< URLs only: the end of their validity
  std::string day;                        ///< V4 scope: "20240102"
  std::string region;
  std::string product;
  std::vector<std::string> signed_headers;  ///< OSS: the additional ones; S3: all; lower case
};

/// Nothing when the request is not signed at all; an error when it is signed in a way that no
/// version of the protocol knows.
using Presented = std::variant<std::monostate, Claim, ServiceError>;

/// Reads OSS V1, V2, V4 and S3 SigV4, from the Authorization header or from the query.
/// Errors:  400 when both are there, or the form is broken; 403 when a date is missing.
/// Source:  OSS API, "Include signatures in the Authorization header" and "in a URL".
Presented read_claim(const RawRequest& request);

/// The request's own times against the service's: 15 minutes of skew, the end of a URL.
std::optional<ServiceError> check_time(const Claim& claim, core::WallTime now);

/// Derived V4 signing keys, remembered: deriving one costs four HMACs, a request needs one more.
/// Threads: any.
class SigningKeys {
 public:
  /// The raw key of `claim`'s scope. An access key id has one secret for as long as we run.
  [[nodiscard]] std::string derive(const Claim& claim, std::string_view secret) const;

 private:
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  mutable std::unordered_map<std::string, std::string> keys_ GUARDED_BY(mutex_);
};

/// Header fields in canonical order: names in lower case, sorted, repeated ones joined by ','.
using CanonicalFields = std::vector<std::pair<std::string, std::string>>;
CanonicalFields canonical_fields(const RawRequest& request,
                                 const std::function<bool(std::string_view)>& wanted);

/// "47 45 54 0A": how the service shows a string to sign byte by byte.
std::string spaced_hex(std::string_view text);
/// "2024-01-02T03:04:05.000Z": times inside error documents.
std::string error_time(core::WallTime time);

}  // namespace emulator
