#include "transfer/staged_blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace transfer {
namespace {

std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + StagedBlocks::kPage - 1) / StagedBlocks::kPage * StagedBlocks::kPage;
}

}  // namespace

bool StagedBlocks::add(std::uint64_t index) {
  auto block = memory_->take();
  if (!block) {
    return false;
  }
  take_up();
  blocks_.emplace(index, Held{std::move(block), {}, 0, 0, 0, {}, false});
  return true;
}

bool StagedBlocks::set_aside() {
  if (is_aside_ || blocks_.size() != 1) {
    return is_aside_ || blocks_.empty();
  }
  Held& held = blocks_.begin()->second;
  held.aside =
      memory_->set_aside(std::span(held.block->data(), static_cast<std::size_t>(held.filled)));
  if (held.aside.empty()) {
    return false;
  }
  held.block = nullptr;
  held.shown = 0;
  is_aside_ = true;
  return true;
}

void StagedBlocks::take_up() {
  if (!std::exchange(is_aside_, false) || blocks_.empty()) {
    return;
  }
  Held& held = blocks_.begin()->second;
  held.block = memory_->take_beyond();
  std::memcpy(held.block->data(), held.aside.view().data(), static_cast<std::size_t>(held.filled));
  held.shown = whole_pages(held.filled);
  held.aside = {};
}

core::Bytes StagedBlocks::view_of(const Held& held, std::uint64_t from, std::uint64_t size) {
  const auto at = static_cast<std::size_t>(from);
  const auto count = static_cast<std::size_t>(size);
  return held.block ? StagedMemory::Block::pin(held.block, at, count) : held.aside.slice(at, count);
}

void StagedBlocks::make_writable(Held& held, std::uint64_t from) {
  if (from < held.shown && held.block->is_pinned()) {
    auto own = memory_->take_beyond();
    std::memcpy(own->data(), held.block->data(), static_cast<std::size_t>(held.filled));
    held.block = std::move(own);
    held.shown = whole_pages(held.filled);
  }
}

void StagedBlocks::write(std::uint64_t offset, std::span<const std::byte> data) {
  take_up();
  Held& held = blocks_.at(offset / kBlock);
  const std::uint64_t from = offset % kBlock;
  const std::uint64_t end = from + data.size();
  make_writable(held, std::min(from, held.filled));
  std::byte* const memory = held.block->data();
  if (from > held.filled) {
    std::memset(memory + held.filled, 0, static_cast<std::size_t>(from - held.filled));
  }
  std::memcpy(memory + from, data.data(), data.size());
  held.filled = std::max(held.filled, end);
  held.shown = std::max(held.shown, whole_pages(held.filled));
  ++held.version;
  held.sent = false;
  for (std::uint64_t page = from / kPage; page * kPage < end; ++page) {
    pages_ += held.pages.test(page) ? 0 : 1;
    held.pages.set(page);
  }
}

bool StagedBlocks::accept(std::uint64_t index, core::BlockOffer& offer) {
  auto block = memory_->accept(offer);
  if (!block) {
    return false;
  }
  take_up();
  Held& held = blocks_[index];
  pages_ -= held.pages.count();
  held = {std::move(block), {}, kBlock, kBlock, held.version + 1, {}, false};
  held.pages.set();
  pages_ += held.pages.count();
  return true;
}

void StagedBlocks::truncate(std::uint64_t size) {
  const auto beyond = blocks_.lower_bound((size + kBlock - 1) / kBlock);
  for (auto at = beyond; at != blocks_.end(); ++at) {
    pages_ -= at->second.pages.count();
  }
  blocks_.erase(beyond, blocks_.end());
  is_aside_ = is_aside_ && !blocks_.empty();
  const auto last = blocks_.find(size / kBlock);
  if (last == blocks_.end()) {
    return;
  }
  Held& held = last->second;
  held.filled = std::min(held.filled, size % kBlock);
  ++held.version;
  for (std::uint64_t page = (size % kBlock + kPage - 1) / kPage; page < held.pages.size(); ++page) {
    pages_ -= held.pages.test(page) ? 1 : 0;
    held.pages.reset(page);
  }
}

StagedBlocks::Stretch StagedBlocks::at(std::uint64_t offset, std::uint64_t length) const {
  const std::uint64_t index = offset / kBlock;
  const auto next = blocks_.lower_bound(index);
  if (next == blocks_.end()) {
    return {false, length, {}};
  }
  if (next->first != index) {
    return {false, std::min(length, next->first * kBlock - offset), {}};
  }
  const Held& held = next->second;
  const std::uint64_t from = offset % kBlock;
  if (from >= held.filled) {
    return {true, std::min(length, kBlock - from), {}};
  }
  const std::uint64_t size = std::min(length, held.filled - from);
  return {true, size, view_of(held, from, size)};
}

std::optional<std::uint64_t> StagedBlocks::seek(std::uint64_t offset, bool data) const {
  const Held& held = blocks_.at(offset / kBlock);
  const std::uint64_t start = offset / kBlock * kBlock;
  for (std::uint64_t page = offset % kBlock / kPage; page < held.pages.size(); ++page) {
    if (held.pages.test(page) == data) {
      return std::max(offset, start + page * kPage);
    }
  }
  return std::nullopt;
}

std::vector<model::ByteRange> StagedBlocks::Leaving::runs() const {
  std::vector<model::ByteRange> runs;
  for (std::uint64_t page = 0; page < pages.size(); ++page) {
    const std::uint64_t at = index * kBlock + page * kPage;
    if (pages.test(page) && !runs.empty() && runs.back().last == at) {
      runs.back().last += kPage;
    } else if (pages.test(page)) {
      runs.push_back({at, at + kPage});
    }
  }
  return runs;
}

std::vector<StagedBlocks::Leaving> StagedBlocks::leaving(std::uint64_t bytes,
                                                         Spillable::Which which) {
  using Which = Spillable::Which;
  if (which != Which::All && is_aside_) {
    return {};
  }
  take_up();
  std::vector<Leaving> chosen;
  for (auto& [index, held] : blocks_) {
    if ((chosen.size() + 1) * kBlock > bytes) {
      break;
    }
    if (which == Which::All || (!held.block->is_pinned() && (which == Which::Idle || held.sent))) {
      const std::uint64_t end = whole_pages(held.filled);
      if (end > held.filled) {  // the rest of the last page goes along
        make_writable(held, held.filled);
        std::memset(held.block->data() + held.filled, 0,
                    static_cast<std::size_t>(end - held.filled));
      }
      chosen.push_back({index, held.version,
                        StagedMemory::Block::pin(held.block, 0, static_cast<std::size_t>(end)),
                        held.pages});
    }
  }
  return chosen;
}

void StagedBlocks::sends(model::ByteRange range) {
  const auto end = blocks_.lower_bound((range.last + kBlock - 1) / kBlock);
  for (auto at = blocks_.lower_bound(range.first / kBlock); at != end; ++at) {
    at->second.sent = true;
  }
}

bool StagedBlocks::left(const Leaving& block) {
  const auto at = blocks_.find(block.index);
  if (at == blocks_.end() || at->second.version != block.version) {
    return false;
  }
  pages_ -= at->second.pages.count();
  blocks_.erase(at);
  return true;
}

}  // namespace transfer
