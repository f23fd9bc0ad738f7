#include "fs/draft.h"

namespace fs {

std::optional<DraftState> next(DraftState state, DraftEvent event) {
  using S = DraftState;
  switch (event) {
    case DraftEvent::Staged:
      return state == S::None ? std::optional(S::Copy) : std::nullopt;
    case DraftEvent::Wrote:
      switch (state) {
        case S::Copy:
        case S::Changed:
          return S::Changed;
        case S::Failed:  // what failed is still to be told to whoever closes
        case S::Orphan:
          return state;
        case S::None:
        case S::Publishing:  // nobody writes while it is claimed
          return std::nullopt;
      }
      break;
    case DraftEvent::Publish:
      return state == S::Changed || state == S::Failed ? std::optional(S::Publishing)
                                                       : std::nullopt;
    case DraftEvent::Published:
      return state == S::Publishing ? std::optional(S::Copy) : std::nullopt;
    case DraftEvent::Failed:
      return state == S::Publishing ? std::optional(S::Failed) : std::nullopt;
    case DraftEvent::Lost:
      return S::None;
    case DraftEvent::Copied:
      return state == S::None || state == S::Copy || state == S::Changed ? std::optional(S::None)
                                                                         : std::nullopt;
    case DraftEvent::NameTaken:
      return state == S::None ? S::None : S::Orphan;
    case DraftEvent::Idle:
      return state == S::Copy ? S::None : state;
    case DraftEvent::Unused:
      return state == S::Copy || state == S::Orphan ? S::None : state;
  }
  return std::nullopt;
}

bool Draft::is_due(core::WallTime now, core::Duration quiet) const {
  constexpr int kMostQuietTimes = 5;
  const bool waits = state_ == DraftState::Changed || state_ == DraftState::Failed;
  return waits && now - tried_ >= quiet &&
         (now - written_ >= quiet || now - unpublished_since_ >= kMostQuietTimes * quiet);
}

}  // namespace fs
