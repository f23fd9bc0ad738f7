#pragma once
#include <memory>
#include <string>

#include "http/message.h"
#include "store/object_store.h"

namespace oss {

/// A range of a source as a request's body, which sums up what is read from it on the way.
/// Threads: one reader at a time; crc64() after it.
class SourceBody final : public http::Body {
 public:
  SourceBody(std::shared_ptr<const store::Source> source, model::ByteRange range)
      : source_(std::move(source)), range_(range), known_(source_->known_crc64(range)) {}

  [[nodiscard]] std::uint64_t size() const override { return range_.size(); }
  core::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const override;
  /// None where its sum has to be taken on the way.
  [[nodiscard]] std::vector<core::Run> runs() const override;

  /// The CRC-64 of all of it. Reads what the last pass from the beginning did not reach.
  core::Result<std::uint64_t> crc64() const;
  /// The raw MD5 of all of it, by a pass of its own.
  core::Result<std::string> md5() const;

 private:
  const std::shared_ptr<const store::Source> source_;
  const model::ByteRange range_;
  const std::optional<std::uint64_t> known_;  ///< its sum, before anything was sent
  mutable std::uint64_t summed_ = 0;          ///< bytes from the beginning that crc64_ covers
  mutable std::uint64_t crc64_ = 0;
};

}  // namespace oss
