#pragma once
// What a signed URL's request asks of access management: the rights of its key, and no more.
#include <string>
#include <vector>

#include "app/policy.h"
#include "store/signed_url.h"

namespace app {

/// The rights that `request` needs in `bucket`, and on the object that it copies from, if it does.
/// Source: OSS, "RAM policies" (OSS actions); Amazon S3, "Actions, resources and condition keys".
std::vector<ObjectRights> rights_for(const PolicyGrammar& grammar, const std::string& bucket,
                                     const store::UrlRequest& request);

}  // namespace app
