#include "cred/credentials_uri.h"

#include "core/format.h"
#include "cred/answers.h"
#include "cred/failure.h"

namespace cred {

using namespace std::chrono_literals;

CredentialsUri::CredentialsUri(http::Origin origin, std::string target, http::Transport& transport,
                               ServiceClock& clock)
    : origin_(std::move(origin)),
      target_(std::move(target)),
      transport_(transport),
      clock_(clock) {}

std::string CredentialsUri::describe() const {
  return core::format("credentials URI {}://{}{}", origin_.scheme, origin_.authority(),
                      target_.substr(0, target_.find('?')));
}

Fetched CredentialsUri::fetch(const core::OpContext& context) {
  auto fetched = ask(context);
  if (!fetched) {
    fetched.error().error = std::move(fetched.error().error).within(describe());
    if (succeeded_) {
      fetched.error().kind = FetchFailure::Class::Transient;
    }
  }
  succeeded_ = succeeded_ || fetched.has_value();
  return fetched;
}

Fetched CredentialsUri::ask(const core::OpContext& context) {
  http::Request request;
  request.origin = origin_;
  request.path = target_;
  const core::SteadyTime sent = clock_.own().steady_now();
  const http::Patience patience{5s, 10s, /*bypass_proxy=*/origin_.scheme == "http"};
  auto answer = http::perform(transport_, {context, std::move(request), patience, nullptr});
  if (!answer) {
    return no_answer(std::move(answer).error());
  }
  if (answer->status != 200) {
    return tl::unexpected(plain_refusal(*answer, "asked for credentials"));
  }
  auto given = parse_credentials_json(answer->body, Completeness::Temporary, "the server");
  auto lease = given ? lease_of(*std::move(given), *answer, sent, clock_)
                     : core::Result<Lease>(std::move(given).error());
  return lease ? Fetched(*std::move(lease)) : makes_no_sense(std::move(lease).error());
}

}  // namespace cred
