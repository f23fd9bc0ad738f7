#pragma once
// An OSS store over a scripted transport, with credentials that the test hands out.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/format.h"
#include "oss/store.h"
#include "support/fake_clock.h"
#include "support/fake_transport.h"

namespace oss {

/// Hands out what the test queued; a rejected version is followed by the next.
class ScriptedCredentials final : public cred::CredentialProvider {
 public:
  ScriptedCredentials() { add("STS.one", "token-one"); }

  /// Asked for when it is needed, unless `issued` says when.
  void add(const std::string& id, const std::string& token,
           std::optional<core::SteadyTime> expires = std::nullopt,
           core::SteadyTime issued = core::SteadyTime::max()) {
    cred::Held held;
    held.lease.issued = issued;
    held.lease.credentials = {id, core::Secret("secret"), core::Secret(token)};
    held.lease.expires = expires;
    held.version = leases_.size() + 1;
    leases_.push_back(std::make_shared<const cred::Held>(held));
  }
  void replace_all() { leases_.clear(); }

  core::Result<std::shared_ptr<const cred::Held>> get(const core::OpContext&) override {
    if (current_ >= leases_.size()) {
      return core::fail(core::ErrorKind::Unauthenticated, "no successor");
    }
    return leases_[current_];
  }
  void reject(std::uint64_t version) override {
    rejected.push_back(version);
    if (version == current_ + 1) {
      ++current_;
    }
  }
  [[nodiscard]] core::Duration clock_offset() const override { return offset; }
  void correct_clock(core::WallTime service_now) override { corrections.push_back(service_now); }
  [[nodiscard]] cred::ProviderStatus status() const override { return {}; }

  std::vector<std::uint64_t> rejected;
  std::vector<core::WallTime> corrections;
  core::Duration offset{0};

 private:
  std::vector<std::shared_ptr<const cred::Held>> leases_;
  std::size_t current_ = 0;
};

inline test::Reply refusal(int status, const std::string& code, const std::string& more = {}) {
  test::Reply reply;
  reply.status = status;
  reply.headers = {{"x-oss-request-id", "REQ"}, {"x-oss-ec", "EC1"}};
  reply.body = "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>no " + code +
               "</Message>" + more + "</Error>";
  return reply;
}

inline test::Reply broken(core::ErrorKind kind = core::ErrorKind::Unavailable) {
  test::Reply reply;
  reply.error = core::fail(kind, "connection broke");
  return reply;
}

inline test::Reply ok(http::Headers headers = {}, std::string body = {}) {
  test::Reply reply;
  reply.headers = std::move(headers);
  reply.body = std::move(body);
  return reply;
}

inline test::Reply no_content() {
  test::Reply reply;
  reply.status = 204;
  return reply;
}

class OssStoreTest : public ::testing::Test {
 protected:
  OssStoreTest() {
    options_.endpoint = http::parse_origin("https://oss-cn-hangzhou.aliyuncs.com").value();
    options_.bucket = "examplebucket";
    // Whatever is nonsense is believed at once, where a test does not say otherwise.
    options_.retry = {
        .attempts = 4, .base = core::Duration{0}, .cap = core::Duration{0}, .doubted = 1};
  }

  /// Made at its first use, so that a test can change the options before.
  store::ObjectStore& store() {
    if (!store_) {
      store_ = open_store(options_, {transport_, credentials_, clock_, random_, metrics_,
                                     [this](core::SteadyTime, core::Duration told) {
                                       told_to_wait_.push_back(told);
                                     }})
                   .value();
    }
    return *store_;
  }
  /// Those of an object that nobody set anything on: a write has nothing to ask for.
  static store::ObjectSettings plain_settings() {
    store::ObjectSettings settings;
    settings.acl.emplace();
    settings.tags.emplace();
    return settings;
  }
  std::int64_t metric(const std::string& name) { return metrics_[name].value(); }
  /// Every reply was asked for, and nothing else.
  void expect_script_done(std::size_t requests) const {
    EXPECT_EQ(transport_.left(), 0U);
    EXPECT_EQ(transport_.sent().size(), requests);
  }

  Options options_;
  test::FakeTransport transport_;
  ScriptedCredentials credentials_;
  test::FakeClock clock_;
  core::Random random_{7};
  core::Metrics metrics_;
  core::OpContext context_;
  const model::ObjectKey key_{"logs/a.txt"};
  std::vector<core::Duration> told_to_wait_;  ///< by answers that were Throttled

 private:
  std::unique_ptr<store::ObjectStore> store_;
};

/// Keeps what arrives.
struct TextSink final : store::Sink {
  core::Status on_data(core::ByteView data) override {
    if (refuse_after && text.size() + data.size() > *refuse_after) {
      return core::fail(core::ErrorKind::Unavailable, "the sink is gone");
    }
    text += core::as_text(data);
    return {};
  }
  std::string text;
  std::optional<std::size_t> refuse_after;
};

}  // namespace oss
