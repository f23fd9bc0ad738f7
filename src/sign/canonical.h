#pragma once
// What the signature families share: canonical headers and queries, derived keys, text that must
// not be seen.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/secret.h"
#include "http/message.h"

namespace sign {

/// A header as it is signed: lower-case name, trimmed value.
using CanonicalHeader = std::pair<std::string, std::string>;

/// The headers of `request` whose lower-case name is `wanted`, sorted by name; repeated ones are
/// joined with ',' in the order they were given.
template <class Wanted>
std::vector<CanonicalHeader> canonical_headers(const http::Request& request, Wanted&& wanted);

/// "name:value\n" for each.
std::string render(const std::vector<CanonicalHeader>& headers);
/// The names, joined with ';'.
std::string names_of(const std::vector<CanonicalHeader>& headers);

/// How a parameter without a value is rendered: `k` (OSS V4) or `k=` (S3, RPC).
enum class EmptyValue : std::uint8_t { Bare, Equals };
/// Every parameter but `except`, name and value percent-encoded, sorted by encoded name.
std::string canonical_query(const std::vector<http::QueryParam>& query, EmptyValue empty,
                            std::string_view except);

/// The Host that the request will carry.
std::string host_of(const http::Request& request);

void erase_parameter(std::vector<http::QueryParam>& query, std::string_view name);
/// Replaces the parameter, wherever it was.
void set_parameter(std::vector<http::QueryParam>& query, std::string name, std::string value);

/// What a derived key is made from: HMAC(HMAC(HMAC(HMAC(prefix + secret, day), region), product),
/// terminator), all SHA-256.
struct KeyScope {
  std::string_view prefix;
  std::string_view day;  ///< yyyymmdd
  std::string_view region;
  std::string_view product;
  std::string_view terminator;

  /// "day/region/product/terminator"
  [[nodiscard]] std::string text() const;
};

/// Derived keys change once a day, so the last few are kept (and wiped when they are replaced).
/// Threads: any.
core::Secret signing_key(const core::Secret& secret, const KeyScope& scope);

// ---------------------------------------------------------------------------------------------

/// The raw selection behind canonical_headers: lower-case names, in the order of the request.
std::vector<CanonicalHeader> lower_case_headers(const http::Request& request);
/// Sorts by name and joins what is repeated.
void sort_and_join(std::vector<CanonicalHeader>& headers);

template <class Wanted>
std::vector<CanonicalHeader> canonical_headers(const http::Request& request, Wanted&& wanted) {
  auto headers = lower_case_headers(request);
  std::erase_if(headers, [&](const CanonicalHeader& header) { return !wanted(header.first); });
  sort_and_join(headers);
  return headers;
}

}  // namespace sign
