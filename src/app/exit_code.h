#pragma once
#include <string>
#include <string_view>

#include "core/result.h"

namespace app {

/// What the program's end says (man page, "EXIT STATUS").
enum class Exit : int {
  Ok = 0,
  Failure = 1,      ///< anything that has no number of its own
  Usage = 2,        ///< command line, config file, or what they name
  MountPoint = 3,   ///< missing, busy, not a directory, not ours
  Credentials = 4,  ///< none, wrong, expired
  Permission = 5,   ///< the credentials are good and not enough
  Bucket = 6,       ///< no such bucket
  Network = 7,      ///< the service cannot be reached, or is not what was asked for
  Busy = 8,         ///< umount: somebody uses the mount
  NotDrained = 9,   ///< umount, and the daemon: not everything was uploaded in time
};

/// Where a failure to get credentials, or to reach the bucket, belongs.
Exit classify(const core::Error& error);

/// Prints "stsfs: what" and, indented below it, the advice, on standard error; returns the number.
int refuse(Exit exit, std::string_view what, std::string_view advice = {});
/// The same with an error in full and the advice that goes with `exit`.
int refuse(Exit exit, const core::Error& error);

}  // namespace app
