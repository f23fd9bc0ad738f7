#pragma once
// What a signed URL's request asks of access management: the rights of its key, and no more.
#include <string>
#include <vector>

#include "policy/documents.h"
#include "store/signed_url.h"

namespace policy {

/// The rights that `request` needs in `bucket`, and on the object that it copies from, if it does.
/// Source: OSS, "RAM policies" (OSS actions); Amazon S3, "Actions, resources and condition keys".
std::vector<ObjectRights> rights_for(const Grammar& grammar, const std::string& bucket,
                                     const store::UrlRequest& request);

}  // namespace policy
