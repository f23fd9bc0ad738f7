#include "app/command_table.h"

#include <algorithm>

#include "core/check.h"

namespace app {
namespace {

constexpr std::string_view kAboutMounts =
    "-o NAME[=VALUE],… takes the same names, as fstab writes them; so do a config file and\n"
    "variables such as STSFS_METADATA_TTL. Credentials: ALIBABA_CLOUD_ACCESS_KEY_ID, "
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET\n"
    "and ALIBABA_CLOUD_SECURITY_TOKEN, the CLI's profiles, an instance's role, or an option.\n"
    "Exit codes: 2 usage or configuration, 3 mount point, 4 credentials, 5 permission, 6 "
    "bucket, "
    "7 endpoint or network.";

}  // namespace

const std::vector<options::CommandRow>& command_table() {
  static const std::vector<options::CommandRow> kTable = {
      {kMount, "mount", "mount a bucket as a directory", kAboutMounts, /*takes_mount_lists=*/true},
      {kUmount, "umount", "upload what is left, unmount, and wait for the daemon's end"},
      {kStatus, "status", "show health, token life, what is not uploaded yet, and requests"},
      {kRecover, "recover", "list, upload or export what an earlier mount could not upload"},
      {kWhoami, "whoami", "show which credentials a mount would use"},
      {kSignUrl, "sign-url", "print a URL that lets whoever has it use one object for a while"},
      {kPolicy, "policy", "print the least rights that a mount needs, as RAM policies"},
      {kDoctor, "doctor", "check step by step whether a mount will work, with advice"},
      {kEmulator, "emulator", "serve OSS, STS and ECS metadata on loopback, for trials and tests"},
  };
  return kTable;
}

const options::CommandRow& row_of(Command command) {
  const auto& table = command_table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const options::CommandRow& row) {
    return row.bit == command;
  });
  CORE_CHECK(found != table.end());
  return *found;
}

}  // namespace app
