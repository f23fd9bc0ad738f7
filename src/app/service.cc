#include "app/service.h"

#include <utility>

#include "core/random.h"
#include "cred/aws_assume_role.h"
#include "cred/credentials_file.h"

namespace app {

core::Result<std::unique_ptr<Service>> open_service(const ServiceSettings& settings) {
  auto service = std::make_unique<Service>();
  TRY_ASSIGN(service->transport, curl::open_transport(settings.transport));
  std::unique_ptr<cred::CredentialSource> source;
  if (settings.credentials_file.empty()) {
    source = std::make_unique<cred::EnvironmentSource>(settings.environment, service->clock);
  } else {
    source = std::make_unique<cred::CredentialsFile>(settings.credentials_file, settings.profile,
                                                     service->service_clock);
  }
  if (settings.role) {
    if (settings.store.dialect == oss::Dialect::S3) {
      source = std::make_unique<cred::AwsAssumeRole>(*settings.role, std::move(source),
                                                     settings.sts, settings.store.region,
                                                     *service->transport, service->service_clock);
    } else {
      source = std::make_unique<cred::AssumeRole>(*settings.role, std::move(source), settings.sts,
                                                  *service->transport, service->service_clock);
    }
  }
  service->credentials = std::make_unique<cred::Refresher>(
      std::move(source), service->service_clock,
      cred::RefresherOptions{settings.credential_wait, core::random_seed()});
  return service;
}

}  // namespace app
