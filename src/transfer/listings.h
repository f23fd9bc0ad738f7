#pragma once
#include <functional>
#include <memory>

#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/list_parts.h"
#include "transfer/request_rate.h"

namespace transfer {

/// A listing under way: its pages in the order of their keys, by one request after another or, for
/// whoever reads on, by many at once (list_parts.h).
/// Threads: one at a time. Its end stops the requests and waits for that.
class Listing {
 public:
  using Asked = ListParts::Asked;
  using Page = ListParts::Page;
  /// Called for each request before it is sent, by any thread.
  using Stamp = std::function<Asked()>;
  /// `rate` bounds the requests that run ahead; it may be null. `query` has no continuation token.
  Listing(store::ObjectStore& store, RequestRate* rate, store::ListQuery query, Stamp stamp);
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;
  ~Listing();

  /// Waits for the next page, until one whose next_token is empty. Errors: those of
  /// ObjectStore::list; after one the same page may be asked for again.
  core::Result<Page> next(const core::OpContext& context);
  /// The reader reads on: what follows may be asked for before he does.
  void run_ahead(const core::OpContext& context);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace transfer
