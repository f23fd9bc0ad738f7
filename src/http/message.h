#pragma once
// Requests and answers as every room above the wire sees them.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/result.h"
#include "core/time.h"

namespace http {

/// Header fields: order kept, names compared without case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value);
  /// Replaces every field of that name.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

/// Where a request goes: scheme, host (no brackets for IPv6), port.
struct Origin {
  std::string scheme = "https";
  std::string host;
  std::uint16_t port = 443;

  /// "host" or "host:port", the port only where it is not the scheme's own: the Host header.
  [[nodiscard]] std::string authority() const;
  friend bool operator==(const Origin&, const Origin&) = default;
};

/// "https://host:port" or "host" (then https); a path, user or query is refused.
/// Errors: InvalidArgument, naming what is wrong.
core::Result<Origin> parse_origin(std::string_view url);
/// An IPv4 or IPv6 literal.
bool is_ip_literal(std::string_view host);
/// 127.0.0.0/8, ::1 or "localhost": where plain http needs no leave.
bool is_loopback(std::string_view host);

/// A decoded query parameter; no value is not the same as an empty one on the wire.
struct QueryParam {
  std::string name;
  std::optional<std::string> value;
};

/// What is sent. Rewindable, so that a request can be tried again. Immutable; any thread.
class Body {
 public:
  virtual ~Body() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Copies bytes from `offset` into `buffer`. Shape: fewer than asked only at the end.
  virtual core::Result<std::size_t> read(std::uint64_t offset,
                                         std::span<std::byte> buffer) const = 0;

  /// Where the same bytes lie, one run behind the other, so that they may be sent from there.
  /// Empty: they are to be read. Files stay open as long as the body lives.
  [[nodiscard]] virtual std::vector<core::Run> runs() const { return {}; }
};
std::shared_ptr<const Body> text_body(std::string text);

struct Request {
  std::string method = "GET";
  Origin origin;
  std::string path = "/";         ///< percent-encoded
  std::vector<QueryParam> query;  ///< decoded; the transport encodes
  Headers headers;
  std::shared_ptr<const Body> body;  ///< null: none

  /// Path and query as they go on the wire.
  [[nodiscard]] std::string target() const;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;  ///< empty where a sink took it
  /// The service's clock when it answered, from Date.
  [[nodiscard]] std::optional<core::WallTime> date() const;
};

/// Takes a body as it arrives. Called from the transport's thread, one call at a time: must not
/// wait on the network or on the pool.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// The head is complete. `false`: collect the body as text instead (an error document).
  virtual bool on_head(const Response& head) = 0;
  /// Where the next bytes of the body would best be received; empty: anywhere. What is received
  /// there comes to on_data() as a view of that very memory, which no copy is to be made of.
  /// Threads: the transport's; the memory is the transport's to write until it calls again.
  virtual std::span<std::byte> room() { return {}; }
  /// Errors end the transfer and are handed on.
  virtual core::Status on_data(core::ByteView data) = 0;
};

}  // namespace http
