#include "fs/drafts.h"

#include <utility>

#include "core/check.h"
#include "fs/inode_table.h"

namespace fs {

Drafts::~Drafts() {
  for (const NodePtr& node : unpublished_) {
    end(std::exchange(node->draft.outgoing_, nullptr));
  }
  ending_.close();
}

core::Result<std::shared_ptr<transfer::LayeredFile>> Drafts::create() {
  TRY_ASSIGN(auto file, area_.create());
  return std::make_shared<transfer::LayeredFile>(std::move(file));
}

template <class Ended>
void Drafts::end(Ended ended) {
  if (ended == nullptr) {
    return;
  }
  if (auto pass = ending_.enter()) {
    // The pass is the last to go.
    pool_.post([pass = std::make_shared<core::Gate::Pass>(*std::move(pass)),
                ended = std::move(ended)]() mutable { ended.reset(); });
  }
}

void Drafts::count(const Draft& draft, std::uint64_t sign) {
  totals_.bytes += sign * (draft.unpublished() ? draft.counted_bytes_ : 0);
  totals_.publishing += sign * (draft.state_ == DraftState::Publishing ? 1 : 0);
  totals_.failed += sign * (draft.state_ == DraftState::Failed ? 1 : 0);
}

void Drafts::begin(const NodePtr& node, std::shared_ptr<transfer::LayeredFile> content) {
  adopt(node, std::move(content));
  set_out(node->draft);
}

void Drafts::adopt(const NodePtr& node, std::shared_ptr<transfer::LayeredFile> content) {
  CORE_CHECK(node->draft.content_ == nullptr);
  node->draft.content_ = std::move(content);
  apply(node, DraftEvent::Staged);
}

void Drafts::emptied(const NodePtr& node) { set_out(node->draft); }

void Drafts::set_out(Draft& draft) {
  end(std::exchange(draft.outgoing_, nullptr));
  if (draft.state_ == DraftState::Orphan || !ahead_) {
    return;
  }
  const std::uint64_t size = draft.content_->size();
  const bool is_big = !uploads_.goes_whole(size);
  draft.outgoing_ = uploads_.begin(draft.content_->local(), is_big ? size : 0);
  if (!is_big && size > 0) {
    (void)draft.outgoing_->wrote({0, size});  // all of it is here, and less than would be sent now
  }
}

void Drafts::strike(Draft& draft, state::Journal::When when) {
  const Draft::Note note = std::exchange(draft.note_, {});
  if (note.number != 0) {
    journal_->drop(note.number, when, [name = note.name] {
      if (name) {
        name->release();
      }
    });
  }
  draft.safe_ = false;
}

void Drafts::named(const NodePtr& node, std::shared_ptr<transfer::KeptFile> kept) {
  node->draft.kept_ = std::move(kept);
}

void Drafts::made_safe(const NodePtr& node, std::uint64_t number, bool inside) {
  Draft& draft = node->draft;
  draft.number_ = number;
  draft.safe_ = true;
  Draft::Note before = std::exchange(draft.note_, {number, inside ? nullptr : draft.kept_});
  if (before.name && before.name != draft.kept_) {
    before.name->release();
    end(std::move(before.name));
  }
}

void Drafts::replace(const NodePtr& node, std::shared_ptr<transfer::LayeredFile> content) {
  Draft& draft = node->draft;
  end(std::exchange(draft.outgoing_, nullptr));
  end(std::exchange(draft.kept_, nullptr));
  end(std::exchange(draft.content_, std::move(content)));
  draft.number_ = 0;
}

void Drafts::sent(const NodePtr& node, store::ObjectMeta meta) {
  constexpr std::size_t kMost = 8;
  auto& all = node->draft.sent_;
  if (all.size() == kMost) {
    all.erase(all.begin());
  }
  all.push_back(std::move(meta));
}

void Drafts::apply(const NodePtr& node, DraftEvent event) {
  Draft& draft = node->draft;
  const auto state = next(draft.state_, event);
  CORE_CHECK(state.has_value());
  const bool before = draft.unpublished();
  constexpr std::uint64_t kMinusOne = ~std::uint64_t{0};
  count(draft, kMinusOne);
  draft.state_ = *state;
  draft.counted_bytes_ = node->about.attributes.size;
  count(draft, 1);
  if (before != draft.unpublished()) {
    if (before) {
      unpublished_.erase(node);
    } else {
      unpublished_.insert(node);
    }
    InodeTable::count_unpublished(*node, !before);
  }
  if (event == DraftEvent::Published || !draft.unpublished()) {
    draft.failure_.reset();
    draft.sent_.clear();
  }
  if (!draft.unpublished()) {
    // What was published would only be recognised as ours; what was removed would come back.
    strike(draft, event == DraftEvent::Published ? state::Journal::When::Anytime
                                                 : state::Journal::When::Soon);
  } else if (event == DraftEvent::Wrote) {
    draft.safe_ = false;
  }
  const bool tried = event == DraftEvent::Published || event == DraftEvent::Failed;
  if (tried || !has_content(draft.state_) || draft.state_ == DraftState::Orphan) {
    end(std::exchange(draft.outgoing_, nullptr));
  }
  if (!has_content(draft.state_)) {
    end(std::exchange(draft.kept_, nullptr));
    draft.number_ = 0;
    end(std::exchange(draft.content_, nullptr));
  } else if (event == DraftEvent::Published || (tried && draft.counted_bytes_ == 0)) {
    set_out(draft);
  }
}

void Drafts::publish(const NodePtr& node, core::WallTime now) {
  node->draft.tried_ = now;
  apply(node, DraftEvent::Publish);
}

void Drafts::fail(const NodePtr& node, core::Error error) {
  apply(node, DraftEvent::Failed);
  node->draft.failure_ = std::make_unique<core::Error>(std::move(error));
}

void Drafts::wrote(const NodePtr& node) {
  Draft& draft = node->draft;
  draft.written_ = node->about.attributes.modified;
  if (!draft.unpublished()) {
    draft.unpublished_since_ = draft.written_;
  }
  apply(node, DraftEvent::Wrote);
}

}  // namespace fs
