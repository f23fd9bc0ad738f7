#pragma once
// http::Transport over libcurl.
#include <memory>

#include "core/result.h"
#include "curl/options.h"
#include "http/transport.h"

namespace curl {

/// Starts the loops. Destroying the transport ends what is under way as Cancelled and joins them;
/// nobody may send from outside any more by then.
/// Errors: InvalidArgument (unreadable CA file), Internal (libcurl cannot start).
core::Result<std::unique_ptr<http::Transport>> open_transport(Options options);

}  // namespace curl
