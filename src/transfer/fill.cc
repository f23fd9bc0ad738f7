#include "transfer/fill.h"

#include <algorithm>
#include <vector>

#include "core/task_group.h"

namespace transfer {
namespace {

using core::ErrorKind;
using model::ByteRange;

constexpr std::uint64_t kFillBytes = 8U << 20U;

/// Puts what arrives into its place.
class FillSink final : public store::Sink {
 public:
  FillSink(LayeredFile& content, std::uint64_t offset, core::Metric& downloaded)
      : content_(content), at_(offset), downloaded_(downloaded) {}

  core::Status on_data(core::ByteView data) override {
    downloaded_.add(static_cast<std::int64_t>(data.size()));
    TRY(content_.fill(at_, data));
    at_ += data.size();
    return {};
  }
  [[nodiscard]] std::uint64_t at() const { return at_; }

 private:
  LayeredFile& content_;
  std::uint64_t at_;
  core::Metric& downloaded_;
};

core::Status fetch(const FillParts& parts, const core::OpContext& context,
                   const model::ObjectVersion& base, LayeredFile& content, ByteRange range) {
  FillSink sink(content, range.first, parts.downloaded);
  auto meta = parts.store.read(context, base, range, sink);
  if (!meta) {
    core::Error error = std::move(meta).error();
    if (error.kind == ErrorKind::NotFound) {
      error.kind = ErrorKind::Changed;  // it was there when somebody began to write over it
    }
    return std::move(error).within("fetch " + base.key.text());
  }
  if (sink.at() != range.last) {
    return core::fail(ErrorKind::Corrupt, "fetch " + base.key.text() + ": the range ended early");
  }
  return {};
}

core::Status fetch_all(const FillParts& parts, const core::OpContext& context,
                       const model::ObjectVersion& base, LayeredFile& content,
                       const std::vector<ByteRange>& gaps) {
  std::vector<ByteRange> pieces;
  std::uint64_t bytes = 0;
  for (const ByteRange& gap : gaps) {
    bytes += gap.size();
    for (std::uint64_t at = gap.first; at < gap.last; at += kFillBytes) {
      pieces.push_back({at, std::min(gap.last, at + kFillBytes)});
    }
  }
  if (bytes <= kFillBytes) {
    // Whoever fetches so little must not need a thread that may wait for it.
    for (const ByteRange& piece : pieces) {
      TRY(fetch(parts, context, base, content, piece));
    }
    return {};
  }
  core::TaskGroup group(parts.pool, context, parts.connections);
  for (const ByteRange& piece : pieces) {
    group.start(
        [&, piece](const core::OpContext& own) { return fetch(parts, own, base, content, piece); });
  }
  return group.wait();
}

}  // namespace

core::Status fill(const FillParts& parts, const core::OpContext& context,
                  const model::ObjectVersion& base, LayeredFile& content, ByteRange range) {
  while (!content.missing(range).empty()) {
    const auto gaps = content.begin_fetch(range);
    core::Status fetched = fetch_all(parts, context, base, content, gaps);
    content.end_fetch(gaps);
    TRY(fetched);
    content.await_fetches(range);  // those of others may fail, and are ours then
  }
  return {};
}

}  // namespace transfer
