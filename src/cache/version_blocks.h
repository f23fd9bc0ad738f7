#pragma once
// Bytes of one object version in memory: readable as they arrive, shared by all who read it.
//
// A block is 128 KiB of one version at a multiple of 128 KiB; validity is kept by units of 4 KiB,
// so that a small random read need not bring a whole block. Whoever finds units missing claims them
// (a Fill), brings them and appends them in order; everybody else waits by callback.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "model/object_key.h"

namespace cache {

inline constexpr std::uint64_t kBlockBytes = 128 * 1024;
inline constexpr std::uint64_t kUnitBytes = 4 * 1024;

class BlockStore;
struct Version;
struct Waiter;
struct Claim;

using Slices = std::vector<core::Bytes>;

/// The claim on a range of a version: the right and the duty to bring it.
/// Threads: one at a time, except for wanted() and received(). The cache outlives it.
class Fill {
 public:
  explicit Fill(std::shared_ptr<Claim> claim) : claim_(std::move(claim)) {}
  Fill(Fill&&) noexcept = default;
  Fill& operator=(Fill&&) = delete;
  Fill(const Fill&) = delete;
  Fill& operator=(const Fill&) = delete;
  /// Ends as Cancelled if it was not ended.
  ~Fill();

  [[nodiscard]] std::uint64_t id() const;
  [[nodiscard]] model::ByteRange range() const;
  [[nodiscard]] std::uint64_t received() const;
  /// Somebody waits for bytes that are still to come.
  [[nodiscard]] bool wanted() const;

  /// Where the next bytes will lie, as far as that is one stretch: written there before append()
  /// gets them, they need not be copied. Empty: all have come. Valid until append() or finish().
  [[nodiscard]] std::span<std::byte> room() const;
  /// The next bytes; answers in this thread whoever now has all it asked for.
  /// Errors: Protocol for more bytes than were claimed.
  core::Status append(core::ByteView data);
  /// Ends the claim. What did not come is nobody's again, and who waits for it gets the error
  /// (Corrupt if `status` is none).
  void finish(core::Status status);

 private:
  std::shared_ptr<Claim> claim_;
};

/// One reader's hold on the blocks of one version; every holder of the same version shares them.
/// Threads: any. The cache outlives it.
class VersionBlocks {
 public:
  /// `own`: the failed claim was made by this very question, so that asking again is pointless.
  using Done = std::function<void(core::Result<Slices>, bool own)>;

  VersionBlocks(BlockStore& store, std::shared_ptr<Version> version);
  VersionBlocks(const VersionBlocks&) = delete;
  VersionBlocks& operator=(const VersionBlocks&) = delete;
  ~VersionBlocks();

  [[nodiscard]] const model::ObjectVersion& version() const;

  /// What belongs to the version for as long as any of its bytes are here, made when first asked
  /// for. `make` must take no lock.
  std::shared_ptr<void> companion(const std::function<std::shared_ptr<void>()>& make);

  /// The bytes, if all are here. `range` is not empty and lies within the object.
  [[nodiscard]] std::optional<Slices> get(model::ByteRange range);

  struct Asked {
    std::shared_ptr<Waiter> waiter;      ///< null: `done` has been called already
    std::vector<Fill> fills;             ///< to be brought by the caller, ascending
    std::vector<std::uint64_t> awaited;  ///< claims of others that this waits for
    std::uint64_t reached = 0;           ///< all from range.first to there is here or on its way
  };
  /// Waits for `range`, and claims what nobody brings yet, in pieces of at most `piece_bytes`, from
  /// there to `ahead_until` (as far as memory allows; 0: nothing beyond `range`).
  /// May go over the budget for the blocks of `range`, which the answer is going to pin anyway.
  Asked ask(model::ByteRange range, std::uint64_t ahead_until, std::uint64_t piece_bytes,
            Done done);
  /// Forgets a waiter, whose `done` will not be called if it has not been yet. Returns the claims
  /// that it waited for and nobody else does.
  std::vector<std::uint64_t> abandon(const std::shared_ptr<Waiter>& waiter);

  struct Ahead {
    std::vector<Fill> fills;
    std::uint64_t reached = 0;  ///< all before it is here or on its way
  };
  /// Claims what is missing of `range`, as far as memory allows. To make room it gives up what was
  /// read already and, last, what was prefetched longest ago.
  Ahead claim_ahead(model::ByteRange range, std::uint64_t piece_bytes);

 private:
  BlockStore& store_;
  std::shared_ptr<Version> version_;
};

}  // namespace cache
