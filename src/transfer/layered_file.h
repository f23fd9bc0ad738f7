#pragma once
// Staged content that lies over an object: what programs have not changed stays in the bucket until
// somebody wants it.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/mutex.h"
#include "transfer/range_set.h"
#include "transfer/staging.h"

namespace transfer {

/// Which bytes of staged content are which.
struct Layers {
  std::uint64_t size = 0;  ///< of the content
  RangeSet clean;          ///< are the base's, which has them at the same place
  RangeSet missing;        ///< of the clean ones: not in the staged file
};

/// The content of a file as it was written over a base: the object that its node says is stored
/// (fs::Node::stored), or none. Which object that is, and how to read it, is not known here.
///
/// Everything that is not missing is in a local staged file, at its place. So all of StagedFile
/// works as it does there, and only the bytes of whoever reads may have to be fetched first.
/// What is not missing never becomes so.
/// Threads: any.
class LayeredFile final : public StagedFile {
 public:
  /// Over nothing. `local` is empty.
  explicit LayeredFile(std::shared_ptr<StagedFile> local) : local_(std::move(local)) {}

  /// Lies over a base of `size` bytes, of which none is here. Once, on what is empty.
  core::Status lie_over(std::uint64_t size);
  /// The content is the base now: it was fetched, or published.
  void settled();
  /// The base is lost: what is missing of it reads as zeros from now on, and nothing is clean.
  /// Returns what was whose before.
  Layers lose_base();
  /// Takes that back, if nothing was changed since.
  void regain_base(const Layers& before);

  [[nodiscard]] Layers layers() const;
  /// Some of it is the base's.
  [[nodiscard]] bool has_clean() const;
  /// What of `range` has to be had from the base, ascending.
  [[nodiscard]] std::vector<model::ByteRange> missing(model::ByteRange range) const;
  /// What to fetch beside a change of `range`, so that publishing need not wait for it: a part has
  /// at least `least_bytes`. Tells of no byte twice.
  [[nodiscard]] std::vector<model::ByteRange> wanted_beside(model::ByteRange range,
                                                            std::uint64_t least_bytes);
  /// What of `range` is missing and nobody fetches: now whoever asks does, until end_fetch().
  [[nodiscard]] std::vector<model::ByteRange> begin_fetch(model::ByteRange range);
  void end_fetch(const std::vector<model::ByteRange>& begun);
  /// Waits until nobody fetches any of `range`.
  void await_fetches(model::ByteRange range) const;
  /// Takes bytes of the base. What was written since is not touched.
  core::Status fill(std::uint64_t offset, std::span<const std::byte> data);
  /// As read(), with what is missing taken from `base`, the base's bytes from `base_offset` on.
  /// Errors: Io: more is missing than that.
  core::Result<std::size_t> read_over(std::uint64_t offset, std::span<std::byte> buffer,
                                      std::uint64_t base_offset,
                                      std::span<const std::byte> base) const;
  /// The file that has all but what is missing.
  [[nodiscard]] const std::shared_ptr<StagedFile>& local() const { return local_; }

  [[nodiscard]] std::uint64_t size() const override { return local_->size(); }
  /// Errors: Io: some of it is missing.
  core::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const override;
  core::Status write(std::uint64_t offset, std::span<const std::byte> data) override;
  core::Status write_block(std::uint64_t offset, std::span<const std::byte> data,
                           core::BlockOffer& offer) override;
  core::Status truncate(std::uint64_t size) override;
  core::Status allocate(int mode, std::uint64_t offset, std::uint64_t length) override;
  [[nodiscard]] core::Result<std::uint64_t> seek(std::uint64_t offset, int whence) const override;
  /// Errors: Io also where some of it is missing.
  core::Result<int> on_disk() override;
  core::Result<int> settle_on_disk() override;
  void set_aside() override { local_->set_aside(); }
  [[nodiscard]] std::uint64_t blocks() const override;
  [[nodiscard]] std::vector<core::Run> runs(model::ByteRange range) const override;
  [[nodiscard]] std::optional<std::uint64_t> known_crc64(model::ByteRange range) const override;

 private:
  /// Takes note of how a write went.
  core::Status wrote(model::ByteRange range, core::Status status) REQUIRES(mutex_);
  /// Bytes of `range` are others than the base's.
  void changed(model::ByteRange range) REQUIRES(mutex_);
  /// Some of them may be: those that are here.
  void maybe_changed(model::ByteRange range) REQUIRES(mutex_);

  const std::shared_ptr<StagedFile> local_;
  mutable core::Mutex mutex_{core::LockRank::Layers};
  RangeSet clean_ GUARDED_BY(mutex_);
  RangeSet missing_ GUARDED_BY(mutex_);
  RangeSet asked_ GUARDED_BY(mutex_);   ///< by wanted_beside()
  RangeSet coming_ GUARDED_BY(mutex_);  ///< somebody fetches it
  mutable core::CondVar came_;
};

}  // namespace transfer
