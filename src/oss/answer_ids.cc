#include "oss/answer_ids.h"

#include <utility>

namespace oss {
namespace {

/// More than can be under way on all connections between an answer and its double.
constexpr std::size_t kRemembered = 1024;

}  // namespace

core::Status AnswerIds::check(const http::Response& head) {
  const auto id = head.headers.get("x-oss-request-id");
  if (!id || id->empty()) {
    return head.status >= 300
               ? core::Status()
               : core::fail(core::ErrorKind::Protocol,
                            "an answer without a request id, so not of the service: is there a "
                            "proxy or a login page in between?");
  }
  std::string text(*id);
  const core::MutexLock lock(mutex_);
  if (!known_.insert(text).second) {
    return core::fail(core::ErrorKind::Unavailable,
                      "the answer " + text + " came twice: it answers another request");
  }
  order_.push_back(std::move(text));
  if (order_.size() > kRemembered) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  return {};
}

}  // namespace oss
