#include "oss/source_body.h"

#include <algorithm>
#include <vector>

#include "core/digest.h"

namespace oss {

core::Result<std::size_t> SourceBody::read(std::uint64_t offset,
                                           std::span<std::byte> buffer) const {
  const std::uint64_t left = range_.size() - std::min(offset, range_.size());
  if (buffer.size() > left) {
    buffer = buffer.first(static_cast<std::size_t>(left));
  }
  TRY_ASSIGN(const std::size_t count, source_->read(range_.first + offset, buffer));
  if (offset == 0) {
    summed_ = 0;  // sent again from the beginning
    crc64_ = 0;
  }
  if (!known_ && offset == summed_) {
    crc64_ = core::crc64(buffer.first(count), crc64_);
    summed_ += count;
  }
  return count;
}

std::vector<core::Run> SourceBody::runs() const {
  return known_ ? source_->runs(range_) : std::vector<core::Run>();
}

core::Result<std::uint64_t> SourceBody::crc64() const {
  if (known_) {
    return *known_;
  }
  std::vector<std::byte> buffer;
  while (summed_ < range_.size()) {
    buffer.resize(256UL * 1024);
    TRY_ASSIGN(const std::size_t count, read(summed_, buffer));
    if (count == 0) {
      return core::fail(core::ErrorKind::Io, "what was sent is shorter than announced");
    }
  }
  return crc64_;
}

core::Result<std::string> SourceBody::md5() const {
  core::Hasher hasher(core::Hasher::Kind::Md5);
  std::vector<std::byte> buffer(256UL * 1024);
  for (std::uint64_t at = 0; at < size();) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), size() - at);
    TRY_ASSIGN(const std::size_t count,
               source_->read(range_.first + at, std::span(buffer).first(wanted)));
    if (count == 0) {
      return core::fail(core::ErrorKind::Io, "the source is shorter than it said");
    }
    hasher.update(core::ByteView(buffer).first(count));
    at += count;
  }
  return hasher.finish();
}

}  // namespace oss
