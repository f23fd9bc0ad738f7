#pragma once
// An answer of the object service on its way to the wire.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"
#include "emulator/wire/body.h"
#include "emulator/wire/errors.h"
#include "emulator/wire/message.h"

namespace emulator {

struct Reply {
  int status = 200;
  std::string headers;                     ///< "Name: value\r\n" each; the common ones come on top
  std::string text;                        ///< a small body
  Body object;                             ///< or a large one
  std::optional<std::uint64_t> announced;  ///< HEAD: the length of the body that is not sent
  std::string error_code;                  ///< of a refusal, for the statistics

  /// Control characters in `value` become blanks: they would forge further headers.
  void add(std::string_view name, std::string_view value);
  [[nodiscard]] std::uint64_t length() const {
    return announced ? *announced : text.empty() ? object.size() : text.size();
  }
};

/// A document of `type` "application/xml" unless told otherwise.
Reply xml_reply(std::string document);

/// How refusals look in either dialect.
struct RefusalStyle {
  Dialect dialect = Dialect::Oss;
  bool head = false;  ///< no body: OSS then puts the document into x-oss-err
  std::string request_id;
  std::string host;
  std::string resource;
};
Reply refusal(const ServiceError& error, const RefusalStyle& style);

/// A refusal of STS: JSON or XML.
Answer sts_refusal(const ServiceError& error, bool json, std::string_view request_id);

/// "HTTP/1.1 200 OK" and the common headers, up to and including the blank line.
struct HeadFacts {
  std::string_view request_id;
  std::int64_t server_milliseconds = 0;
  bool keep_alive = true;
  Dialect dialect = Dialect::Oss;
  core::Duration clock_offset{};
};
std::string render_head(const Reply& reply, const HeadFacts& facts, core::WallTime now);

/// 24 upper-case hex digits, different each time.
std::string fresh_request_id();

}  // namespace emulator
