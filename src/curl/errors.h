#pragma once
#include <curl/curl.h>

#include "core/result.h"

namespace curl {

/// What a failure of libcurl means to whoever asked: the one table.
core::ErrorKind kind_of(CURLcode code);

}  // namespace curl
