// The tree of nodes by itself: who is found where, what is counted above, who goes and who stays.
#include "fs/inode_table.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <vector>

#include "support/results.h"

namespace fs_test {
namespace {

using core::ErrorKind;
using fs::InodeNumber;
using fs::InodeTable;
using fs::Node;
using fs::NodePtr;
using test::FailsWith;
using test::IsOkAnd;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class InodeTableTest : public ::testing::Test {
 protected:
  NodePtr add(const NodePtr& directory, const std::string& name, mode_t type) {
    fs::Description about;
    about.attributes.mode = type;
    return table_.add(directory, name, {name, false}, ++last_, about);
  }
  NodePtr file(const NodePtr& directory, const std::string& name) {
    return add(directory, name, S_IFREG);
  }
  NodePtr directory(const NodePtr& above, const std::string& name) {
    return add(above, name, S_IFDIR);
  }
  [[nodiscard]] bool has(const NodePtr& node) const {
    return table_.find(node->number).has_value();
  }

  InodeTable table_;
  NodePtr root_ = table_.root();
  InodeNumber last_ = fs::kRoot;
};

TEST_F(InodeTableTest, WhatIsAddedIsFoundByNameAndByNumber) {
  const NodePtr d = directory(root_, "d");
  const NodePtr f = file(d, "f");
  EXPECT_EQ(InodeTable::child(*d, "f"), f);
  EXPECT_THAT(table_.find(f->number), IsOkAnd(f));
  EXPECT_EQ(f->about.attributes.inode, f->number);
  EXPECT_EQ(path_of(*f), "d/f");
  EXPECT_THAT(key_of(*f, "p/"), IsOkAnd("p/d/f"));
  EXPECT_THAT(key_of(*d, "p/"), IsOkAnd("p/d/"));
  EXPECT_EQ(root_->place.directories, 1U);
  EXPECT_EQ(d->place.directories, 0U);

  EXPECT_EQ(InodeTable::child(*root_, "f"), nullptr);
  EXPECT_THAT(table_.find(last_ + 1), FailsWith(ErrorKind::Changed));
}

#ifndef NDEBUG
TEST_F(InodeTableTest, NoNumberAndNoNameIsGivenTwice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const NodePtr f = file(root_, "f");
  EXPECT_DEATH((void)table_.add(root_, "g", {"g", false}, f->number, {}), "broken invariant");
  EXPECT_DEATH((void)file(root_, "f"), "broken invariant");
}
#endif

TEST_F(InodeTableTest, WhatMovesIsFoundUnderItsNewNameAlone) {
  const NodePtr a = directory(root_, "a");
  const NodePtr b = directory(root_, "b");
  const NodePtr x = directory(a, "x");
  const NodePtr f = file(x, "f");
  InodeTable::move(x, b, "y", {"y", false});
  EXPECT_EQ(InodeTable::child(*a, "x"), nullptr);
  EXPECT_EQ(InodeTable::child(*b, "x"), nullptr);
  EXPECT_EQ(InodeTable::child(*b, "y"), x);
  EXPECT_THAT(key_of(*f, ""), IsOkAnd("b/y/f"));
  EXPECT_EQ(a->place.directories, 0U);
  EXPECT_EQ(b->place.directories, 1U);

  InodeTable::move(x, b, "z", {"z", false});
  EXPECT_EQ(InodeTable::child(*b, "y"), nullptr);
  EXPECT_EQ(InodeTable::child(*b, "z"), x);
  EXPECT_EQ(b->place.directories, 1U);
  EXPECT_NE(file(b, "y"), x) << "the name is free";
}

TEST_F(InodeTableTest, UnpublishedContentIsCountedInEveryDirectoryAboveAndMovesAlong) {
  const NodePtr a = directory(root_, "a");
  const NodePtr b = directory(root_, "b");
  const NodePtr x = directory(a, "x");
  const NodePtr f = file(x, "f");
  const NodePtr beside = directory(a, "beside");
  const auto counts = [&] {
    std::vector<std::uint64_t> all;
    for (const NodePtr& node : {root_, a, x, beside, b}) {
      all.push_back(node->place.unpublished_below);
    }
    return all;
  };
  InodeTable::count_unpublished(*f, true);
  EXPECT_THAT(counts(), ElementsAre(1, 1, 1, 0, 0));
  InodeTable::move(x, b, "x", {"x", false});
  EXPECT_THAT(counts(), ElementsAre(1, 0, 1, 0, 1));
  InodeTable::detach(*x);
  EXPECT_THAT(counts(), ElementsAre(0, 0, 1, 0, 0)) << "it takes along what is below";
  InodeTable::detach(*x);
  EXPECT_THAT(counts(), ElementsAre(0, 0, 1, 0, 0)) << "and is out once";
  InodeTable::move(x, a, "x", {"x", false});
  InodeTable::count_unpublished(*f, false);
  EXPECT_THAT(counts(), ElementsAre(0, 0, 0, 0, 0));
}

TEST_F(InodeTableTest, WhatIsDetachedHasItsNumberStillAndNoKey) {
  const NodePtr d = directory(root_, "d");
  const NodePtr below = directory(d, "below");
  const NodePtr f = file(below, "f");
  EXPECT_TRUE(is_in_tree(*f));
  d->place.gone = true;
  InodeTable::detach(*d);
  EXPECT_EQ(InodeTable::child(*root_, "d"), nullptr);
  EXPECT_THAT(table_.find(d->number), IsOkAnd(d));
  EXPECT_EQ(InodeTable::child(*below, "f"), f) << "what is below stays there";
  for (const NodePtr& node : {d, below, f}) {
    EXPECT_FALSE(is_in_tree(*node));
    EXPECT_THAT(key_of(*node, ""), FailsWith(ErrorKind::Changed));
    EXPECT_THAT(path_of(*node), ::testing::StartsWith("(removed)/d"));
  }
  d->place.unlinked = true;
  EXPECT_THAT(key_of(*f, ""), FailsWith(ErrorKind::NotFound)) << "we did it ourselves";
}

TEST_F(InodeTableTest, DirectoriesThatWereKeptForWhatIsBelowGoWithIt) {
  std::vector<std::string> dropped;
  table_.on_drop([&](const Node& node) { dropped.push_back(path_of(node)); });
  const NodePtr a = directory(root_, "a");
  const NodePtr b = directory(a, "b");
  const NodePtr f = file(b, "f");
  table_.drop_if_unused(a);
  EXPECT_THAT(dropped, IsEmpty()) << "somebody may come back up from below";

  a->uses.lookups = 1;
  table_.drop_if_unused(f);
  EXPECT_THAT(dropped, ElementsAre("a/b/f", "a/b"));
  EXPECT_FALSE(has(f));
  EXPECT_FALSE(has(b));
  EXPECT_TRUE(has(a)) << "the kernel knows it";
  EXPECT_TRUE(f->place.gone) << "whoever holds it must not take it for a file in the tree";

  a->uses.lookups = 0;
  table_.drop_if_unused(a);
  EXPECT_EQ(table_.size(), 1U);
  table_.drop_if_unused(root_);
  EXPECT_EQ(table_.size(), 1U) << "the root stays";
}

TEST_F(InodeTableTest, WhatWeUnlinkedIsNotSaidToBeGone) {
  const NodePtr f = file(root_, "f");
  f->place.unlinked = true;
  InodeTable::detach(*f);
  bool told = false;
  table_.on_drop([&](const Node& /*node*/) { told = true; });
  table_.drop_if_unused(f);
  EXPECT_FALSE(has(f));
  EXPECT_FALSE(f->place.gone);
  EXPECT_FALSE(told) << "it was not in the tree";
}

struct Reason {
  const char* what;
  void (*set)(Node& node, bool on);
};
class WhatKeepsANode : public InodeTableTest, public ::testing::WithParamInterface<Reason> {};

TEST_P(WhatKeepsANode, GoesOnlyWithoutIt) {
  const NodePtr f = file(root_, "f");
  GetParam().set(*f, true);
  table_.drop_if_unused(f);
  EXPECT_TRUE(has(f));
  GetParam().set(*f, false);
  table_.drop_if_unused(f);
  EXPECT_FALSE(has(f));
}

INSTANTIATE_TEST_SUITE_P(
    Each, WhatKeepsANode,
    ::testing::Values(
        Reason{"Lookup", [](Node& node, bool on) { node.uses.lookups = on ? 1 : 0; }},
        Reason{"Handle", [](Node& node, bool on) { node.uses.handles = on ? 1 : 0; }},
        Reason{"Claim", [](Node& node, bool on) { node.claimed.busy = on; }},
        Reason{"Writer", [](Node& node, bool on) { node.claimed.sharers = on ? 1 : 0; }},
        Reason{"ClaimBelow", [](Node& node, bool on) { node.claimed.below = on ? 1 : 0; }}),
    [](const auto& each) { return std::string(each.param.what); });

TEST_F(InodeTableTest, TellsWhenThereAreTooManyAndShowsAllInTurn) {
  int told = 0;
  table_.on_crowded(16, [&] { ++told; });
  for (int i = 0; i < 15; ++i) {
    file(root_, "f" + std::to_string(i));
  }
  EXPECT_EQ(told, 0);
  file(root_, "one more");
  EXPECT_EQ(told, 1);
  EXPECT_EQ(table_.too_many(), 3U);
  std::set<InodeNumber> shown;
  for (std::size_t i = 0; i < table_.size(); ++i) {
    table_.walk_on(1, [&](const Node& node) { shown.insert(node.number); });
  }
  EXPECT_EQ(shown.size(), table_.size());
}

}  // namespace
}  // namespace fs_test
