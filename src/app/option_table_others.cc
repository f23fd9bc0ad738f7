#include "app/option_table.h"

namespace app {
namespace {

constexpr std::string_view kSecret =
    "no option takes a secret: set ALIBABA_CLOUD_ACCESS_KEY_ID and "
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET, "
    "or use a file, --credentials-file or --passwd-file";
constexpr std::string_view kNoCache = "there is no cache on disk yet";
constexpr std::string_view kAsTtl = "absent names are remembered as long as --metadata-ttl says";
}  // namespace

std::vector<options::Reason> refused_names() {
  return {
      {"oss-access-key-id", kSecret},
      {"oss-access-key-secret", kSecret},
      {"access-key-id", kSecret},
      {"access-key-secret", kSecret},
      {"security-token", kSecret},
      {"cache-dir", kNoCache},
      {"allow-root", "only allow-other exists"},
      {"ahbe-conf", "headers by the ending of a name are not written"},
  };
}

/// Of ossfs, s3fs and mountpoint: hints about resources and speed.
std::vector<options::Reason> ignored_names() {
  return {
      {"use-cache", kNoCache},
      {"cache", kNoCache},
      {"disk-data-cache-dir", kNoCache},
      {"max-cache-size", kNoCache},
      {"del-cache", kNoCache},
      {"ensure-diskfree", "--staging-limit bounds what is taken of the disk"},
      {"free-space-ratio", "--staging-limit bounds what is taken of the disk"},
      {"max-stat-cache-size", "what is remembered of names is bounded as it is"},
      {"negative-timeout", kAsTtl},
      {"negative-metadata-ttl", kAsTtl},
      {"close-to-open", "every open asks the service"},
      {"log-dir", "--log-file names a file"},
      {"curldbg", "--log-level trace shows every request"},
      {"mime", "objects made here are application/octet-stream"},
  };
}

}  // namespace app
