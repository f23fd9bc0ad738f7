#include "emulator/service/bucket_configuration.h"

#include <algorithm>
#include <array>

namespace emulator {
namespace {

using Absence = BucketConfiguration::Absence;

constexpr Absence kPayer{
    {}, "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"};
constexpr Absence kNotPublic{{}, "<PolicyStatus><IsPublic>false</IsPublic></PolicyStatus>"};
constexpr Absence kNoLogging{{}, "<BucketLoggingStatus></BucketLoggingStatus>"};

constexpr auto kRows = std::to_array<BucketConfiguration>({
    {"lifecycle", "BucketLifecycle", {"NoSuchLifecycle", {}}, {"NoSuchLifecycleConfiguration", {}}},
    {"cors", "BucketCors", {"NoSuchCORSConfiguration", {}}, {"NoSuchCORSConfiguration", {}}},
    {"website",
     "BucketWebsite",
     {"NoSuchWebsiteConfiguration", {}},
     {"NoSuchWebsiteConfiguration", {}}},
    {"policy", "BucketPolicy", {"NoSuchBucketPolicy", {}}, {"NoSuchBucketPolicy", {}}},
    {"encryption",
     "BucketEncryption",
     {"NoSuchServerSideEncryptionRule", {}},
     {"ServerSideEncryptionConfigurationNotFoundError", {}}},
    {"replication",
     "BucketReplication",
     {"NoSuchReplicationConfiguration", {}},
     {"ReplicationConfigurationNotFoundError", {}}},
    {"tagging",
     "BucketTagging",
     {{}, "<Tagging><TagSet></TagSet></Tagging>"},
     {"NoSuchTagSet", {}}},
    {"logging", "BucketLogging", kNoLogging, kNoLogging},
    {"publicAccessBlock",
     "BucketPublicAccessBlock",
     {{},
      "<PublicAccessBlockConfiguration><BlockPublicAccess>false</BlockPublicAccess>"
      "</PublicAccessBlockConfiguration>"},
     {"NoSuchPublicAccessBlockConfiguration", {}}},
    {"ownershipControls", "BucketOwnershipControls", {}, {"OwnershipControlsNotFoundError", {}}},
    {"object-lock",
     "BucketObjectLockConfiguration",
     {},
     {"ObjectLockConfigurationNotFoundError", {}},
     false},
    {"policyStatus", "BucketPolicyStatus", kNotPublic, kNotPublic, false},
    {"requestPayment", "BucketRequestPayment", kPayer, kPayer, false},
    {"referer",
     "BucketReferer",
     {{},
      "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer><RefererList>"
      "</RefererList></RefererConfiguration>"},
     {},
     false},
    {"worm", "BucketWorm", {"NoSuchWORMConfiguration", {}}, {}, false},
    {"inventory", "BucketInventory", {"NoSuchInventory", {}}, {"NoSuchConfiguration", {}}},
    {"transferAcceleration",
     "BucketTransferAcceleration",
     {"NoSuchTransferAccelerationConfiguration", {}},
     {},
     false},
    {"accelerate",
     "AccelerateConfiguration",
     {},
     {{}, "<AccelerateConfiguration></AccelerateConfiguration>"},
     false},
    {"notification",
     "BucketNotification",
     {},
     {{}, "<NotificationConfiguration></NotificationConfiguration>"},
     false},
});

}  // namespace

const BucketConfiguration* bucket_configuration(std::string_view name) {
  const auto* const found =
      std::find_if(kRows.begin(), kRows.end(),
                   [name](const BucketConfiguration& row) { return row.name == name; });
  return found == kRows.end() ? nullptr : found;
}

}  // namespace emulator
