#include "cred/credentials_uri.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "core/format.h"
#include "core/os_error.h"
#include "core/text.h"
#include "core/unique_fd.h"
#include "cred/answers.h"
#include "cred/failure.h"
#include "cred/small_file.h"

namespace cred {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kLongestAuthorization = 20'000;

}  // namespace

CredentialsUri::CredentialsUri(http::Origin origin, std::string target, http::Transport& transport,
                               ServiceClock& clock, UriAuthorization authorization)
    : origin_(std::move(origin)),
      target_(std::move(target)),
      transport_(transport),
      clock_(clock),
      authorization_(std::move(authorization)) {}

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

core::Result<core::Secret> CredentialsUri::authorization() const {
  core::Secret text = authorization_.token;
  std::string where = "its authorization token";
  if (const std::string& path = authorization_.token_file; !path.empty()) {
    where = "authorization token file " + path;
    const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd.valid()) {
      return core::os_error(errno, where);
    }
    auto content = read_small_file(fd.get());
    if (!content) {
      return std::move(content).error().within(where);
    }
    text = core::Secret(std::string(core::trim(content->reveal())));
    if (text.empty()) {
      return core::fail(core::ErrorKind::InvalidArgument, where + ": it is empty");
    }
  }
  const std::string_view shown = text.reveal();
  if (shown.size() > kLongestAuthorization ||
      std::any_of(shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; })) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      where + ": it holds what no HTTP header may, or is too long for one");
  }
  return text;
}

Fetched CredentialsUri::ask(const core::OpContext& context) {
  http::Request request;
  request.origin = origin_;
  request.path = target_;
  auto shown = authorization();
  if (!shown) {
    return unusable(std::move(shown).error());
  }
  if (!shown->empty()) {
    request.headers.set("Authorization", std::string(shown->reveal()));
  }
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
