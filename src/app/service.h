#pragma once
// What every command that asks the service needs: transport, clock and credentials.
#include <memory>

#include "app/settings.h"
#include "core/clock.h"
#include "cred/refresher.h"
#include "cred/service_clock.h"
#include "http/transport.h"

namespace app {

/// Members are destroyed last to first: the refresher ends before what its source uses.
struct Service {
  core::SystemClock clock;
  cred::ServiceClock service_clock{clock};
  std::unique_ptr<http::Transport> transport;
  std::unique_ptr<cred::Refresher> credentials;  ///< fetching already
};

/// Starts threads. Errors: InvalidArgument (unreadable --ca-file).
core::Result<std::unique_ptr<Service>> open_service(const ServiceSettings& settings);

}  // namespace app
