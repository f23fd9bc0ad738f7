#pragma once
// How failure travels: a value with a kind that callers act on, a message that grows outward and,
// where a service refused, its own words.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace core {

/// What a caller may do about a failure. Closed set: a new kind needs a caller that behaves
/// differently; fuse/errno.cc stops compiling until someone decides its errno.
enum class ErrorKind : std::uint8_t {
  NotFound,  ///< no such object, name or attribute holder
  NoBucket,  ///< the bucket does not exist
  Exists,    ///< exclusive create lost
  NotDirectory,
  IsDirectory,
  NotEmpty,
  Denied,           ///< policy or mode bits say no
  NotPermitted,     ///< the operation is not allowed on this thing at all (EPERM)
  Unauthenticated,  ///< no valid credentials to be had in time
  TokenRefused,     ///< the service refused these credentials; a successor may do
  Changed,          ///< the object is no longer the version asked for
  Throttled,        ///< the service asks for fewer requests
  Unavailable,      ///< network or service failure; repeating may help
  Timeout,
  Cancelled,  ///< the caller asked to stop
  InvalidArgument,
  NameTooLong,
  TooLarge,
  OutOfRange,  ///< a range outside the object; a buffer too small (ERANGE)
  NoSpace,
  ReadOnly,
  NoData,       ///< no such extended attribute
  Unsupported,  ///< a clear refusal of what we do not do
  Busy,
  TooManyLinks,  ///< symbolic link loop
  CrossDevice,
  Corrupt,      ///< a checksum or a length did not fit
  ClockSkewed,  ///< the service says that our clock is off
  NoUpload,     ///< unknown upload id: aborted, expired or already completed
  Protocol,     ///< an answer that makes no sense
  Io,           ///< a local input/output error
  Internal,     ///< our own fault
};

std::string_view to_string(ErrorKind kind);

/// Why it failed, where the kind does not say and an operator would look elsewhere. Whoever wants
/// to know reads this, never the message.
enum class Reason : std::uint8_t {
  NameUnknown,         ///< the name of a host, or of the proxy, does not resolve
  Unreachable,         ///< nobody answers at that address
  Silent,              ///< there was a connection, and no answer in time
  Broken,              ///< the connection ended before the answer did
  NoTls,               ///< the other side does not speak TLS, or none that we speak
  CertificateUnknown,  ///< nobody whom we trust has signed it
  CertificateExpired,  ///< or is not valid yet
  CertificateName,     ///< it is another host's
  TokenSpent,          ///< the service refused the token, and there will be no other
};

/// Where the service says that a bucket is, of which we asked in the wrong place. What it does not
/// say is empty.
struct Elsewhere {
  std::string region;
  std::string endpoint;
};

/// What the service said, for whoever must call its support.
struct Remote {
  int status = 0;          ///< HTTP status
  std::string code;        ///< service code, as in <Code>
  std::string request_id;  ///< x-oss-request-id
  std::string ec;          ///< x-oss-ec, the service's detail code
  std::optional<Elsewhere> elsewhere = std::nullopt;
};

struct Error {
  ErrorKind kind = ErrorKind::Internal;
  std::string message;
  std::optional<Remote> remote = std::nullopt;
  std::optional<Reason> reason = std::nullopt;

  /// The same failure one level further out: "context: message".
  [[nodiscard]] Error within(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
  [[nodiscard]] Error within(std::string_view context) const& {
    return Error(*this).within(context);
  }
};

/// One line for people: message, then code, status and request id where a service was involved.
std::string describe(const Error& error);

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error)  // NOLINT(google-explicit-constructor)
      : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};
using Status = Result<void>;

inline Error fail(ErrorKind kind, std::string message,
                  std::optional<Reason> reason = std::nullopt) {
  return Error{kind, std::move(message), std::nullopt, reason};
}

}  // namespace core

#define CORE_CONCAT_INNER(a, b) a##b
#define CORE_CONCAT(a, b) CORE_CONCAT_INNER(a, b)

/// Returns the error of `expression` from the enclosing function, or goes on.
#define TRY(expression)                          \
  do {                                           \
    auto core_try_result = (expression);         \
    if (!core_try_result) {                      \
      return std::move(core_try_result).error(); \
    }                                            \
  } while (false)

/// Returns the error of `expression`, or declares `declaration` with its value.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_NAMED(CORE_CONCAT(core_try_value_, __LINE__), declaration, expression)
#define TRY_ASSIGN_NAMED(name, declaration, expression) \
  auto name = (expression);                             \
  if (!(name)) {                                        \
    return std::move(name).error();                     \
  }                                                     \
  declaration = *std::move(name)
