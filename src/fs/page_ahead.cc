#include "fs/page_ahead.h"

#include <utility>

namespace fs {

core::OpContext PageAhead::own_context(const core::OpContext& context,
                                       const std::stop_source& stop) {
  core::OpContext own = context;
  own.stop = stop.get_token();
  own.cause = core::Cause::Prefetch;
  return own;
}

PageAhead::PageAhead(store::ObjectStore& store, core::ThreadPool& pool,
                     const core::OpContext& context, store::ListQuery query, Asked asked)
    : asked_(std::move(asked)), group_(pool, own_context(context, stop_), 1) {
  group_.start(
      [this, &store, query = std::move(query)](const core::OpContext& own) -> core::Status {
        TRY_ASSIGN(page_, store.list(own, query));
        return {};
      });
}

core::Result<store::ListPage> PageAhead::take(const core::OpContext& context) {
  const std::stop_callback stop(context.stop, [this] { stop_.request_stop(); });
  TRY(group_.wait());
  return *std::exchange(page_, std::nullopt);
}

}  // namespace fs
