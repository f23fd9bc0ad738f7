// GetObject: verified to be the version and range that were asked for, resumed where it broke.
#include "core/digest.h"
#include "core/format.h"
#include "oss/headers.h"
#include "oss/oss_store.h"

namespace oss {
namespace {

using core::ErrorKind;

/// What is known of a read over all its attempts. Touched by the transport's thread during an
/// attempt and by the caller's between them.
struct Progress {
  store::Sink& sink;
  model::ByteRange wanted;
  model::ETag etag;              ///< empty until the first answer, if any version will do
  std::uint64_t known_size = 0;  ///< of that version; 0: not known
  std::uint64_t next = 0;        ///< the first byte that has not been delivered
  std::uint64_t end = 0;         ///< of the range within the object; known with the first answer
  bool begun = false;
  std::optional<store::ObjectMeta> meta = std::nullopt;
  bool check_crc = false;
  std::uint64_t crc64 = 0;
  bool damaged = false;
  std::optional<core::Error> sink_error = std::nullopt;
};

class RangeSink final : public http::BodySink {
 public:
  RangeSink(Progress& progress, const Traits& traits, model::ObjectKey key)
      : progress_(progress), traits_(traits), key_(std::move(key)) {}

  bool on_head(const http::Response& head) override {
    if (head.status >= 300) {
      return false;
    }
    head_error_ = check(head);
    return true;
  }

  std::span<std::byte> room() override {
    return head_error_ ? progress_.sink.room() : std::span<std::byte>();
  }

  core::Status on_data(core::ByteView data) override {
    TRY(head_error_);
    Progress& p = progress_;
    if (data.size() > p.end - p.next) {
      return core::fail(ErrorKind::Protocol, "more bytes than announced");
    }
    if (p.check_crc) {
      p.crc64 = core::crc64(data, p.crc64);
      // Before the last bytes are handed on, so that nobody takes the object for whole.
      if (data.size() == p.end - p.next && p.crc64 != p.meta->crc64) {
        p.damaged = true;
        return core::fail(ErrorKind::Corrupt, "the bytes do not have their CRC-64");
      }
    }
    if (core::Status taken = p.sink.on_data(data); !taken) {
      p.sink_error = taken.error();
      return taken;
    }
    p.next += data.size();
    return {};
  }

  [[nodiscard]] const core::Status& head_error() const { return head_error_; }

 private:
  core::Status check(const http::Response& head) {
    Progress& p = progress_;
    ContentRange got;
    if (head.status == 206) {
      const auto range = content_range(head.headers);
      if (!range) {
        return core::fail(ErrorKind::Protocol, "a part without a readable Content-Range");
      }
      got = *range;
    } else {
      const auto length = number_header(head.headers, "Content-Length");
      if (!length) {
        return core::fail(ErrorKind::Protocol, "an answer without Content-Length");
      }
      got = {{0, *length}, *length};
    }
    if (got.range.first != p.next || got.range.last != std::min(p.wanted.last, got.total) ||
        (p.begun && got.total != p.meta->size)) {
      return core::fail(ErrorKind::Protocol,
                        core::format("bytes {} to {} of {} instead of {} to {}", got.range.first,
                                     got.range.last, got.total, p.next, p.wanted.last));
    }
    if (p.known_size > 0 && got.total != p.known_size && etag_of(head.headers) == p.etag) {
      return core::fail(ErrorKind::Protocol,
                        core::format("it has {} bytes now, and had {} when it was looked at",
                                     got.total, p.known_size));
    }
    const model::ETag etag = etag_of(head.headers);
    if (etag.empty()) {
      return core::fail(ErrorKind::Protocol, "an answer without ETag");
    }
    if (!p.etag.empty() && etag != p.etag) {
      return core::fail(ErrorKind::Changed, "the object is another by now");
    }
    if (!p.begun) {
      p.begun = true;
      p.etag = etag;
      p.end = got.range.last;
      p.meta = object_meta(head.headers, traits_, key_, got.total);
      p.check_crc = p.meta->crc64 && got.range.size() == got.total;
      p.sink.on_meta(*p.meta);
    }
    return {};
  }

