#include <csignal>
#include <cstdio>
#include <utility>

#include "app/commands.h"
#include "app/exit_code.h"
#include "emulator/emulator.h"
#include "ops/signals.h"

namespace app {

int run_emulator(const options::Values& values) {
  if (auto opened = open_log(values, false); !opened) {
    return refuse(Exit::Usage, opened.error());
  }
  emulator::Options options;
  options.listen = values.text("listen");
  options.metadata_listen = values.text("metadata-listen");
  options.data_dir = values.text("data");
  options.tls_cert = values.text("tls-cert");
  options.tls_key = values.text("tls-key");
  options.ready_file = values.text("ready-file");
  options.virtual_host_domains = values.list("virtual-host-domain");
  options.missing_key_is_denied = values.flag("missing-key-is-denied");
  options.threads = static_cast<unsigned>(values.count("threads"));
  emulator::AuthorityOptions& authority = options.authority;
  authority.region = values.text("region");
  authority.buckets = values.list("bucket");
  authority.min_duration = values.duration("min-duration");
  authority.config_file = values.text("config");
  authority.data_dir = options.data_dir;
  authority.client_vpc = values.text("client-vpc");
  authority.weak_metadata = values.flag("weak-metadata");
  authority.expired_as_invalid_key = values.flag("expired-as-invalid-key");
  authority.expired_as_denied = values.flag("expired-as-denied");
  authority.oidc_token = values.text("oidc-token");
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return refuse(Exit::Usage, "--tls-cert and --tls-key go together");
  }

  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) {
    sigaddset(&set, signal);
  }
  if (auto blocked = ops::block_signals({SIGTERM, SIGINT}); !blocked) {
    return refuse(Exit::Failure, blocked.error());
  }
  const auto running = emulator::Emulator::start(std::move(options));
  if (!running) {
    return refuse(Exit::Failure, running.error().within("cannot start the emulator"));
  }
  std::puts((*running)->ready_line().c_str());
  std::fflush(stdout);
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return static_cast<int>(Exit::Ok);
}

}  // namespace app
