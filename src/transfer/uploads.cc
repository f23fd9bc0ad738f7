#include "transfer/uploads.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/digest.h"
#include "core/format.h"
#include "core/log.h"
#include "core/task_group.h"
#include "transfer/fill.h"
#include "transfer/metrics.h"
#include "transfer/outgoing.h"
#include "transfer/partial_plan.h"
#include "transfer/publishing.h"
#include "transfer/source_sum.h"
#include "transfer/upload_plan.h"
#include "transfer/zeros.h"

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
  std::shared_ptr<const store::Source> source;  ///< where all of it is sent from one
  /// Sums up the whole from its parts, where their own sums do not tell.
  std::function<std::optional<std::uint64_t>(const std::vector<PartReceipt>&)> sum;
};

std::vector<ByteRange> ranges_of(const std::vector<Piece>& pieces) {
  std::vector<ByteRange> ranges;
  ranges.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    ranges.push_back(piece.range);
  }
  return ranges;
}

/// What pieces come from.
struct Makings {
  const Overlay& overlay;
  const ZerosObject* zeros;  ///< or none
};

/// What of the content need not be sent.
std::vector<Piece> had_of(const Layers& layers, const std::vector<ByteRange>& holes) {
  std::vector<Piece> had;
  for (const ByteRange& range : layers.clean.ranges()) {
    had.push_back({Piece::Origin::Base, range});
  }
  for (const ByteRange& range : holes) {
    had.push_back({Piece::Origin::Zeros, range});
  }
  std::sort(had.begin(), had.end(),
            [](const Piece& a, const Piece& b) { return a.range.first < b.range.first; });
  return had;
}

/// All of the base is as it was, and something comes after it.
bool is_append(const Layers& layers, std::uint64_t base_size) {
  return base_size > 0 && layers.size > base_size && layers.clean.contains({0, base_size});
}

class StoreUploads final : public Uploads {
 public:
  StoreUploads(store::ObjectStore& store, core::Clock& clock, core::Metrics& metrics,
               UploadOptions options)
      : store_(store),
        counters_(metrics),
        options_(options),
        pool_("upload", std::max(1U, options.connections)),
        publishing_(store, clock, counters_, options.log),
        outgoing_{*this, store, clock, counters_, pool_, publishing_, options_} {}

  core::Result<Published> publish(const OpContext& caller, const model::ObjectKey& key,
                                  std::shared_ptr<const store::Source> source,
                                  const store::ObjectAttributes& attributes,
                                  const Precondition& precondition) override {
    OpContext context = caller;
    context.cause = core::Cause::Upload;
    const std::uint64_t size = source->size();
    auto result = goes_whole(size) ? put(context, key, source, attributes, precondition)
                                   : upload(context, key, source, attributes, precondition);
    return counted(std::move(result), "upload", key);
  }

  core::Result<Published> publish_over(const OpContext& caller, const model::ObjectKey& key,
                                       const Overlay& overlay,
                                       const store::ObjectAttributes& attributes,
                                       const Precondition& precondition) override {
    OpContext context = caller;
    context.cause = core::Cause::Upload;
    LayeredFile& content = *overlay.content;
    const Layers layers = content.layers();
    if (overlay.appendable && key == overlay.base.key && is_append(layers, overlay.base.size)) {
      auto appended = append(context, key, overlay, layers.size, precondition);
      if (appended || appended.error().kind != ErrorKind::TooLarge) {
        return counted(std::move(appended), "append to", key);
      }
    }
    if (!goes_whole(layers.size)) {
      auto holes = big_holes(content);
      const auto zeros = holes.empty() ? nullptr : make_zeros(context, key, holes);
      PieceRules rules = piece_rules(store_.capabilities(), options_.part_bytes);
      if (zeros) {
        rules.max_zeros_bytes = zeros->version().size;
      } else {
        holes.clear();
      }
      const Makings makings{overlay, zeros.get()};
      TRY_ASSIGN(const auto pieces, plan_pieces(layers.size, had_of(layers, holes), rules));
      if (!is_whole(pieces, options_.part_bytes)) {
        return counted(join(context, key, makings, pieces, attributes, precondition), "upload",
                       key);
      }
    }
    TRY(bring(context, overlay.base, content, {0, layers.size}));
    return publish(context, key, content.local(), attributes, precondition);
  }

  [[nodiscard]] bool goes_whole(std::uint64_t size) const override {
    return size < options_.multipart_threshold_bytes || size == 0;
  }

