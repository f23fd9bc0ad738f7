#include "oss/names.h"

#include <algorithm>

#include "core/format.h"
#include "core/text.h"
#include "oss/xml.h"

namespace oss {

core::Error nonsense(std::string_view why) {
  return core::fail(core::ErrorKind::Protocol, core::format("the answer makes no sense: {}", why));
}

core::Result<std::string> Names::decode_token(std::string_view text) const {
  if (!traits_.encodes_tokens) {
    return text.empty() ? core::Result<std::string>(nonsense("no token for the next page"))
                        : std::string(text);
  }
  return decode(text, false);
}

core::Result<std::string> Names::decode(std::string_view text, bool plus_is_blank) const {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  const bool believable =
      printable || (traits_.dialect == Dialect::S3 && !url_ && xml_carries(text));
  if (text.empty() || !believable) {
    return nonsense("a name is empty or not encoded");
  }
  return url_ ? core::percent_decode(text, plus_is_blank) : std::string(text);
}

}  // namespace oss
