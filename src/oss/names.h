#pragma once
// Keys and tokens as the documents of a service write them.
#include <string>
#include <string_view>

#include "core/result.h"
#include "oss/dialect.h"

namespace oss {

/// A failure of an answer that can be read and cannot be meant: Protocol.
core::Error nonsense(std::string_view why);

/// Decodes names as an answer says that they are encoded. Errors: Protocol.
class Names {
 public:
  /// `url`: the answer says EncodingType "url". `traits` outlives it.
  Names(bool url, const Traits& traits) : url_(url), traits_(traits) {}

  [[nodiscard]] core::Result<std::string> decode(std::string_view text) const {
    // A blank in an encoded name is '+', a literal plus is %2B.
    return decode(text, true);
  }
  /// A token is not a name: nobody puts a blank into it.
  [[nodiscard]] core::Result<std::string> decode_token(std::string_view text) const;

 private:
  [[nodiscard]] core::Result<std::string> decode(std::string_view text, bool plus_is_blank) const;

  const bool url_;
  const Traits& traits_;
};

}  // namespace oss
