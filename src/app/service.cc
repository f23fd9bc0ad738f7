#include "app/service.h"

#include <utility>

#include "core/random.h"
#include "cred/source_factory.h"

namespace app {

core::Result<std::unique_ptr<Service>> open_service(const ServiceSettings& settings) {
  auto service = std::make_unique<Service>();
  TRY_ASSIGN(service->transport, curl::open_transport(settings.transport));
  TRY_ASSIGN(auto source,
             cred::make_source(settings.source,
                               {*service->transport, service->service_clock, *service->programs}));
  service->credentials = std::make_unique<cred::Refresher>(
      std::move(source), service->service_clock,
      cred::RefresherOptions{settings.credential_wait, core::random_seed(),
                             service->watcher.get()});
  return service;
}

}  // namespace app
