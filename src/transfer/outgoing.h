#pragma once
// Content that goes to the bucket while it is still written.
#include <atomic>
#include <memory>
#include <optional>

#include "core/clock.h"
#include "core/op_context.h"
#include "core/result.h"
#include "core/thread_pool.h"
#include "store/object_store.h"
#include "transfer/whole_uploads.h"

namespace transfer {

class Publishing;
struct Counters;
struct UploadOptions;

/// One content from its first byte, or from the end of the object that it lies over, to its object.
/// Whoever writes tells of every change once it is made, and before anybody publishes; what is full
/// of it and was written in order is sent meanwhile, and publish() sends the rest (upload_state.h).
/// Content that fits one request is sent by one, at the end.
///
/// The end of its life throws away what was sent and not published, in time of its own: not under a
/// lock.
/// Threads: any; publish() with nobody else in the object.
class Outgoing {
 public:
  virtual ~Outgoing() = default;

  /// Bytes of `range` were written. True: it is worth while to begin sending; whoever gets this
  /// calls start(), or leaves it at that. Asked once.
  [[nodiscard]] virtual bool wrote(model::ByteRange range) = 0;
  /// Bytes of `range` may have become others in another way.
  virtual void altered(model::ByteRange range) = 0;
  virtual void truncated(std::uint64_t size) = 0;

  struct Target {
    model::ObjectKey key;
    store::ObjectAttributes attributes;
  };
  /// Begins to send. What `target` says counts from now on: a service takes no other later.
  virtual void start(Target target) = 0;
  /// Whether parts were sent, or are on their way, and nothing is published.
  [[nodiscard]] virtual bool started() const = 0;

  /// Waits while more was written than the network takes, but not for ever, and not at all while
  /// nothing moves: the content is kept, and can wait too.
  virtual void await_room(const core::OpContext& context) = 0;

  struct Delivery {
    Target target;  ///< with all attributes
    /// What of them does for content that was sent while it was written; nothing: all of them.
    std::optional<store::ObjectAttributes> sufficient;
    store::Precondition precondition;
    std::optional<Overlay> overlay{};  ///< none: the service has nothing of the content
  };
  struct Delivered {
    store::Published published;
    store::ObjectAttributes attributes;  ///< that the object has now
    /// Whether they are what was wanted. An object that was begun with others is published with
    /// those, and then copied onto itself; this is how that copy failed.
    core::Status amended;
  };
  /// Publishes all of it. Once. Errors: those of WholeUploads::publish.
  virtual core::Result<Delivered> publish(const core::OpContext& context,
                                          const Delivery& delivery) = 0;
};

/// What all of one mount share. Outlives them.
struct OutgoingParts {
  WholeUploads& uploads;
  store::ObjectStore& store;
  core::Clock& clock;
  const Counters& counters;
  core::ThreadPool& pool;
  Publishing& publishing;
  const UploadOptions& options;
  std::atomic<unsigned> waiting = 0;  ///< writers, in await_room()
};
/// `head_bytes`: of the object that the content lies over, and is as long as; 0: it begins empty.
std::shared_ptr<Outgoing> begin_outgoing(OutgoingParts& parts,
                                         std::shared_ptr<const store::Source> source,
                                         std::uint64_t head_bytes);

}  // namespace transfer
