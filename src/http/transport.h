#pragma once
#include <functional>
#include <memory>

#include "core/op_context.h"
#include "http/message.h"

namespace http {

/// How patient a request is. The total bound is the OpContext's deadline.
struct Patience {
  core::Duration connect = std::chrono::seconds{5};
  /// No byte in either direction for this long ends the attempt.
  core::Duration idle = std::chrono::seconds{20};
  bool bypass_proxy = false;  ///< for link-local metadata services
};

struct Exchange {
  core::OpContext context;
  Request request;
  Patience patience;
  std::shared_ptr<BodySink> sink;  ///< null: the body becomes Response::body (8 MiB at most)
  /// Looks at the head of the answer before anything of it is believed: a failure ends the exchange
  /// with it, and the connection.
  std::function<core::Status(const Response& head)> check_head = nullptr;
};

/// Sends requests. Redirects are never followed; `Expect` is never sent; TLS is verified.
///
/// Errors: Timeout, Cancelled, Unavailable (connection, reset, truncated body), Protocol,
///         NotPermitted (certificate refused), and what the sink said. An answer of any status is
///         a value, not an error.
/// Threads: any; `done` is called exactly once from a thread of the transport, or at once.
class Transport {
 public:
  virtual ~Transport() = default;
  using Done = std::function<void(core::Result<Response>)>;
  virtual void send(Exchange exchange, Done done) = 0;
};

/// Sends and waits. Not from a thread of the transport.
core::Result<Response> perform(Transport& transport, Exchange exchange);

}  // namespace http
