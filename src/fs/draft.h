#pragma once
// The life of content that programs have written and the bucket does not have: which states there
// are, and what leads from one to the next.
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "store/object.h"
#include "transfer/kept_files.h"
#include "transfer/layered_file.h"
#include "transfer/outgoing.h"

namespace fs {

enum class DraftState : std::uint8_t {
  None,        ///< the object's bytes are the content
  Copy,        ///< a staged file with the bytes of the object, for those who write
  Changed,     ///< staged content that the bucket does not have
  Publishing,  ///< the same, on its way
  Failed,      ///< the same, and the last try to publish it failed
  Orphan,      ///< its name was taken away: for its handles alone, never published
};

enum class DraftEvent : std::uint8_t {
  Staged,   ///< the content was brought into a staged file, or begins as an empty one
  Wrote,    ///< somebody changed the staged file
  Publish,  ///< uploading begins
  Published,
  Failed,
  Lost,       ///< somebody else published first; the content lies elsewhere
  Copied,     ///< the object was made by a copy on the server: what is staged is void
  NameTaken,  ///< the name was removed, or leads to something else
  Idle,       ///< nobody has it open for writing
  Unused,     ///< nobody has it open
};

/// The state after `event`; nothing where that cannot happen in `state`.
std::optional<DraftState> next(DraftState state, DraftEvent event);

/// Is there a staged file?
constexpr bool has_content(DraftState state) { return state != DraftState::None; }
/// Does it hold what the bucket is to get?
constexpr bool is_unpublished(DraftState state) {
  return state == DraftState::Changed || state == DraftState::Publishing ||
         state == DraftState::Failed;
}

/// One node's draft. Everybody may look; only Drafts changes it.
/// Threads: guarded by Mount::mutex, but for the staged file's own calls.
class Draft {
 public:
  [[nodiscard]] DraftState state() const { return state_; }
  [[nodiscard]] bool unpublished() const { return is_unpublished(state_); }
  /// None in DraftState::None. Whoever holds on to it keeps it alive.
  [[nodiscard]] const std::shared_ptr<transfer::LayeredFile>& content() const { return content_; }
  /// How what is written from its end on goes to the bucket meanwhile. None where the last try to
  /// publish it failed: then all of it goes at the end.
  [[nodiscard]] const std::shared_ptr<transfer::Outgoing>& outgoing() const { return outgoing_; }
  /// When somebody last changed it.
  [[nodiscard]] core::WallTime written() const { return written_; }
  /// Whether content that nobody publishes by closing ought to be: it has been left alone for
  /// `quiet`, or written to without a pause for five times that.
  [[nodiscard]] bool is_due(core::WallTime now, core::Duration quiet) const;
  /// The name of the content on this host, if it has one.
  [[nodiscard]] const std::shared_ptr<transfer::KeptFile>& kept() const { return kept_; }
  /// What the journal calls this content; 0: it was never there.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// What the journal has of the file: the next daemon would upload that. It may be of a content
  /// that was here before.
  struct Note {
    std::uint64_t number = 0;                  ///< 0: it has nothing
    std::shared_ptr<transfer::KeptFile> name;  ///< of that content; none: the journal has it itself
  };
  [[nodiscard]] const Note& note() const { return note_; }
  [[nodiscard]] bool noted() const { return note_.number != 0; }
  /// What was promised lies where whoever cuts the content would cut it.
  [[nodiscard]] bool is_promised_in_place() const { return note_.name && note_.name == kept_; }
  /// The same, and nothing has changed since.
  [[nodiscard]] bool safe() const { return safe_; }
  /// What tries to publish it may have made of it, though they failed: size, user metadata and,
  /// where it is known, the sum.
  [[nodiscard]] const std::vector<store::ObjectMeta>& sent() const { return sent_; }
  /// Of the last try to publish it.
  [[nodiscard]] const core::Error* failure() const { return failure_.get(); }

 private:
  friend class Drafts;
  DraftState state_ = DraftState::None;
  std::shared_ptr<transfer::LayeredFile> content_;
  std::shared_ptr<transfer::Outgoing> outgoing_;
  std::shared_ptr<transfer::KeptFile> kept_;
  std::uint64_t number_ = 0;
  Note note_;
  bool safe_ = false;
  core::WallTime written_{};
  core::WallTime unpublished_since_{};
  core::WallTime tried_{};                ///< to publish it
  std::unique_ptr<core::Error> failure_;  ///< most nodes never have one
  std::vector<store::ObjectMeta> sent_;
  std::uint64_t counted_bytes_ = 0;  ///< as they stand in Drafts::Totals
};

}  // namespace fs
