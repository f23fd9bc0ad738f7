#pragma once
// What `stsfs sign-url` was asked for, and how its answer is written down.
#include <string>
#include <string_view>

#include "app/settings.h"
#include "core/result.h"
#include "options/values.h"
#include "store/signed_url.h"

namespace app {

struct SignUrlSettings {
  ServiceSettings service;
  store::UrlRequest request;
};
/// Errors: InvalidArgument, in one line for people.
core::Result<SignUrlSettings> sign_url_settings(const options::Values& values,
                                                const options::Environment& environment);

/// The curl command that uses the URL, for a shell. FILE stands for what a put or post sends.
std::string curl_command(store::UrlMethod method, const store::SignedUrl& signed_url);
/// {"url", "method", "expires_at", "limited_by", "headers"}.
std::string as_json(store::UrlMethod method, const store::SignedUrl& signed_url);

}  // namespace app
