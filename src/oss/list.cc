// ListObjectsV2: a page is read while it arrives.
#include <utility>

#include "oss/listing_scanner.h"
#include "oss/oss_store.h"

namespace oss {
namespace {

/// Reads one attempt's page. Touched by the transport's thread during the attempt and by whoever
/// asked behind it.
class PageSink final : public http::BodySink {
 public:
  explicit PageSink(const Traits& traits) : scanner_(traits) {}

  bool on_head(const http::Response& head) override { return head.status < 300; }
  core::Status on_data(core::ByteView data) override {
    bytes_ += static_cast<std::int64_t>(data.size());
    return scanner_.push(data);
  }

  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  core::Result<store::ListPage> finish(const store::ListQuery& query) {
    auto page = scanner_.finish();
    if (!page) {
      return std::move(page).error().within("ListObjectsV2 " + query.prefix);
    }
    if (!page->next_token.empty() && page->next_token == query.continuation_token) {
      return core::fail(core::ErrorKind::Protocol,
                        "ListObjectsV2 " + query.prefix + ": the pages go round in a circle");
    }
    return page;
  }

 private:
  ListingScanner scanner_;
  std::int64_t bytes_ = 0;
};

core::Status check_query(const store::ListQuery& query) {
  if (query.max_keys == 0 || query.max_keys > 1000) {
    return core::fail(core::ErrorKind::InvalidArgument, "a page has 1 to 1000 keys");
  }
  return {};
}

Call call_for(const Client& client, const store::ListQuery& query) {
  Call call = client.call(Operation::ListObjectsV2, "GET", "");
  call.subject = query.prefix;
  auto& parameters = call.request.query;
  parameters.push_back({"list-type", "2"});
  parameters.push_back({"max-keys", std::to_string(query.max_keys)});
  // Keys with control characters would make the answer ill-formed otherwise.
  parameters.push_back({"encoding-type", "url"});
  const auto add_if_any = [&parameters](std::string name, const std::string& value) {
    if (!value.empty()) {
      parameters.push_back({std::move(name), value});
    }
  };
  add_if_any("prefix", query.prefix);
  add_if_any("delimiter", query.delimiter);
  add_if_any("continuation-token", query.continuation_token);
  if (query.continuation_token.empty()) {
    add_if_any("start-after", query.start_after);
  }
  return call;
}

}  // namespace

core::Result<store::ListPage> OssStore::list(const core::OpContext& context,
                                             const store::ListQuery& query) {
  TRY(check_query(query));
  Call call = call_for(client_, query);
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::ListPage> {
    call.attempt = n;
    const auto sink = std::make_shared<PageSink>(client_.traits());
    call.sink = sink;
    const auto response = client_.send_once(context, call, pause);
    client_.metrics().bytes_received.add(sink->bytes());
    if (!response) {
      return response.error();
    }
    return sink->finish(query);
  };
  return client_.repeat(context, attempt);
}

void OssStore::start_list(const core::OpContext& context, const store::ListQuery& query,
                          ListDone done) {
  if (auto good = check_query(query); !good) {
    done(std::move(good).error());
    return;
  }
  Call call = call_for(client_, query);
  const auto sink = std::make_shared<PageSink>(client_.traits());
  call.sink = sink;
  client_.start(context, call,
                [this, sink, query, done = std::move(done)](core::Result<http::Response> response) {
                  client_.metrics().bytes_received.add(sink->bytes());
                  done(response ? sink->finish(query)
                                : core::Result<store::ListPage>(std::move(response).error()));
                });
}

}  // namespace oss
