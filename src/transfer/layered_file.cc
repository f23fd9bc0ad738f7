#include "transfer/layered_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/format.h"

namespace transfer {
namespace {

using core::ErrorKind;
using model::ByteRange;

constexpr std::uint64_t kStatBlock = 512;  // of st_blocks

/// Whether fallocate() of `mode` makes zeros of bytes that were there.
bool makes_zeros(int mode) { return (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0; }

core::Error not_here(ByteRange range) {
  return core::fail(ErrorKind::Io, core::format("{} bytes at {} are in the bucket alone",
                                                range.size(), range.first));
}

}  // namespace

core::Status LayeredFile::lie_over(std::uint64_t size) {
  const core::MutexLock lock(mutex_);
  CORE_CHECK(local_->size() == 0);
  TRY(local_->truncate(size));
  clean_ = RangeSet({0, size});
  missing_ = clean_;
  return {};
}

void LayeredFile::settled() {
  const core::MutexLock lock(mutex_);
  clean_ = RangeSet({0, local_->size()});
}

Layers LayeredFile::lose_base() {
  const core::MutexLock lock(mutex_);
  return {local_->size(), std::exchange(clean_, {}), std::exchange(missing_, {})};
}

void LayeredFile::regain_base(const Layers& before) {
  const core::MutexLock lock(mutex_);
  clean_ = before.clean;
  missing_ = before.missing;
}

Layers LayeredFile::layers() const {
  const core::MutexLock lock(mutex_);
  return {local_->size(), clean_, missing_};
}

bool LayeredFile::has_clean() const {
  const core::MutexLock lock(mutex_);
  return !clean_.empty();
}

std::vector<ByteRange> LayeredFile::missing(ByteRange range) const {
  const core::MutexLock lock(mutex_);
  return missing_.within(range);
}

std::vector<ByteRange> LayeredFile::wanted_beside(ByteRange range, std::uint64_t least_bytes) {
  const core::MutexLock lock(mutex_);
  const bool goes_on = range.first > 0 && !clean_.contains({range.first - 1, range.first});
  if (goes_on || range.size() >= least_bytes) {
    return {};
  }
  RangeSet wanted;
  for (const ByteRange& one : missing_.within({range.first, range.first + least_bytes})) {
    wanted.add(one);
  }
  for (const ByteRange& one : asked_.within({range.first, range.first + least_bytes})) {
    wanted.remove(one);
  }
  std::vector<ByteRange> found = wanted.ranges();
  for (const ByteRange& one : found) {
    asked_.add(one);
  }
  return found;
}

std::vector<ByteRange> LayeredFile::begin_fetch(ByteRange range) {
  const core::MutexLock lock(mutex_);
  RangeSet wanted;
  for (const ByteRange& one : missing_.within(range)) {
    wanted.add(one);
  }
  for (const ByteRange& one : coming_.within(range)) {
    wanted.remove(one);
  }
  std::vector<ByteRange> begun = wanted.ranges();
  for (const ByteRange& one : begun) {
    coming_.add(one);
  }
  return begun;
}

void LayeredFile::end_fetch(const std::vector<ByteRange>& begun) {
  const core::MutexLock lock(mutex_);
  for (const ByteRange& one : begun) {
    coming_.remove(one);
  }
  came_.notify_all();
}

void LayeredFile::await_fetches(ByteRange range) const {
  const core::MutexLock lock(mutex_);
  while (!coming_.within(range).empty()) {
    came_.wait(mutex_);
  }
}

core::Status LayeredFile::fill(std::uint64_t offset, std::span<const std::byte> data) {
  const core::MutexLock lock(mutex_);
  for (const ByteRange& range : missing_.within({offset, offset + data.size()})) {
    TRY(local_->write(range.first, data.subspan(range.first - offset, range.size())));
    missing_.remove(range);
  }
  return {};
}

core::Result<std::size_t> LayeredFile::read_over(std::uint64_t offset, std::span<std::byte> buffer,
                                                 std::uint64_t base_offset,
                                                 std::span<const std::byte> base) const {
  const std::uint64_t size = local_->size();
  if (offset >= size) {
    return 0;
  }
  buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), size - offset));
  const ByteRange whole{offset, offset + buffer.size()};
  RangeSet here(whole);
  for (const ByteRange& range : missing(whole)) {
    if (range.first < base_offset || range.last > base_offset + base.size()) {
      return not_here(range);
    }
    std::copy_n(base.begin() + static_cast<std::ptrdiff_t>(range.first - base_offset), range.size(),
                buffer.begin() + static_cast<std::ptrdiff_t>(range.first - offset));
    here.remove(range);
  }
  std::size_t done = buffer.size();
  for (const ByteRange& range : here.ranges()) {
    const std::uint64_t at = range.first - offset;
    TRY_ASSIGN(const std::size_t n, local_->read(range.first, buffer.subspan(at, range.size())));
    if (n < range.size()) {
      done = std::min<std::size_t>(done, at + n);  // it was cut off meanwhile
    }
  }
  return done;
}