  Progress& progress_;
  const Traits& traits_;
  const model::ObjectKey key_;
  core::Status head_error_;
};

/// What contradicts what was seen of the object a moment ago: that its bucket is gone, or that it
/// does not reach as far as it does.
bool is_contradiction(const core::Error& error, const Progress& progress) {
  return error.kind == ErrorKind::NoBucket ||
         (error.kind == ErrorKind::OutOfRange && progress.next < progress.known_size);
}

std::string range_header(std::uint64_t first, std::uint64_t last) {
  return core::format("bytes={}-{}", first, last - 1);
}

core::Status check_range(const model::ObjectVersion& version, model::ByteRange range) {
  TRY(check_key(version.key));
  if (range.empty()) {
    return core::fail(ErrorKind::InvalidArgument, "no byte can be asked for with an empty range");
  }
  return {};
}

Progress progress_of(const model::ObjectVersion& version, model::ByteRange range,
                     store::Sink& sink) {
  return {.sink = sink,
          .wanted = range,
          .etag = version.etag,
          .known_size = version.size,
          .next = range.first};
}

/// The request for what is missing.
Call call_for(const Client& client, const model::ObjectVersion& version, const Progress& progress,
              bool by_version) {
  const Traits& traits = client.traits();
  Call call = client.call(Operation::GetObject, "GET", version.key.text());
  call.bulk = true;
  if (by_version) {
    call.request.query.push_back({"versionId", version.version_id});
  }
  call.request.headers.add("Range", range_header(progress.next, progress.wanted.last));
  if (traits.dialect == Dialect::Oss) {
    // Without it, a range that reaches past the end is answered with the whole object.
    call.request.headers.add("x-oss-range-behavior", "standard");
  }
  if (!progress.etag.empty()) {
    call.request.headers.add("If-Match", traits.condition(progress.etag));
  }
  return call;
}

core::Error ended_early(const model::ObjectKey& key) {
  return core::fail(ErrorKind::Unavailable, "GetObject " + key.text() + ": the answer ended early");
}

}  // namespace

core::Result<store::ObjectMeta> OssStore::read(const core::OpContext& context,
                                               const model::ObjectVersion& version,
                                               model::ByteRange range, store::Sink& sink) {
  TRY(check_range(version, range));
  Progress progress = progress_of(version, range, sink);
  // A failure inside the outer success is final whatever its kind: of the sink's making, or found
  // after bytes were handed on that cannot be taken back.
  using Final = std::optional<core::Error>;
  bool by_version = !version.version_id.empty();
  const auto is_still_there = [&](const model::ETag& etag) {
    const auto there = head_following(context, version.key);
    return there && there->etag == etag;
  };
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<Final> {
    Call call = call_for(client_, version, progress, by_version);
    call.attempt = n;
    const auto range_sink = std::make_shared<RangeSink>(progress, client_.traits(), version.key);
    call.sink = range_sink;
    const std::uint64_t before = progress.next;
    const auto response = client_.send_once(context, call, pause);
    client_.metrics().bytes_received.add(static_cast<std::int64_t>(progress.next - before));
    if (progress.sink_error) {
      return Final(*progress.sink_error);
    }
    if (!range_sink->head_error()) {
      return range_sink->head_error().error().within("GetObject " + version.key.text());
    }
    if (progress.damaged) {
      const bool any_handed_on = progress.next > range.first;
      if (any_handed_on || n + 1 >= client_.options().retry.doubted) {
        return Final(response.error());
      }
      progress.damaged = false;
      progress.crc64 = 0;
    }
    if (!response) {
      core::Error error = response.error();
      if (by_version && may_do_without_version(error, version)) {
        by_version = false;
        error.kind = ErrorKind::Unavailable;  // another try may do
      }
      // Both are believed when they are said again and again.
      if (n + 1 < client_.options().retry.doubted && !progress.etag.empty() &&
          (is_contradiction(error, progress) ||
           (error.kind == ErrorKind::Changed && is_still_there(progress.etag)))) {
        error.kind = ErrorKind::Unavailable;
      }
      return error;
    }
    if (!progress.begun || progress.next != progress.end) {
      return ended_early(version.key);
    }
    return Final();
  };
  TRY_ASSIGN(const Final final, client_.repeat(context, attempt));
  if (final) {
    return *final;
  }
  return *std::move(progress.meta);
}

void OssStore::start_read(const core::OpContext& context, const model::ObjectVersion& version,
                          model::ByteRange range, std::shared_ptr<store::Sink> sink,
                          ReadDone done) {
  if (auto good = check_range(version, range); !good) {
    done(std::move(good).error(), false);
    return;
  }
  // Together, and for as long as the answer may come.
  struct Pending {
    Pending(std::shared_ptr<store::Sink> to, const Traits& traits,
            const model::ObjectVersion& version, model::ByteRange range)
        : sink(std::move(to)),
          progress(progress_of(version, range, *sink)),
          range_sink(progress, traits, version.key) {}
    const std::shared_ptr<store::Sink> sink;
    Progress progress;
    RangeSink range_sink;
  };
  auto pending = std::make_shared<Pending>(std::move(sink), client_.traits(), version, range);
  Call call = call_for(client_, version, pending->progress, !version.version_id.empty());
  call.sink = std::shared_ptr<http::BodySink>(pending, &pending->range_sink);
  client_.start(context, call,
                [this, pending, key = version.key, range,
                 done = std::move(done)](core::Result<http::Response> response) {
                  Progress& progress = pending->progress;
                  client_.metrics().bytes_received.add(
                      static_cast<std::int64_t>(progress.next - range.first));
                  if (progress.sink_error) {
                    done(*progress.sink_error, false);
                  } else if (progress.damaged) {
                    done(std::move(response).error(), progress.next == range.first);
                  } else if (!response) {
                    done(std::move(response).error(), true);
                  } else if (!progress.begun || progress.next != progress.end) {
                    done(ended_early(key), true);
                  } else {
                    done(*std::move(progress.meta), false);
                  }
                });
}

}  // namespace oss
