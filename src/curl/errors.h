#pragma once
#include <curl/curl.h>

#include <optional>

#include "core/result.h"

namespace curl {

/// What a failure of libcurl means to whoever asked: the one table.
core::ErrorKind kind_of(CURLcode code);

/// Why there was no answer. `verified` is what the TLS library says of the other side's certificate
/// (CURLINFO_SSL_VERIFYRESULT).
std::optional<core::Reason> reason_of(CURLcode code, long verified);

}  // namespace curl
