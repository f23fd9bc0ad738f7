#include "cache/block_store.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/format.h"

namespace cache {
namespace {

using model::ByteRange;

std::uint64_t block_of(std::uint64_t offset) { return offset / kBlockBytes; }
std::uint64_t round_down(std::uint64_t offset) { return offset / kUnitBytes * kUnitBytes; }

bool overlap(ByteRange a, ByteRange b) { return a.first < b.last && b.first < a.last; }

/// The part of `range` that lies in block `index`, counted from the block's begin.
ByteRange within(ByteRange range, std::uint64_t index) {
  const std::uint64_t begin = index * kBlockBytes;
  return {std::max(range.first, begin) - begin, std::min(range.last, begin + kBlockBytes) - begin};
}

/// The units of block `index` that hold any of `range`.
Units units_of(ByteRange range, std::uint64_t index) {
  const ByteRange part = within(range, index);
  const std::uint64_t first = part.first / kUnitBytes;
  const std::uint64_t count = (part.last - 1) / kUnitBytes - first + 1;
  const Units ones = count == 32 ? ~Units{0} : (Units{1} << count) - 1;
  return ones << first;
}

/// What is still to come of a claim, from the begin of the unit that is not complete.
ByteRange remaining(const Claim& claim) {
  return {round_down(claim.range.first + claim.received), claim.range.last};
}

}  // namespace

BlockStore::BlockStore(std::uint64_t budget_bytes) : budget_(budget_bytes) {}

// ---- versions

VersionPointer BlockStore::open(const model::ObjectVersion& id) {
  const core::MutexLock lock(mutex_);
  const auto [begin, end] = versions_.equal_range(id.key);
  for (auto at = begin; at != end; ++at) {
    if (at->second->id == id && !at->second->forgotten) {
      ++at->second->readers;
      return at->second;
    }
  }
  auto version = std::make_shared<Version>();
  version->id = id;
  version->readers = 1;
  versions_.emplace(id.key, version);
  return version;
}

void BlockStore::close(const VersionPointer& version) {
  const core::MutexLock lock(mutex_);
  if (--version->readers > 0) {
    return;
  }
  if (version->forgotten) {
    drop_idle(*version);
  } else {
    // Nobody runs ahead any more: what was not read is not worth more than what was.
    for (const auto& [index, block] : version->blocks) {
      if (block->place == Place::Prefetched) {
        enter(block, Place::Cold);
      }
    }
  }
  retire_if_unused(*version);
}

void BlockStore::forget(const model::ObjectKey& key) {
  const core::MutexLock lock(mutex_);
  std::vector<VersionPointer> found;
  const auto [begin, end] = versions_.equal_range(key);
  for (auto at = begin; at != end; ++at) {
    found.push_back(at->second);
  }
  for (const VersionPointer& version : found) {
    version->forgotten = true;
    if (version->readers == 0) {
      drop_idle(*version);
      retire_if_unused(*version);
    }
  }
}

std::shared_ptr<void> BlockStore::companion(Version& version,
                                            const std::function<std::shared_ptr<void>()>& make) {
  const core::MutexLock lock(mutex_);
  if (!version.companion) {
    version.companion = make();
  }
  return version.companion;
}

void BlockStore::drop_idle(Version& version) {
  std::vector<BlockPointer> idle;
  for (const auto& [index, block] : version.blocks) {
    if (block->pending == 0) {
      idle.push_back(block);
    }
  }
  for (const BlockPointer& block : idle) {
    drop(block);
  }
}

void BlockStore::retire_if_unused(Version& version) {
  if (version.readers > 0 || !version.blocks.empty() || !version.claims.empty()) {
    return;
  }
  const auto [begin, end] = versions_.equal_range(version.id.key);
  for (auto at = begin; at != end; ++at) {
    if (at->second.get() == &version) {
      versions_.erase(at);
      return;
    }
  }
}

// ---- questions

std::optional<Slices> BlockStore::get(Version& version, ByteRange range) {
  const core::MutexLock lock(mutex_);
  Waiter waiter;
  waiter.range = range;
  for (std::uint64_t i = block_of(range.first); i <= block_of(range.last - 1); ++i) {
    const auto at = version.blocks.find(i);
    const Units needed = units_of(range, i);
    if (at == version.blocks.end() || (at->second->valid & needed) != needed) {
      return std::nullopt;
    }
    waiter.blocks.push_back(at->second);
  }
  return take(waiter);
}

VersionBlocks::Asked BlockStore::ask(const VersionPointer& version, ByteRange range,
                                     std::uint64_t ahead_until, std::uint64_t piece_bytes,
                                     VersionBlocks::Done done) {
  VersionBlocks::Asked asked;
  auto waiter = std::make_shared<Waiter>();
  waiter->range = range;
  core::MutexLock lock(mutex_);
  for (std::uint64_t i = block_of(range.first); i <= block_of(range.last - 1); ++i) {
    waiter->blocks.push_back(find_or_make(*version, i, false));
  }
  if (complete(*waiter)) {
    Slices slices = take(*waiter);
    lock.unlock();
    done(std::move(slices), false);
    return asked;
  }
  for (const Claim* claim : version->claims) {
    if (overlap(remaining(*claim), range)) {
      asked.awaited.push_back(claim->id);
    }
  }
  const std::uint64_t last = std::max(range.last, std::min(ahead_until, version->id.size));
  asked.reached = claim_missing(version, {range.first, last}, range.last, piece_bytes, asked.fills);
  for (const Fill& fill : asked.fills) {
    waiter->own.push_back(fill.id());
  }
  waiter->done = std::move(done);
  version->waiters.push_back(waiter);
  asked.waiter = std::move(waiter);
  return asked;
}

VersionBlocks::Ahead BlockStore::claim_ahead(const VersionPointer& version, ByteRange range,
                                             std::uint64_t piece_bytes) {
  VersionBlocks::Ahead ahead;
  const core::MutexLock lock(mutex_);
  ahead.reached = claim_missing(version, range, range.first, piece_bytes, ahead.fills);
  return ahead;
}

std::uint64_t BlockStore::claim_missing(const VersionPointer& version, ByteRange range,
                                        std::uint64_t ahead_from, std::uint64_t piece_bytes,
                                        std::vector<Fill>& fills) {
  std::shared_ptr<Claim> run;
  const auto end_run = [&] {
    if (run) {
      run->range.last = std::min(run->range.last, version->id.size);
      fills.emplace_back(std::move(run));
      run.reset();
    }
  };
  for (std::uint64_t i = block_of(range.first); i <= block_of(range.last - 1); ++i) {
    const std::uint64_t begin = i * kBlockBytes;
    const BlockPointer block = find_or_make(*version, i, begin >= ahead_from);
    if (!block) {
      end_run();
      return std::max(range.first, begin);
    }
    const Units missing = units_of(range, i) & ~block->valid & ~block->pending;
    for (std::uint64_t u = 0; u < kBlockBytes / kUnitBytes; ++u) {
      if ((missing >> u & 1U) == 0) {
        end_run();
        continue;
      }
      if (run && run->range.size() >= piece_bytes) {
        end_run();
      }
      if (!run) {
        run = std::make_shared<Claim>();
        run->store = this;
        run->version = version;
        run->id = next_claim_++;
        run->range = {begin + u * kUnitBytes, begin + u * kUnitBytes};
        version->claims.push_back(run.get());
      }
      if (run->blocks.empty() || run->blocks.back() != block) {
        run->blocks.push_back(block);
      }
      run->range.last += kUnitBytes;
      leave_queue(*block);
      block->pending |= Units{1} << u;
    }
  }
  end_run();
  return range.last;
}

std::vector<std::uint64_t> BlockStore::abandon(Version& version,
                                               const std::shared_ptr<Waiter>& waiter) {
  const core::MutexLock lock(mutex_);
  std::vector<std::uint64_t> unwanted;
  if (version.waiters.remove(waiter) == 0) {
    return unwanted;
  }
  waiter->blocks.clear();
  for (const Claim* claim : version.claims) {
    const ByteRange rest = remaining(*claim);
    if (overlap(rest, waiter->range) &&
        std::none_of(version.waiters.begin(), version.waiters.end(),
                     [&](const auto& other) { return overlap(rest, other->range); })) {
      unwanted.push_back(claim->id);
    }
  }
  return unwanted;
}

// ---- claims

std::span<std::byte> BlockStore::room(const Claim& claim) {
  const ByteRange left{claim.range.first + claim.received, claim.range.last};
  if (left.empty() || claim.ended) {
    return {};
  }
  const Block& block = *claim.blocks[block_of(left.first) - block_of(claim.range.first)];
  const ByteRange part = within(left, block.index);
  return {block.data + part.first, part.size()};
}

core::Status BlockStore::append(Claim& claim, core::ByteView data) {
  const std::uint64_t received = claim.received;
  if (data.size() > claim.range.size() - received) {
    return core::fail(core::ErrorKind::Protocol,
                      core::format("{} bytes more than the range has", data.size()));
  }
  const std::uint64_t from = claim.range.first + received;
  const std::uint64_t to = from + data.size();
  for (std::uint64_t at = from; at < to;) {
    // No lock: nobody reads claimed units before they are valid.
    const Block& block = *claim.blocks[block_of(at) - block_of(claim.range.first)];
    const ByteRange part = within({at, to}, block.index);
    if (const std::byte* const source = data.data() + (at - from);
        source != block.data + part.first) {  // else it was received there
      std::memcpy(block.data + part.first, source, part.size());
    }
    at += part.size();
  }
  const ByteRange done{round_down(from), to == claim.range.last ? to : round_down(to)};
  if (done.empty()) {
    claim.received = received + data.size();
    return {};
  }
  std::vector<Answer> answers;
  {
    const core::MutexLock lock(mutex_);
    claim.received = received + data.size();
    for (std::uint64_t i = block_of(done.first); i <= block_of(done.last - 1); ++i) {
      const BlockPointer& block = claim.blocks[i - block_of(claim.range.first)];
      const Units units = units_of(done, i);
      block->valid |= units;
      block->pending &= ~units;
      if (block->pending == 0) {
        settle(block);
      }
    }
    answers = ready(*claim.version, done);
  }
  for (Answer& answer : answers) {
    answer.waiter->done(std::move(answer.slices), false);
  }
  return {};
}

void BlockStore::finish(Claim& claim, core::Status status) {
  std::vector<std::shared_ptr<Waiter>> failed;
  {
    const core::MutexLock lock(mutex_);
    if (claim.ended) {
      return;
    }
    claim.ended = true;
    std::erase(claim.version->claims, &claim);
    if (claim.received < claim.range.size()) {
      const ByteRange rest = remaining(claim);
      for (std::uint64_t i = block_of(rest.first); i <= block_of(rest.last - 1); ++i) {
        const BlockPointer& block = claim.blocks[i - block_of(claim.range.first)];
        block->pending &= ~units_of(rest, i);
        if (block->pending == 0) {
          settle(block);
        }
      }
      auto& waiters = claim.version->waiters;
      const auto hit = std::stable_partition(
          waiters.begin(), waiters.end(), [&](const auto& w) { return !overlap(w->range, rest); });
      failed.assign(hit, waiters.end());
      waiters.erase(hit, waiters.end());
      for (const auto& waiter : failed) {
        waiter->blocks.clear();
      }
    }
    claim.blocks.clear();
    retire_if_unused(*claim.version);
  }
  if (status) {
    status = core::fail(core::ErrorKind::Corrupt, "the range ended early");
  }
  for (const auto& waiter : failed) {
    const bool own =
        std::find(waiter->own.begin(), waiter->own.end(), claim.id) != waiter->own.end();
    waiter->done(status.error(), own);
  }
}

bool BlockStore::wanted(const Claim& claim) {
  const core::MutexLock lock(mutex_);
  const ByteRange rest = remaining(claim);
  const auto& waiters = claim.version->waiters;
  return std::any_of(waiters.begin(), waiters.end(),
                     [&](const auto& waiter) { return overlap(rest, waiter->range); });
}

// ---- answers

bool BlockStore::complete(Waiter& waiter) {
  for (; waiter.complete < waiter.blocks.size(); ++waiter.complete) {
    const Block& block = *waiter.blocks[waiter.complete];
    const Units needed = units_of(waiter.range, block.index);
    if ((block.valid & needed) != needed) {
      return false;
    }
  }
  return true;
}

Slices BlockStore::take(Waiter& waiter) {
  Slices slices;
  slices.reserve(waiter.blocks.size());
  for (const BlockPointer& block : waiter.blocks) {
    const ByteRange part = within(waiter.range, block->index);
    slices.emplace_back(block, core::ByteView(block->data + part.first, part.size()));
    touch(block, units_of(waiter.range, block->index));
  }
  waiter.blocks.clear();  // whoever still knows the waiter must not pin them
  return slices;
}

std::vector<BlockStore::Answer> BlockStore::ready(Version& version, ByteRange range) {
  std::vector<Answer> answers;
  for (auto at = version.waiters.begin(); at != version.waiters.end();) {
    if (overlap((*at)->range, range) && complete(**at)) {
      Slices slices = take(**at);
      answers.push_back({std::move(*at), std::move(slices)});
      at = version.waiters.erase(at);
    } else {
      ++at;
    }
  }
  return answers;
}

}  // namespace cache
