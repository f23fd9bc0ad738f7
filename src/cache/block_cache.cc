#include "cache/block_cache.h"

#include <utility>

#include "cache/block_store.h"

namespace cache {

Fill::~Fill() {
  if (claim_) {
    claim_->store->finish(*claim_, core::fail(core::ErrorKind::Cancelled, "given up"));
  }
}
std::uint64_t Fill::id() const { return claim_->id; }
model::ByteRange Fill::range() const { return claim_->range; }
std::uint64_t Fill::received() const { return claim_->received; }
bool Fill::wanted() const { return claim_->store->wanted(*claim_); }
std::span<std::byte> Fill::room() const { return BlockStore::room(*claim_); }
core::Status Fill::append(core::ByteView data) { return claim_->store->append(*claim_, data); }
void Fill::finish(core::Status status) { claim_->store->finish(*claim_, std::move(status)); }

VersionBlocks::VersionBlocks(BlockStore& store, std::shared_ptr<Version> version)
    : store_(store), version_(std::move(version)) {}
VersionBlocks::~VersionBlocks() { store_.close(version_); }
const model::ObjectVersion& VersionBlocks::version() const { return version_->id; }
std::shared_ptr<void> VersionBlocks::companion(const std::function<std::shared_ptr<void>()>& make) {
  return store_.companion(*version_, make);
}
std::optional<Slices> VersionBlocks::get(model::ByteRange range) {
  return store_.get(*version_, range);
}
VersionBlocks::Asked VersionBlocks::ask(model::ByteRange range, std::uint64_t ahead_until,
                                        std::uint64_t piece_bytes, Done done) {
  return store_.ask(version_, range, ahead_until, piece_bytes, std::move(done));
}
std::vector<std::uint64_t> VersionBlocks::abandon(const std::shared_ptr<Waiter>& waiter) {
  return store_.abandon(*version_, waiter);
}
VersionBlocks::Ahead VersionBlocks::claim_ahead(model::ByteRange range, std::uint64_t piece_bytes) {
  return store_.claim_ahead(version_, range, piece_bytes);
}

BlockCache::BlockCache(std::uint64_t budget_bytes)
    : store_(std::make_unique<BlockStore>(budget_bytes)) {}
BlockCache::~BlockCache() = default;
std::shared_ptr<VersionBlocks> BlockCache::open(const model::ObjectVersion& version) {
  return std::make_shared<VersionBlocks>(*store_, store_->open(version));
}
void BlockCache::forget(const model::ObjectKey& key) { store_->forget(key); }
std::uint64_t BlockCache::budget_bytes() const { return store_->budget_bytes(); }
std::uint64_t BlockCache::held_bytes() const { return store_->held_bytes(); }
std::uint64_t BlockCache::resident_bytes() const { return store_->resident_bytes(); }
void BlockCache::give_back_idle() { store_->give_back_idle(); }

}  // namespace cache
