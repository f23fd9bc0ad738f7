#include "transfer/uploads.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/digest.h"
#include "core/format.h"
#include "core/log.h"
#include "core/task_group.h"
#include "store/evidence.h"
#include "transfer/metrics.h"
#include "transfer/upload_plan.h"

namespace transfer {
namespace {

using core::ErrorKind;
using core::OpContext;
using model::ByteRange;
using store::PartReceipt;
using store::Precondition;
using store::Published;

// Copied parts pass no wire of ours: big ones save requests.
constexpr std::uint64_t kCopyPartBytes = 64U << 20U;
// To tidy up or to find out what became of a request, also when the caller's time is spent.
constexpr core::Duration kAfterwards = std::chrono::seconds{10};
constexpr std::size_t kSumBytes = 1U << 20U;

core::Result<std::uint64_t> sum_of(const store::Source& source, ByteRange range) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kSumBytes, range.size()));
  std::uint64_t crc = 0;
  for (std::uint64_t at = range.first; at < range.last;) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), range.last - at);
    TRY_ASSIGN(const std::size_t n, source.read(at, std::span(buffer).first(wanted)));
    if (n == 0) {
      return core::fail(ErrorKind::Io, "the source is shorter than it said");
    }
    crc = core::crc64(std::span<const std::byte>(buffer).first(n), crc);
    at += n;
  }
  return crc;
}

/// What a multipart upload is made of.
struct Assembly {
  model::ObjectKey key;
  std::vector<ByteRange> parts;
  store::ObjectAttributes attributes;
  Precondition precondition;
  std::optional<std::uint64_t> crc64;  ///< of the whole, if known before
  std::function<core::Result<PartReceipt>(const OpContext&, const std::string& upload_id,
                                          int number, ByteRange)>
      send;
};

class StoreUploads final : public Uploads {
 public:
  StoreUploads(store::ObjectStore& store, core::Clock& clock, core::Metrics& metrics,
               UploadOptions options)
      : store_(store),
        clock_(clock),
        counters_(metrics),
        options_(options),
        pool_("upload", std::max(1U, options.connections)) {}

  core::Result<Published> publish(const OpContext& caller, const model::ObjectKey& key,
                                  std::shared_ptr<const store::Source> source,
                                  const store::ObjectAttributes& attributes,
                                  const Precondition& precondition) override {
    OpContext context = caller;
    context.cause = core::Cause::Upload;
    const std::uint64_t size = source->size();
    auto result = size < options_.multipart_threshold_bytes || size == 0
                      ? put(context, key, source, attributes, precondition)
                      : upload(context, key, source, attributes, precondition);
    return counted(std::move(result), "upload", key);
  }

  core::Result<Published> copy(const OpContext& caller,
                               const store::CopyRequest& request) override {
    OpContext context = caller;
    context.cause = core::Cause::Upload;
    auto result = request.source.size <= store_.capabilities().max_copy_bytes
                      ? copy_at_once(context, request)
                      : copy_by_parts(context, request);
    if (!result && result.error().kind == ErrorKind::TooLarge &&
        request.source.size <= store_.capabilities().max_copy_bytes && request.source.size > 0) {
      // The service's limit depends on storage class and encryption, which we do not know.
      result = copy_by_parts(context, request);
    }
    return counted(std::move(result), "copy", request.target);
  }

 private:
  core::Result<Published> counted(core::Result<Published> result, const char* what,
                                  const model::ObjectKey& key) {
    (result ? counters_.uploads_completed : counters_.uploads_failed).add();
    if (!result) {
      return std::move(result).error().within(core::format("{} {}", what, key.text()));
    }
    return result;
  }

