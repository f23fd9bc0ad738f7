#pragma once
// An http::Transport behind which STS (Alibaba Cloud's and AWS's), a metadata server and a
// credentials URI answer, in fake time.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/random.h"
#include "core/text.h"
#include "http/transport.h"

namespace test {

/// Credentials as a program or a driver of volumes got them from the cloud.
struct Issued {
  int count;
  std::string expiration;
  [[nodiscard]] std::string number() const { return "cloud-" + std::to_string(count); }
  [[nodiscard]] std::string id() const { return "STS." + number(); }
  [[nodiscard]] std::string secret() const { return "canary-secret-" + std::to_string(count); }
  [[nodiscard]] std::string token() const { return "canary-token-" + std::to_string(count); }
  [[nodiscard]] std::string json() const {
    return R"({"Code":"Success","AccessKeyId":")" + id() + R"(","AccessKeySecret":")" + secret() +
           R"(","SecurityToken":")" + token() + R"(","Expiration":")" + expiration + "\"}";
  }
  [[nodiscard]] std::string ini() const {
    return "[default]\ntype = sts\naccess_key_id = " + id() + "\naccess_key_secret = " + secret() +
           "\nsecurity_token = " + token() + "\nexpiration = " + expiration + "\n";
  }
  /// As AWS's STS answers.
  [[nodiscard]] std::string xml(const std::string& action) const {
    return "<" + action + "Response><" + action + "Result><Credentials><AccessKeyId>" + id() +
           "</AccessKeyId><SecretAccessKey>" + secret() + "</SecretAccessKey><SessionToken>" +
           token() + "</SessionToken><Expiration>" + expiration + "</Expiration></Credentials></" +
           action + "Result></" + action + "Response>";
  }
};

/// Issues "STS.cloud-N" with "canary-secret-N" and "canary-token-N".
/// Threads: any; answers in the calling thread.
class FakeCloud final : public http::Transport {
 public:
  FakeCloud(core::Clock& clock, core::Duration lifetime) : clock_(clock), lifetime_(lifetime) {}

  static http::Origin sts() { return {"https", "sts.aliyuncs.com", 443}; }
  static http::Origin metadata() { return {"http", "100.100.100.200", 80}; }
  static http::Origin sidecar() { return {"http", "127.0.0.1", 8080}; }

  /// Every request fails with this probability: half of these with 503, half without an answer.
  void fail_randomly(double probability, std::uint64_t seed) {
    const core::MutexLock lock(mutex_);
    probability_ = probability;
    random_ = std::make_unique<core::Random>(seed);
  }
  void set_down(bool down) {
    const core::MutexLock lock(mutex_);
    down_ = down;
  }
  /// How often `what` was asked: "AssumeRole", "AssumeRoleWithOIDC", "PUT token", "GET role",
  /// "GET credentials" (of the metadata server), "GET uri".
  int count(const std::string& what) const {
    const core::MutexLock lock(mutex_);
    const auto found = counts_.find(what);
    return found == counts_.end() ? 0 : found->second;
  }
  int issued() const {
    const core::MutexLock lock(mutex_);
    return issued_;
  }

  /// What somebody else gets who asks for credentials; nothing where that fails.
  std::optional<Issued> issue_to_others() {
    const core::MutexLock lock(mutex_);
    return fails() ? std::nullopt : std::optional<Issued>(issue());
  }
  /// When the credentials with that id end.
  core::SteadyTime end_of(const std::string& access_key_id) const {
    const core::MutexLock lock(mutex_);
    return ends_.at(access_key_id);
  }

  void send(http::Exchange exchange, Done done) override { done(answer(exchange.request)); }

 private:
  static constexpr auto kSessionLife = std::chrono::hours{6};

  core::Result<http::Response> answer(const http::Request& request) {
    const core::MutexLock lock(mutex_);
    if (fails()) {
      if (random_ && random_->unit() < 0.5) {
        return reply(503, "");
      }
      return core::fail(core::ErrorKind::Unavailable, "connection refused");
    }
    if (request.origin.host == sts().host) {
      return sts_answer(request);
    }
    if (request.origin.host == metadata().host) {
      return metadata_answer(request);
    }
    ++counts_["GET uri"];
    return reply(200, issue().json());
  }

  http::Response sts_answer(const http::Request& request) REQUIRES(mutex_) {
    std::string form(request.body->size(), '\0');
    EXPECT_TRUE(
        request.body->read(0, std::as_writable_bytes(std::span<char>(form.data(), form.size()))));
    std::string action(request.headers.get("x-acs-action").value_or(""));
    for (const auto pair : core::split(form, '&')) {
      if (pair.starts_with("Action=")) {
        action = pair.substr(7);
      }
    }
    ++counts_[action];
    if (form.find("Version=2011-06-15") != std::string::npos) {
      return reply(200, issue().xml(action));
    }
    return reply(200, "{\"Credentials\":" + issue().json() + "}");
  }

  http::Response metadata_answer(const http::Request& request) REQUIRES(mutex_) {
    const core::SteadyTime now = clock_.steady_now();
    if (request.method == "PUT") {
      ++counts_["PUT token"];
      session_ends_ = now + kSessionLife;
      return reply(200, "session-token");
    }
    if (request.headers.get("X-aliyun-ecs-metadata-token") != "session-token" ||
        now >= session_ends_) {
      return reply(401, "");
    }
    if (request.path.ends_with('/')) {
      ++counts_["GET role"];
      return reply(200, "the-role");
    }
    ++counts_["GET credentials"];
    return reply(200, issue().json());
  }

  bool fails() REQUIRES(mutex_) { return down_ || (random_ && random_->unit() < probability_); }
  Issued issue() REQUIRES(mutex_) {
    Issued issued{++issued_, core::format_iso8601(clock_.wall_now() + lifetime_)};
    ends_[issued.id()] = clock_.steady_now() + lifetime_;
    return issued;
  }
  http::Response reply(int status, std::string body) REQUIRES(mutex_) {
    http::Response response;
    response.status = status;
    response.headers.set("Date", core::format_http_date(clock_.wall_now()));
    response.body = std::move(body);
    return response;
  }

  core::Clock& clock_;
  const core::Duration lifetime_;
  mutable core::Mutex mutex_{core::LockRank::Transport};
  std::unique_ptr<core::Random> random_ GUARDED_BY(mutex_);
  double probability_ GUARDED_BY(mutex_) = 0;
  bool down_ GUARDED_BY(mutex_) = false;
  int issued_ GUARDED_BY(mutex_) = 0;
  core::SteadyTime session_ends_ GUARDED_BY(mutex_);
  std::map<std::string, int> counts_ GUARDED_BY(mutex_);
  std::map<std::string, core::SteadyTime> ends_ GUARDED_BY(mutex_);
};

}  // namespace test
