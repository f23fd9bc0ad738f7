#include "http/transport.h"

#include "core/mutex.h"

namespace http {
namespace {

/// Outlives the waiter, for `done` may still notify when the waiter has gone on.
struct Mailbox {
  core::Mutex mutex{core::LockRank::Leaf};
  core::CondVar arrived;
  std::optional<core::Result<Response>> answer GUARDED_BY(mutex);
};

}  // namespace

core::Result<Response> perform(Transport& transport, Exchange exchange) {
  auto mailbox = std::make_shared<Mailbox>();
  transport.send(std::move(exchange), [mailbox](core::Result<Response> answer) {
    const core::MutexLock lock(mailbox->mutex);
    mailbox->answer.emplace(std::move(answer));
    mailbox->arrived.notify_one();
  });
  const core::MutexLock lock(mailbox->mutex);
  while (!mailbox->answer) {
    mailbox->arrived.wait(mailbox->mutex);
  }
  return *std::move(mailbox->answer);
}

}  // namespace http
