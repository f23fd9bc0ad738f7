#pragma once
// What every command that asks the service needs: transport, clock and credentials.
#include <memory>

#include "app/settings.h"
#include "core/child_process.h"
#include "core/clock.h"
#include "core/file_watch.h"
#include "cred/refresher.h"
#include "cred/service_clock.h"
#include "http/transport.h"

namespace app {

/// Members are destroyed last to first: the refresher ends before what its source uses.
struct Service {
  core::SystemClock clock;
  cred::ServiceClock service_clock{clock};
  std::unique_ptr<core::ChildRunner> programs = core::system_child_runner();
  std::unique_ptr<core::FileWatcher> watcher = core::system_file_watcher();
  std::unique_ptr<http::Transport> transport;
  std::unique_ptr<cred::Refresher> credentials;  ///< fetching already
};

/// Starts threads. Errors: InvalidArgument (unreadable --ca-file).
core::Result<std::unique_ptr<Service>> open_service(const ServiceSettings& settings);

}  // namespace app
