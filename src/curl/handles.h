#pragma once
// Owners of libcurl's handles.
#include <curl/curl.h>

#include <memory>

#include "core/check.h"

namespace curl {

struct EasyCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using EasyHandle = std::unique_ptr<CURL, EasyCleanup>;

struct ShareCleanup {
  void operator()(CURLSH* handle) const { curl_share_cleanup(handle); }
};
using ShareHandle = std::unique_ptr<CURLSH, ShareCleanup>;

/// An option that this libcurl knows: scripts/setup brings a version that does.
template <class Value>
void set_option(CURL* easy, CURLoption option, Value value) {
  CORE_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

}  // namespace curl
