#pragma once
// From the bytes of a request to bucket and key.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/wire/message.h"

namespace emulator {

struct Address {
  std::string bucket;  ///< empty: the service itself
  std::string key;     ///< decoded exactly once; empty: the bucket itself
};

/// Host first: an IP literal, `localhost`, a name that begins with "oss-" or "sts", one of
/// `domains` or no Host at all mean path style; a name below one of `domains`, or any other name,
/// gives its first label.
Address address_of(const RawRequest& request, const std::vector<std::string>& domains);

/// The other reading of a request whose path begins with the bucket that its Host names already:
/// ali-oss with an IP endpoint and path style sends both. Only the signature tells which it is.
std::optional<Address> path_style_instead(const RawRequest& request, const Address& by_host);

/// True for what STS answers: Host begins with "sts", or "/" with an Action in query, header
/// x-acs-action or `form` (the form body, or empty).
bool is_for_sts(const RawRequest& request, std::string_view form);

/// "a=1&b" as parameters, decoded once.
std::vector<QueryParam> parse_query(std::string_view text);

}  // namespace emulator
