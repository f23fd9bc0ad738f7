#include "conformance/instances.h"

#include <cstdlib>

#include "core/check.h"
#include "core/random.h"
#include "curl/transport.h"
#include "sign/signer.h"
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

/// One key, for ever.
class FixedCredentials final : public cred::CredentialProvider {
 public:
  FixedCredentials(const std::string& access_key_id, const std::string& access_key_secret) {
    cred::Held held;
    held.lease.credentials = {access_key_id, core::Secret(access_key_secret), {}};
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
                         oss::Addressing addressing, oss::Dialect dialect) {
  oss::Options options;
  options.dialect = dialect;
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
  Parts(oss::Signing signing, oss::Addressing addressing, oss::Dialect dialect)
      : emulator(start_emulator()),
        transport(curl::open_transport({}).value()),
        credentials(emulator->identity().access_key_id, emulator->identity().access_key_secret),
        store(oss::open_store(options_for(http::parse_origin(emulator->oss_endpoint()).value(),
                                          signing, addressing, dialect),
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

EmulatedInstance::EmulatedInstance(oss::Signing signing, oss::Addressing addressing,
                                   oss::Dialect dialect)
    : parts_(std::make_unique<Parts>(signing, addressing, dialect)) {}

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

namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class JudgeInstance final : public Instance {
 public:
  JudgeInstance() {
    make_bucket();
    store_ =
        oss::open_store(options_, {*transport_, credentials_, clock_, random_, metrics_}).value();
  }
  store::ObjectStore& store() override { return *store_; }

 private:
  void make_bucket() {
    http::Exchange exchange;
    exchange.request.method = "PUT";
    exchange.request.origin = options_.endpoint;
    exchange.request.path = "/" + options_.bucket;
    sign::sign_header(exchange.request, credentials_.get({}).value()->lease.credentials,
                      sign::Scheme::S3V4, {options_.bucket, "", options_.region, "s3"},
                      clock_.wall_now());
    const auto response = http::perform(*transport_, std::move(exchange));
    CORE_CHECK(response && response->status < 300);
  }

  const oss::Options options_ = [] {
    oss::Options options;
    options.dialect = oss::Dialect::S3;
    options.endpoint = http::parse_origin(variable("STSFS_JUDGE_ENDPOINT")).value();
    options.bucket = "contract-" + core::random_hex(8);
    options.region = "us-east-1";
    return options;
  }();
  core::SystemClock clock_;
  core::Random random_{7};
  core::Metrics metrics_;
  std::unique_ptr<http::Transport> transport_ = curl::open_transport({}).value();
  FixedCredentials credentials_{variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")};
  std::unique_ptr<store::ObjectStore> store_;
};

}  // namespace

bool has_judge() { return !variable("STSFS_JUDGE_ENDPOINT").empty(); }

std::unique_ptr<Instance> judge_instance() {
  return has_judge() ? std::make_unique<JudgeInstance>() : nullptr;
}

}  // namespace conformance
