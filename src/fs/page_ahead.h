#pragma once
#include <optional>
#include <stop_token>
#include <string>

#include "core/task_group.h"
#include "core/thread_pool.h"
#include "store/object_store.h"

namespace fs {

/// The next page of a listing, asked for while a program reads the one before.
/// Threads: one at a time. Its end stops the request and waits for that.
class PageAhead {
 public:
  /// What held when it was asked for.
  struct Asked {
    std::string key;  ///< the directory's
    core::SteadyTime until{};
    std::uint64_t changes = 0;  ///< Place::changes
  };
  PageAhead(store::ObjectStore& store, core::ThreadPool& pool, const core::OpContext& context,
            store::ListQuery query, Asked asked);
  PageAhead(const PageAhead&) = delete;
  PageAhead& operator=(const PageAhead&) = delete;
  ~PageAhead() { stop_.request_stop(); }

  [[nodiscard]] const Asked& asked() const { return asked_; }
  /// Waits for it; once. Errors: those of ObjectStore::list; Cancelled when `context` is.
  core::Result<store::ListPage> take(const core::OpContext& context);

 private:
  static core::OpContext own_context(const core::OpContext& context, const std::stop_source& stop);

  const Asked asked_;
  std::stop_source stop_;
  std::optional<store::ListPage> page_;
  core::TaskGroup group_;  // ends first: what runs writes page_
};

}  // namespace fs