  core::Status bring(const OpContext& context, const model::ObjectVersion& base,
                     LayeredFile& content, ByteRange range) override {
    return fill({store_, pool_, counters_.bytes_downloaded, options_.connections}, context, base,
                content, range);
  }

  std::shared_ptr<Outgoing> begin(std::shared_ptr<const store::Source> source,
                                  std::uint64_t head_bytes) override {
    return begin_outgoing(outgoing_, std::move(source), head_bytes);
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

  core::Result<Published> put(const OpContext& context, const model::ObjectKey& key,
                              const std::shared_ptr<const store::Source>& source,
                              const store::ObjectAttributes& attributes,
                              const Precondition& precondition) {
    TRY(publishing_.check(context, key, precondition));
    TRY_ASSIGN(auto published, store_.put(context, key, source, attributes, precondition));
    counters_.bytes_uploaded.add(static_cast<std::int64_t>(source->size()));
    if (published.crc64) {
      TRY_ASSIGN(const std::uint64_t sum, source_sum(*source, {0, source->size()}));
      TRY(Publishing::compare(published, sum));
    }
    publishing_.look_what_was_overwritten(context, key, precondition, published);
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
    assembly.source = source;
    assembly.send = [this, key, source](const OpContext& own, const std::string& id, int number,
                                        ByteRange range) {
      return publishing_.send_part(own, key, id, number, source, range);
    };
    if (auto resumed = resume(context, assembly)) {
      return *std::move(resumed);
    }
    return assemble(context, assembly);
  }

  core::Result<Published> append(const OpContext& context, const model::ObjectKey& key,
                                 const Overlay& overlay, std::uint64_t size,
                                 const Precondition& precondition) {
    const store::ObjectStore::Tail tail{
        overlay.base.size, overlay.base_crc64, overlay.content->local(), {overlay.base.size, size}};
    TRY(publishing_.check(context, key, precondition));
    TRY_ASSIGN(auto appended, store_.append(context, key, tail));
    counters_.bytes_uploaded.add(static_cast<std::int64_t>(tail.range.size()));
    return appended;
  }

  /// One object of pieces that the service copies and pieces that it is sent.
  core::Result<Published> join(const OpContext& context, const model::ObjectKey& key,
                               const Makings& makings, const std::vector<Piece>& pieces,
                               const store::ObjectAttributes& attributes,
                               const Precondition& precondition) {
    Assembly assembly;
    assembly.key = key;
    assembly.parts = ranges_of(pieces);
    assembly.attributes = attributes;
    TRY_ASSIGN(assembly.attributes.settings,
               store_.complete_settings(context, attributes.settings));
    assembly.precondition = precondition;
    assembly.sum = [&](const std::vector<PartReceipt>& receipts) {
      const Overlay& overlay = makings.overlay;
      return sum_of_append(pieces, {overlay.base.size, overlay.base_crc64}, receipts);
    };
    assembly.send = [&](const OpContext& own, const std::string& id, int number, ByteRange) {
      const Piece& piece = pieces[static_cast<std::size_t>(number) - 1];
      return send_piece(own, makings, key, id, number, piece);
    };
    auto joined = assemble(context, assembly);
    if (!joined && joined.error().kind == ErrorKind::NotFound) {
      joined.error().kind = ErrorKind::Changed;  // the base was there
    }
    return joined;
  }

  core::Result<PartReceipt> send_piece(const OpContext& context, const Makings& makings,
                                       const model::ObjectKey& key, const std::string& id,
                                       int number, const Piece& piece) {
    switch (piece.origin) {
      case Piece::Origin::Base:
        return publishing_.copy_part(context, key, id, number, makings.overlay.base, piece.range);
      case Piece::Origin::Zeros: {
        TRY_ASSIGN(auto receipt,
                   publishing_.copy_part(context, key, id, number, makings.zeros->version(),
                                         {0, piece.range.size()}));
        receipt.crc64 = sum_of_zeros(receipt.size);
        return receipt;
      }
      case Piece::Origin::Content:
        break;
    }
    return send_change(context, makings.overlay, key, id, number, piece.range);
  }

  /// Null where there can be none, for want of a right or of room for its name: zeros are sent
  /// then.
  std::unique_ptr<ZerosObject> make_zeros(const OpContext& context, const model::ObjectKey& key,
                                          const std::vector<ByteRange>& holes) {
    std::uint64_t bytes = 0;
    for (const ByteRange& hole : holes) {
      bytes += hole.size();
    }
    auto made = ZerosObject::make(context, store_, publishing_, key,
                                  zeros_for(bytes, store_.capabilities()));
    if (!made) {
      core::log(core::LogLevel::Warn, "no object of zeros to copy from, so holes are sent",
                {{"key", key.text()}, {"error", core::describe(made.error())}});
      return nullptr;
    }
    return *std::move(made);
  }

  core::Result<PartReceipt> send_change(const OpContext& context, const Overlay& overlay,
                                        const model::ObjectKey& key, const std::string& id,
                                        int number, ByteRange range) {
    TRY(bring(context, overlay.base, *overlay.content, range));
    return publishing_.send_part(context, key, id, number, overlay.content->local(), range);
  }

  core::Result<Published> copy_at_once(const OpContext& context,
                                       const store::CopyRequest& request) {
    TRY(publishing_.check(context, request.target, request.precondition));
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
                        const OpContext& own, const std::string& id, int number, ByteRange range) {
      return publishing_.copy_part(own, target, id, number, pinned, range);
    };
    return assemble(context, assembly);
  }