core::Result<std::size_t> LayeredFile::read(std::uint64_t offset,
                                            std::span<std::byte> buffer) const {
  const auto gaps = missing({offset, offset + buffer.size()});
  if (!gaps.empty()) {
    return not_here(gaps.front());
  }
  return local_->read(offset, buffer);
}

void LayeredFile::changed(ByteRange range) {
  clean_.remove(range);
  missing_.remove(range);
}

void LayeredFile::maybe_changed(ByteRange range) {
  clean_.remove(range);
  for (const ByteRange& one : missing_.within(range)) {
    clean_.add(one);
  }
}

core::Status LayeredFile::write(std::uint64_t offset, std::span<const std::byte> data) {
  const core::MutexLock lock(mutex_);
  return wrote({offset, offset + data.size()}, local_->write(offset, data));
}

core::Status LayeredFile::write_block(std::uint64_t offset, std::span<const std::byte> data,
                                      core::BlockOffer& offer) {
  const core::MutexLock lock(mutex_);
  return wrote({offset, offset + data.size()}, local_->write_block(offset, data, offer));
}

core::Status LayeredFile::wrote(ByteRange range, core::Status status) {
  if (status) {
    changed(range);
  } else {
    maybe_changed(range);
  }
  return status;
}

core::Result<int> LayeredFile::on_disk() {
  const auto gaps = missing({0, UINT64_MAX});
  if (!gaps.empty()) {
    return not_here(gaps.front());
  }
  return local_->on_disk();
}

core::Result<int> LayeredFile::settle_on_disk() {
  const auto gaps = missing({0, UINT64_MAX});
  if (!gaps.empty()) {
    return not_here(gaps.front());
  }
  return local_->settle_on_disk();
}

core::Status LayeredFile::truncate(std::uint64_t size) {
  const core::MutexLock lock(mutex_);
  TRY(local_->truncate(size));
  changed({size, UINT64_MAX});
  return {};
}

core::Status LayeredFile::allocate(int mode, std::uint64_t offset, std::uint64_t length) {
  const core::MutexLock lock(mutex_);
  core::Status status = local_->allocate(mode, offset, length);
  if (makes_zeros(mode)) {
    return wrote({offset, offset + std::min(length, UINT64_MAX - offset)}, std::move(status));
  }
  return status;
}

core::Result<std::uint64_t> LayeredFile::seek(std::uint64_t offset, int whence) const {
  const core::MutexLock lock(mutex_);
  const std::uint64_t size = local_->size();
  const auto gaps = missing_.within({offset, UINT64_MAX});
  if (whence == SEEK_DATA) {
    auto data = local_->seek(offset, whence);
    if (gaps.empty() || (!data && data.error().kind != ErrorKind::OutOfRange)) {
      return data;
    }
    return data ? std::min(*data, gaps.front().first) : gaps.front().first;
  }
  auto gap = gaps.begin();
  for (;;) {
    TRY_ASSIGN(const std::uint64_t hole, local_->seek(offset, whence));
    while (gap != gaps.end() && gap->last <= hole) {
      ++gap;
    }
    if (gap == gaps.end() || gap->first > hole || gap->last >= size) {
      return gap != gaps.end() && gap->first <= hole ? size : hole;
    }
    offset = gap->last;  // a hole here, but not in the content
  }
}

std::uint64_t LayeredFile::blocks() const {
  const core::MutexLock lock(mutex_);
  return local_->blocks() + (missing_.bytes() + kStatBlock - 1) / kStatBlock;
}

std::vector<core::Run> LayeredFile::runs(ByteRange range) const {
  const core::MutexLock lock(mutex_);
  return missing_.within(range).empty() ? local_->runs(range) : std::vector<core::Run>();
}

std::optional<std::uint64_t> LayeredFile::known_crc64(ByteRange range) const {
  const core::MutexLock lock(mutex_);
  return missing_.within(range).empty() ? local_->known_crc64(range) : std::nullopt;
}

}  // namespace transfer
