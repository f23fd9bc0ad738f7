#include "conformance/instances.h"

#include "core/check.h"
#include "curl/transport.h"
#include "support/fake_clock.h"

namespace conformance {
namespace {

class FakeInstance final : public Instance {
 public:
  store::ObjectStore& store() override { return store_; }

 private:
  test::FakeClock clock_;
  test::FakeStore store_{clock_};
};

/// The base user's key, for ever.
class FixedCredentials final : public cred::CredentialProvider {
 public:
  explicit FixedCredentials(const emulator::Identity& identity) {
    cred::Held held;
    held.lease.credentials = {identity.access_key_id, core::Secret(identity.access_key_secret), {}};
    held.version = 1;
    held_ = std::make_shared<const cred::Held>(held);
  }
  core::Result<std::shared_ptr<const cred::Held>> get(const core::OpContext&) override {
    return held_;
  }
  void reject(std::uint64_t) override {}
  [[nodiscard]] core::Duration clock_offset() const override { return core::Duration{0}; }
  void correct_clock(core::WallTime) override {}
  [[nodiscard]] cred::ProviderStatus status() const override { return {}; }

 private:
  std::shared_ptr<const cred::Held> held_;
};

std::unique_ptr<emulator::Emulator> start_emulator() {
  auto started = emulator::Emulator::start({});
  CORE_CHECK(started.has_value());
  return *std::move(started);
}

oss::Options options_for(const http::Origin& endpoint, oss::Signing signing,
                         oss::Addressing addressing) {
  oss::Options options;
  options.endpoint = endpoint;
  if (addressing == oss::Addressing::Virtual) {
    options.endpoint.host = "localhost";  // so that the bucket can stand before it
  }
  options.bucket = "examplebucket";
  options.region = "cn-hangzhou";
  options.signing = signing;
  options.addressing = addressing;
  options.retry.base = std::chrono::milliseconds{1};
  options.retry.cap = std::chrono::milliseconds{20};
  return options;
}

}  // namespace

std::unique_ptr<Instance> fake_instance() { return std::make_unique<FakeInstance>(); }

struct EmulatedInstance::Parts {
  Parts(oss::Signing signing, oss::Addressing addressing)
      : emulator(start_emulator()),
        transport(curl::open_transport({}).value()),
        credentials(emulator->identity()),
        store(oss::open_store(options_for(http::parse_origin(emulator->oss_endpoint()).value(),
                                          signing, addressing),
                              {*transport, credentials, clock, random, metrics})
                  .value()) {}

  std::unique_ptr<emulator::Emulator> emulator;
  std::unique_ptr<http::Transport> transport;
  FixedCredentials credentials;
  core::SystemClock clock;
  core::Random random{7};
  core::Metrics metrics;
  std::unique_ptr<store::ObjectStore> store;
};

EmulatedInstance::EmulatedInstance(oss::Signing signing, oss::Addressing addressing)
    : parts_(std::make_unique<Parts>(signing, addressing)) {}

EmulatedInstance::~EmulatedInstance() = default;

store::ObjectStore& EmulatedInstance::store() { return *parts_->store; }

core::Metrics& EmulatedInstance::metrics() { return parts_->metrics; }

void EmulatedInstance::administer(const std::string& path, const std::string& json) {
  http::Exchange exchange;
  exchange.request.method = "POST";
  exchange.request.origin = http::parse_origin(parts_->emulator->admin_endpoint()).value();
  exchange.request.path = path;
  exchange.request.headers.set("Content-Type", "application/json");
  exchange.request.body = http::text_body(json);
  const auto response = http::perform(*parts_->transport, std::move(exchange));
  CORE_CHECK(response && response->status < 300);
}

}  // namespace conformance
