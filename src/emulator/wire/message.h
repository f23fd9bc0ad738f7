#pragma once
// What the emulator's rooms say to each other: requests as they came, refusals, small answers.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"

namespace emulator {

/// Whose protocol a request speaks.
enum class Dialect : std::uint8_t { Oss, S3 };

/// One query parameter, decoded once ('+' is a blank). "name" and "name=" differ in has_equals
/// only.
struct QueryParam {
  std::string name;
  std::string value;
  bool has_equals = false;
};

/// A request as it came: nothing normalised, so that signatures can be taken over raw bytes.
struct RawRequest {
  std::string method;
  std::string target;                                        ///< path and query as sent
  std::string raw_path;                                      ///< the part before '?', still encoded
  std::vector<QueryParam> query;                             ///< in the order sent
  std::vector<std::pair<std::string, std::string>> headers;  ///< names as sent, values trimmed
  std::string peer;                                          ///< the caller's address, "127.0.0.1"
  bool tls = false;

  /// First header of that name (case ignored), or nothing.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  /// First parameter of that name (case matters), or nothing.
  [[nodiscard]] const QueryParam* param(std::string_view name) const;
};

/// What a service says when it refuses.
struct ServiceError {
  int status = 400;
  std::string code;
  std::string message;
  std::string ec;                                            ///< x-oss-ec
  std::vector<std::pair<std::string, std::string>> details;  ///< further XML elements, in order
};

/// A whole answer of the small services (STS, metadata, administration).
struct Answer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace emulator
