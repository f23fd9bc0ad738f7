#pragma once
// http::Transport over libcurl.
#include <memory>
#include <string>

#include "core/result.h"
#include "http/transport.h"

namespace curl {

struct Options {
  unsigned loops = 0;   ///< threads that own connections; 0: one per two cores, at least one
  std::string ca_file;  ///< PEM; empty: the system's certificates
  /// "http://host:port" or "https://…". Empty: none; the environment's proxy variables are never
  /// obeyed, since a proxy sees what is sent over plain http.
  std::string proxy;
  std::string user_agent = "stsfs";
};

/// Starts the loops. Destroying the transport ends what is under way as Cancelled and joins them;
/// nobody may send from outside any more by then.
/// Errors: InvalidArgument (unreadable CA file), Internal (libcurl cannot start).
core::Result<std::unique_ptr<http::Transport>> open_transport(Options options);

}  // namespace curl
