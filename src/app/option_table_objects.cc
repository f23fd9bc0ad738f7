#include "app/option_table.h"
#include "oss/store.h"

namespace app {
namespace {
constexpr std::string_view kObjects = "New objects, and what requests cost";
}  // namespace

std::vector<options::Option> object_options() {
  using enum options::Kind;
  return {
      {.name = "storage-class",
       .commands = kMount,
       .value_name = "CLASS",
       .group = kObjects,
       .help = "of objects that are made here, as in IA; the bucket's unless told"},
      {.name = "content-type",
       .commands = kMount,
       .value_name = "TYPE",
       .group = kObjects,
       .help =
           "of files that are made here, as in text/html; what their names promise unless told"},
      {.name = "encryption",
       .commands = kMount | kPolicy,
       .value_name = "METHOD",
       .group = kObjects,
       .help = "how the service encrypts objects that are made here: AES256, KMS, SM4, or aws:kms; "
               "as the bucket has it unless told",
       .aliases = {{.name = "use-sse", .bare = "AES256"}, {"sse"}}},
      {.name = "encryption-key",
       .commands = kMount,
       .value_name = "ID",
       .group = kObjects,
       .help = "the key of the key management service to encrypt them with; its own unless told",
       .aliases = {{"sse-kms-key-id"}}},
      {.name = "object-acl",
       .commands = kMount | kPolicy,
       .value_name = "ACL",
       .group = kObjects,
       .help = "who may get objects that are made here, as in private; the bucket's unless told",
       .aliases = {{"default-acl"}}},
      {.name = "requester-pays",
       .kind = Flag,
       .commands = kMount | kDoctor,
       .group = kObjects,
       .help = "agree to pay for requests to a bucket whose requester pays"},
      {.name = "upload-limit",
       .commands = kMount,
       .value_name = "SIZE/s",
       .group = kObjects,
       .help = "how fast one connection sends at most, 100KiB/s to 100MiB/s; OSS keeps it",
       .aliases = {{.name = "upload-traffic-limit", .unit = "bit/s"}}},
      {.name = "download-limit",
       .commands = kMount,
       .value_name = "SIZE/s",
       .group = kObjects,
       .help = "how fast one connection receives at most, 100KiB/s to 100MiB/s; OSS keeps it",
       .aliases = {{.name = "download-traffic-limit", .unit = "bit/s"}}},
      {.name = "retries",
       .kind = Count,
       .commands = kMount,
       .fallback = std::to_string(oss::Options().retry.attempts - 1),
       .bounds = "0..100",
       .group = kObjects,
       .help =
           "how often a request that failed and may pass is sent again, as long as there is time"},
  };
}

}  // namespace app
