#include "transfer/publishing.h"

#include <algorithm>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "store/evidence.h"
#include "transfer/source_sum.h"
#include "transfer/upload_plan.h"

namespace transfer {
namespace {

using core::ErrorKind;
using core::OpContext;
using store::Precondition;
using store::Published;

// To tidy up or to find out what became of a request, also when the caller's time is spent.
constexpr core::Duration kAfterwards = std::chrono::seconds{10};
// What the service calls the version of an object from before its bucket kept any.
constexpr std::string_view kNoVersion = "null";
// More than a request is ever repeated.
constexpr unsigned kVersionsBefore = 10;

/// The answer may have been lost after the service did its work.
bool is_doubtful(const core::Error& error) {
  return error.kind == ErrorKind::Timeout || error.kind == ErrorKind::Unavailable ||
         error.kind == ErrorKind::Cancelled;
}

}  // namespace

core::Result<std::string> Publishing::start(const OpContext& context, const model::ObjectKey& key,
                                            const store::ObjectAttributes& attributes) {
  TRY_ASSIGN(std::string id, store_.start_upload(context, key, attributes));
  if (log_ != nullptr) {
    log_->begun(key, id, attributes);
  }
  return id;
}

std::optional<LeftUpload> Publishing::take_left(const OpContext& context,
                                                const model::ObjectKey& key,
                                                const store::ObjectAttributes& attributes) {
  for (;;) {
    auto left = log_ != nullptr ? log_->take_left(key, attributes) : std::nullopt;
    if (!left || left->is_same) {
      return left;
    }
    abort(context, key, left->id, core::fail(ErrorKind::Changed, "its attributes are others now"));
  }
}

core::Result<store::PartReceipt> Publishing::send_part(
    const OpContext& context, const model::ObjectKey& key, const std::string& upload_id, int number,
    const std::shared_ptr<const store::Source>& source, model::ByteRange range) {
  TRY_ASSIGN(auto receipt, store_.upload_part(context, key, upload_id, number, source, range));
  if (!receipt.crc64) {
    TRY_ASSIGN(receipt.crc64, source_sum(*source, range));
  }
  if (log_ != nullptr) {
    log_->sent(key, upload_id, receipt, range);
  }
  counters_.parts_uploaded.add();
  counters_.bytes_uploaded.add(static_cast<std::int64_t>(range.size()));
  return receipt;
}

core::Result<store::PartReceipt> Publishing::copy_part(const OpContext& context,
                                                       const model::ObjectKey& key,
                                                       const std::string& upload_id, int number,
                                                       const model::ObjectVersion& from,
                                                       model::ByteRange range) {
  TRY_ASSIGN(auto receipt, store_.upload_part_copy(context, key, upload_id, number, from, range));
  receipt.size = range.size();
  counters_.parts_copied.add();
  return receipt;
}

core::Status Publishing::check(const OpContext& context, const model::ObjectKey& key,
                               const Precondition& precondition) {
  const store::Capabilities can = store_.capabilities();
  const bool absent = precondition.kind == Precondition::Kind::Absent;
  if (precondition.kind == Precondition::Kind::None ||
      (absent ? can.create_exclusive : can.compare_and_swap)) {
    return {};
  }
  auto found = store_.head(context, key);
  if (!found && found.error().kind != ErrorKind::NotFound) {
    return std::move(found).error();
  }
  if (absent && found) {
    return core::fail(ErrorKind::Exists, "somebody else created it");
  }
  if (!absent && (!found || found->etag != precondition.etag)) {
    return core::fail(ErrorKind::Changed, "somebody else replaced it");
  }
  return {};
}

void Publishing::look_what_was_overwritten(const OpContext& context, const model::ObjectKey& key,
                                           const Precondition& precondition, Published& published) {
  if (precondition.kind != Precondition::Kind::Matches || store_.capabilities().compare_and_swap ||
      published.version_id.empty() || published.version_id == kNoVersion || versions_denied_) {
    return;
  }
  const auto before =
      store_.versions_before(afterwards(context), key, published.version_id, kVersionsBefore);
  if (!before) {
    versions_denied_ = versions_denied_ || before.error().kind == ErrorKind::Denied;
    core::log(core::LogLevel::Warn,
              "could not look whether somebody else's version was overwritten",
              {{"key", key.text()}, {"error", core::describe(before.error())}});
    return;
  }
  // One with our ETag is ours: its answer was lost, and it was sent again.
  const auto other = std::find_if(before->begin(), before->end(), [&](const auto& version) {
    return version.removed || version.etag != published.etag;
  });
  if (other != before->end() && !other->removed && other->etag != precondition.etag) {
    published.overwrote = *other;
  }
}

core::Result<Published> Publishing::complete(const OpContext& context, const Assembled& assembled) {
  auto sum = combined_crc64(assembled.parts);
  if (!sum) {
    sum = assembled.crc64;
  }
  TRY(check(context, assembled.key, assembled.precondition));
  auto published = store_.complete_upload(context, assembled.key, assembled.upload_id,
                                          assembled.parts, assembled.precondition);
  if (!published && is_doubtful(published.error())) {
    published = look_whether_completed(context, assembled, sum, std::move(published).error());
  }
  if (published && log_ != nullptr) {
    log_->ended(assembled.key, assembled.upload_id);
  }
  if (published && sum) {
    TRY(compare(*published, *sum));
  }
  if (published) {
    published->settings = *assembled.attributes.settings;
    published->settings.origin = assembled.key;
    look_what_was_overwritten(context, assembled.key, assembled.precondition, *published);
  }
  return published;
}

core::Result<Published> Publishing::look_whether_completed(const OpContext& context,
                                                           const Assembled& assembled,
                                                           std::optional<std::uint64_t> sum,
                                                           core::Error error) {
  auto found = store_.head(afterwards(context), assembled.key);
  const store::Evidence ours{.size = assembled.size,
                             .crc64 = sum,
                             .user = assembled.attributes.user,
                             .parts = assembled.parts.size(),
                             .replaced = assembled.precondition.etag};
  if (!found || !ours.proves(*found)) {
    return error;
  }
  Published published;
  published.etag = found->etag;
  published.version_id = found->version_id;
  published.crc64 = found->crc64;
  published.last_modified = found->last_modified;
  return published;
}

core::Status Publishing::compare(const Published& published, std::uint64_t sum) {
  if (published.crc64 && *published.crc64 != sum) {
    return core::fail(ErrorKind::Corrupt,
                      core::format("the service has CRC-64 {}, we sent {}", *published.crc64, sum));
  }
  return {};
}

OpContext Publishing::afterwards(const OpContext& context) const {
  OpContext own;
  own.id = context.id;
  own.cause = core::Cause::Maintenance;
  own.deadline = clock_.steady_now() + kAfterwards;
  return own;
}

core::Status Publishing::remove(const model::ObjectKey& key) {
  return store_.remove(afterwards({}), key);
}

void Publishing::abort(const OpContext& context, const model::ObjectKey& key,
                       const std::string& upload_id, const core::Error& why) {
  auto status = store_.abort_upload(afterwards(context), key, upload_id);
  const bool ended = status || status.error().kind == ErrorKind::NoUpload;
  if (ended && log_ != nullptr) {
    log_->ended(key, upload_id);
  }
  if (!ended) {
    core::log(core::LogLevel::Warn, "could not abort an upload; its parts stay and are billed",
              {{"key", key.text()},
               {"upload", upload_id},
               {"error", core::describe(status.error())},
               {"after", core::describe(why)}});
  }
}

}  // namespace transfer