  /// Goes on with what an earlier process began. Nothing: there is no such thing, or it was of no
  /// use and is gone.
  std::optional<core::Result<Published>> resume(const OpContext& context,
                                                const Assembly& assembly) {
    const auto left = publishing_.take_left(context, assembly.key, assembly.attributes);
    if (!left) {
      return std::nullopt;
    }
    std::vector<PartReceipt> had(assembly.parts.size());
    for (const LeftUpload::Part& part : left->parts) {
      const auto i = static_cast<std::size_t>(part.receipt.number) - 1;
      if (i < had.size() && assembly.parts[i] == part.range) {
        const auto sum = source_sum(*assembly.source, part.range);
        had[i] = sum && *sum == part.receipt.crc64 ? part.receipt : PartReceipt();
      }
    }
    core::log(core::LogLevel::Info, "upload.resumed",
              {{"key", assembly.key.text()}, {"upload", left->id}, {"parts", left->parts.size()}});
    auto published = send_and_complete(context, assembly, left->id, std::move(had));
    if (published) {
      return published;
    }
    publishing_.abort(context, assembly.key, left->id, published.error());
    switch (published.error().kind) {
      case ErrorKind::NoUpload:
      case ErrorKind::InvalidArgument:
      case ErrorKind::Corrupt:
        return std::nullopt;  // the service has not got what it was said to have
      default:
        return published;
    }
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
    TRY_ASSIGN(const std::string id, publishing_.start(context, assembly.key, assembly.attributes));
    auto published = send_and_complete(context, assembly, id, {});
    if (!published) {
      publishing_.abort(context, assembly.key, id, published.error());
    }
    return published;
  }

  /// `receipts`: of what the service has; those of number 0 are missing.
  core::Result<std::vector<PartReceipt>> send_parts(const OpContext& context,
                                                    const Assembly& assembly, const std::string& id,
                                                    std::vector<PartReceipt> receipts) {
    receipts.resize(assembly.parts.size());
    core::TaskGroup group(pool_, context, options_.connections);
    for (std::size_t i = 0; i < receipts.size(); ++i) {
      if (receipts[i].number != 0) {
        continue;
      }
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
                                            const std::string& id, std::vector<PartReceipt> had) {
    Publishing::Assembled assembled;
    TRY_ASSIGN(assembled.parts, send_parts(context, assembly, id, std::move(had)));
    assembled.key = assembly.key;
    assembled.upload_id = id;
    assembled.attributes = assembly.attributes;
    assembled.precondition = assembly.precondition;
    assembled.size = assembly.parts.back().last;
    assembled.crc64 = assembly.sum ? assembly.sum(assembled.parts) : assembly.crc64;
    return publishing_.complete(context, assembled);
  }

  store::ObjectStore& store_;
  const Counters counters_;
  const UploadOptions options_;
  core::ThreadPool pool_;
  Publishing publishing_;
  OutgoingParts outgoing_;
};

}  // namespace

std::unique_ptr<Uploads> Uploads::create(store::ObjectStore& store, core::Clock& clock,
                                         core::Metrics& metrics, UploadOptions options) {
  return std::make_unique<StoreUploads>(store, clock, metrics, options);
}

}  // namespace transfer
