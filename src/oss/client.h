#pragma once
// Sign, send, and where the credentials are refused sign again with their successor.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "http/retry.h"
#include "http/transport.h"
#include "oss/answer_ids.h"
#include "oss/archive_notices.h"
#include "oss/metrics.h"
#include "oss/service_errors.h"
#include "oss/store.h"
#include "sign/signer.h"

namespace oss {

/// One operation to be carried out, not yet signed.
struct Call {
  Operation operation = Operation::HeadObject;
  std::string key;      ///< empty at bucket level
  std::string subject;  ///< for messages: the key or prefix it is about
  http::Request request;
  std::shared_ptr<http::BodySink> sink;
  /// Carries object data: only silence and the caller's deadline end it.
  bool bulk = false;
  /// The service may work for a while before it answers (copies, completions), or while it does:
  /// S3 then says 200 first and may end with an error document.
  bool slow_answer = false;
  int attempt = 0;  ///< how often it was tried before: patience with a silent service grows
};

/// Threads: any.
class Client {
 public:
  Client(const Options& options, const Surroundings& world);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const Traits& traits() const { return traits_; }
  [[nodiscard]] core::SteadyTime now() const { return world_.clock.steady_now(); }
  Metrics& metrics() { return metrics_; }

  /// A call about `key`, or about the bucket where that is empty.
  [[nodiscard]] Call call(Operation operation, std::string method, std::string key) const;

  /// Runs `attempt(n, pause)`, which is to call send_once, until it succeeds, fails for good, or
  /// attempts or time run out.
  template <class Attempt>
  auto repeat(const core::OpContext& context, Attempt&& attempt)
      -> decltype(attempt(0, std::declval<core::Duration&>())) {
    core::Duration pause{0};
    return http::with_retries(
        context, options_.retry, world_.clock, world_.random,
        [&](int n) {
          if (n > 0) {
            metrics_.retries.add();
          }
          return attempt(n, pause);
        },
        &pause);
  }

  /// One attempt, with the re-signing that credentials and clocks may need.
  /// Shape: a response below 300. Errors are those of the service; "Operation subject: …".
  core::Result<http::Response> send_once(const core::OpContext& context, const Call& call,
                                         core::Duration& pause);
  /// The same with the credentials at hand, without waiting for anybody: `done` is called once, by
  /// a thread of the transport or at once. Shape: a response below 300. Errors: as the service
  /// said; what may pass is left to send().
  void start(const core::OpContext& context, const Call& call, http::Transport::Done done);
  /// The URL of `call`'s request, signed for `lifetime`, in whole seconds.
  /// Errors: Unauthenticated (no credentials in time, or none to sign with).
  core::Result<store::SignedUrl> sign_url(const core::OpContext& context, Call call,
                                          core::Duration lifetime);
  [[nodiscard]] sign::Scheme scheme() const { return scheme_; }

  /// send_once, repeated.
  core::Result<http::Response> send(const core::OpContext& context, const Call& call);

 private:
  struct Answer {
    http::Response response;
    std::optional<Refusal> refusal;
  };
  [[nodiscard]] sign::Scope scope_of(const Call& call) const;
  /// The request as it is signed and sent, with what the options say of every one like it.
  [[nodiscard]] http::Request request_of(const Call& call) const;
  /// A request on its way, and what its answer is judged by.
  struct Signed {
    http::Request request;  ///< as it was before it was signed
    sign::Scope scope;
    core::WallTime signed_at;
    core::SteadyTime sent;
  };
  http::Exchange sign(const core::OpContext& context, const Call& call,
                      const sign::Credentials& credentials, Signed& about);
  Answer judge(const core::OpContext& context, const Call& call,
               const sign::Credentials& credentials, const Signed& about, http::Response response);
  core::Result<Answer> exchange(const core::OpContext& context, const Call& call,
                                const sign::Credentials& credentials);
  void explain_signature(Refusal& refusal, const sign::Credentials& credentials,
                         const Signed& about) const;
  /// Passes on that the service asks for fewer requests.
  void hear(const Refusal& refusal, core::SteadyTime sent) const;
  void count(const Call& call, const core::Error& error);

  const Options options_;
  const Surroundings world_;
  const Traits& traits_;
  const Endpoint endpoint_;
  const sign::Scheme scheme_;
  Metrics metrics_;
  AnswerIds answer_ids_;
  ArchiveNotices archive_notices_;
};

}  // namespace oss
