#pragma once
// How content that is still being written becomes the parts of a multipart upload: the states, and
// what leads from one to the next. Values only; transfer/outgoing.h does what they say.
//
// What lies over an object has that for its head, which the service copies at the end: what is
// written beyond it is sent as here. Whatever else is changed goes another way (partial_plan.h).
//
// Parts are sent in order, each as soon as it is full, as long as everything before it was written
// too. What is changed after it was sent is sent again, under the same number, once writing is
// over: whoever keeps changing what was sent would have it sent without end.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "model/object_key.h"
#include "store/object_store.h"

namespace transfer {

/// How content is cut. Constant for one upload.
struct UploadRules {
  std::uint64_t threshold_bytes = 0;  ///< below: one PutObject
  std::uint64_t part_bytes = 1;       ///< of the first thousand parts, then twice that, and so on
  std::uint64_t max_part_bytes = 0;   ///< of the service
  std::size_t max_parts = 0;          ///< of the service, without those of the head
  std::uint64_t head_bytes = 0;       ///< are the service's already: it copies them
};

/// Where a part lies in content of unknown length, after the head. Of 8 MiB each the first thousand
/// hold 7.8 GiB, ten thousand 7.8 TiB; what does not fit is cut anew when its length is known
/// (upload_plan.h). Shape: `index` counts from 0, below rules.max_parts.
model::ByteRange scheduled_part(const UploadRules& rules, std::size_t index);

/// A part that was begun.
struct SentPart {
  model::ByteRange range;
  bool sending = false;
  bool ahead = true;   ///< begun while content was written
  bool stale = false;  ///< the content changed since it was begun
  std::optional<store::PartReceipt> receipt;
};

struct UploadState {
  /// What the service has of ours.
  enum class Service : std::uint8_t {
    Nothing,
    Asked,  ///< nothing yet, and whoever writes was asked where it shall go
    Initiating,
    Open,
    Vanished,  ///< somebody else threw the upload away
  };
  /// What is to become of it.
  enum class Goal : std::uint8_t {
    Gather,    ///< content is still written
    Complete,  ///< all of it is to be published
    PutWhole,  ///< the same, without what was sent
    GiveUp,    ///< it could not be published
    Abandon,   ///< nobody wants it any more
    Over,
  };
  Service service = Service::Nothing;
  Goal goal = Goal::Gather;
  std::uint64_t in_order = 0;                    ///< written from the head on without a gap
  std::map<std::uint64_t, std::uint64_t> apart;  ///< written beyond a gap, first to last, disjoint
  std::vector<SentPart> parts;                   ///< by number, those that were begun
  std::size_t sending = 0;
  std::uint64_t sending_bytes = 0;
  std::size_t changed_after = 0;  ///< parts that became stale
  bool paused = false;            ///< nothing more is sent before the end
  bool head_changed = false;      ///< so that it cannot be copied
  bool completing = false;
  std::uint64_t size = 0;  ///< of all of it, once that is known
};

// What happens.
struct Wrote {
  model::ByteRange range;
};
/// Became zeros, or anything else than by writing on.
struct Altered {
  model::ByteRange range;
};
struct Truncated {
  std::uint64_t size = 0;
};
struct TargetKnown {};
struct Initiated {};
struct NotInitiated {};
struct PartDone {
  std::size_t index = 0;
  store::PartReceipt receipt;
};
struct PartFailed {
  std::size_t index = 0;
  bool vanished = false;  ///< NoUpload
};
/// Nobody writes any more. `elsewhere`: it is to go to another place than was begun.
struct Finish {
  std::uint64_t size = 0;
  bool elsewhere = false;
};
struct Completed {};
struct NotCompleted {
  bool vanished = false;
};
/// Whoever waits for the end does not any more.
struct Interrupted {};
struct Abandoned {};
using UploadEvent =
    std::variant<Wrote, Altered, Truncated, TargetKnown, Initiated, NotInitiated, PartDone,
                 PartFailed, Finish, Completed, NotCompleted, Interrupted, Abandoned>;

/// What is to be done, in this order.
struct UploadStep {
  enum class Kind : std::uint8_t {
    AskTarget,  ///< of whoever writes: it is worth while to begin
    Initiate,
    Send,      ///< `range` as the part of `index`
    Complete,  ///< of the receipts of all parts
    Abort,
    PutWhole,  ///< all content, as if nothing had been begun
    GiveUp,    ///< tell whoever waits that it failed
  };
  Kind kind = Kind::Abort;
  std::size_t index = 0;
  model::ByteRange range;
};

/// Changes `state` by what happened.
std::vector<UploadStep> next(UploadState& state, const UploadEvent& event,
                             const UploadRules& rules);

/// Bytes that were written and are to be sent while others are written, and have not arrived.
std::uint64_t backlog(const UploadState& state, const UploadRules& rules);
/// Of what Complete joins, ascending.
std::vector<store::PartReceipt> receipts(const UploadState& state);

}  // namespace transfer