  /// Where the service does not keep the precondition itself.
  core::Status check(const OpContext& context, const model::ObjectKey& key,
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

  core::Result<Published> put(const OpContext& context, const model::ObjectKey& key,
                              const std::shared_ptr<const store::Source>& source,
                              const store::ObjectAttributes& attributes,
                              const Precondition& precondition) {
    TRY(check(context, key, precondition));
    TRY_ASSIGN(auto published, store_.put(context, key, source, attributes, precondition));
    counters_.bytes_uploaded.add(static_cast<std::int64_t>(source->size()));
    if (published.crc64) {
      TRY_ASSIGN(const std::uint64_t sum, sum_of(*source, {0, source->size()}));
      TRY(compare(published, sum));
    }
    return published;
  }

  core::Result<Published> upload(const OpContext& context, const model::ObjectKey& key,
                                 const std::shared_ptr<const store::Source>& source,
                                 const store::ObjectAttributes& attributes,
                                 const Precondition& precondition) {
    Assembly assembly;
    assembly.key = key;
    assembly.attributes = attributes;
    TRY_ASSIGN(assembly.attributes.settings,
               store_.complete_settings(context, attributes.settings));
    assembly.precondition = precondition;
    TRY_ASSIGN(assembly.parts,
               plan_parts(source->size(), options_.part_bytes, store_.capabilities()));
    assembly.send = [this, key, source](const OpContext& own, const std::string& id, int number,
                                        ByteRange range) -> core::Result<PartReceipt> {
      TRY_ASSIGN(auto receipt, store_.upload_part(own, key, id, number, source, range));
      if (!receipt.crc64) {
        TRY_ASSIGN(receipt.crc64, sum_of(*source, range));
      }
      counters_.parts_uploaded.add();
      counters_.bytes_uploaded.add(static_cast<std::int64_t>(range.size()));
      return receipt;
    };
    return assemble(context, assembly);
  }

  core::Result<Published> copy_at_once(const OpContext& context,
                                       const store::CopyRequest& request) {
    TRY(check(context, request.target, request.precondition));
    return store_.copy(context, request);
  }

  core::Result<Published> copy_by_parts(const OpContext& context,
                                        const store::CopyRequest& request) {
    const model::ObjectVersion& source = request.source;
    TRY_ASSIGN(const store::ObjectMeta meta, store_.head(context, source.key));
    if (meta.size != source.size || (!source.etag.empty() && meta.etag != source.etag)) {
      return core::fail(ErrorKind::Changed, source.key.text() + " changed");
    }
    model::ObjectVersion pinned = source;
    pinned.etag = meta.etag;  // all parts of one version, even if the caller takes any
    Assembly assembly;
    assembly.key = request.target;
    assembly.precondition = request.precondition;
    assembly.crc64 = meta.crc64;
    if (request.replace) {
      assembly.attributes = *request.replace;
    } else {
      assembly.attributes.content_type = meta.content_type;
      assembly.attributes.content = meta.content;
      assembly.attributes.user = meta.user;
    }
    auto settings = assembly.attributes.settings ? assembly.attributes.settings : request.settings;
    TRY_ASSIGN(assembly.attributes.settings,
               store_.complete_settings(context, settings ? settings : meta.settings));
    TRY_ASSIGN(assembly.parts,
               plan_parts(source.size, std::max(kCopyPartBytes, options_.part_bytes),
                          store_.capabilities()));
    assembly.send = [this, pinned, target = request.target](
                        const OpContext& own, const std::string& id, int number,
                        ByteRange range) -> core::Result<PartReceipt> {
      TRY_ASSIGN(auto receipt, store_.upload_part_copy(own, target, id, number, pinned, range));
      receipt.size = range.size();
      counters_.parts_copied.add();
      return receipt;
    };
    return assemble(context, assembly);
  }

  core::Result<Published> assemble(const OpContext& context, const Assembly& assembly) {
    auto published = assemble_once(context, assembly);
    if (!published && published.error().kind == ErrorKind::NoUpload && !context.stopped()) {
      // Somebody (a lifecycle rule, an operator) threw the upload away: once may be bad luck.
      core::log(core::LogLevel::Warn, "upload vanished, starting again",
                {{"key", assembly.key.text()}});
      published = assemble_once(context, assembly);
    }
    return published;
  }

  core::Result<Published> assemble_once(const OpContext& context, const Assembly& assembly) {
    TRY_ASSIGN(const std::string id,
               store_.start_upload(context, assembly.key, assembly.attributes));
    auto published = send_and_complete(context, assembly, id);
    if (!published) {
      abort(context, assembly.key, id, published.error());
      return published;
    }
    published->settings = *assembly.attributes.settings;
    published->settings.origin = assembly.key;
    return published;
  }

  core::Result<std::vector<PartReceipt>> send_parts(const OpContext& context,
                                                    const Assembly& assembly,
                                                    const std::string& id) {
    std::vector<PartReceipt> receipts(assembly.parts.size());
    core::TaskGroup group(pool_, context, options_.connections);
    for (std::size_t i = 0; i < receipts.size(); ++i) {
      group.start([&, i](const OpContext& own) -> core::Status {
        const int number = static_cast<int>(i + 1);
        auto receipt = assembly.send(own, id, number, assembly.parts[i]);
        if (!receipt) {
          return std::move(receipt).error().within(core::format("part {}", number));
        }
        receipts[i] = *std::move(receipt);
        return {};
      });
    }
    TRY(group.wait());
    return receipts;
  }

  core::Result<Published> send_and_complete(const OpContext& context, const Assembly& assembly,
                                            const std::string& id) {
    TRY_ASSIGN(const auto receipts, send_parts(context, assembly, id));
    auto sum = combined_crc64(receipts);
    if (!sum) {
      sum = assembly.crc64;
    }
    TRY(check(context, assembly.key, assembly.precondition));
    auto published =
        store_.complete_upload(context, assembly.key, id, receipts, assembly.precondition);
    if (!published && is_doubtful(published.error())) {
      published = look_whether_completed(context, assembly, sum, std::move(published).error());
    }
    if (published && sum) {
      TRY(compare(*published, *sum));
    }
    return published;
  }

  /// The answer may have been lost after the service did its work.
  static bool is_doubtful(const core::Error& error) {
    return error.kind == ErrorKind::Timeout || error.kind == ErrorKind::Unavailable ||
           error.kind == ErrorKind::Cancelled;
  }

  core::Result<Published> look_whether_completed(const OpContext& context, const Assembly& assembly,
                                                 std::optional<std::uint64_t> sum,
                                                 core::Error error) {
    auto found = store_.head(afterwards(context), assembly.key);
    const store::Evidence ours{.size = assembly.parts.back().last,
                               .crc64 = sum,
                               .user = assembly.attributes.user,
                               .parts = assembly.parts.size(),
                               .replaced = assembly.precondition.etag};
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

  static core::Status compare(const Published& published, std::uint64_t sum) {
    if (published.crc64 && *published.crc64 != sum) {
      return core::fail(ErrorKind::Corrupt, core::format("the service has CRC-64 {}, we sent {}",
                                                         *published.crc64, sum));
    }
    return {};
  }

  [[nodiscard]] OpContext afterwards(const OpContext& context) const {
    OpContext own;
    own.id = context.id;
    own.cause = core::Cause::Maintenance;
    own.deadline = clock_.steady_now() + kAfterwards;
    return own;
  }

  void abort(const OpContext& context, const model::ObjectKey& key, const std::string& id,
             const core::Error& why) {
    auto status = store_.abort_upload(afterwards(context), key, id);
    if (!status && status.error().kind != ErrorKind::NoUpload) {
      core::log(core::LogLevel::Warn, "could not abort an upload; its parts stay and are billed",
                {{"key", key.text()},
                 {"upload", id},
                 {"error", core::describe(status.error())},
                 {"after", core::describe(why)}});
    }
  }

  store::ObjectStore& store_;
  core::Clock& clock_;
  const Counters counters_;
  const UploadOptions options_;
  core::ThreadPool pool_;
};

}  // namespace

std::unique_ptr<Uploads> Uploads::create(store::ObjectStore& store, core::Clock& clock,
                                         core::Metrics& metrics, UploadOptions options) {
  return std::make_unique<StoreUploads>(store, clock, metrics, options);
}

}  // namespace transfer
