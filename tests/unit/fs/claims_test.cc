// Who may work at the same time. A deadline that has passed makes waiting an error at once, so that
// "would wait" needs neither threads nor time.
#include "fs/claims.h"

#include <sys/stat.h>

#include <future>
#include <string>

#include "fixture.h"
#include "fs/mount.h"

namespace fs_test {
namespace {

using fs::Claim;
using fs::NodePtr;
using fs::Wish;

class Claims : public FileSystemTest {
 protected:
  Claims()
      : mount_(options_, {store_, *downloads_, *uploads_, *staging_, clock_, metrics_, pool_}) {
    const core::MutexLock lock(mount_.mutex);
    root_ = mount_.table.root();
    a_ = add(root_, "a", S_IFDIR);
    x_ = add(a_, "x", S_IFDIR);
    f_ = add(x_, "f", S_IFREG);
    b_ = add(root_, "b", S_IFDIR);
    g_ = add(b_, "g", S_IFREG);
  }
  NodePtr add(const NodePtr& directory, const std::string& name, mode_t type)
      REQUIRES(mount_.mutex) {
    fs::Description about;
    about.attributes.mode = type;
    NodePtr node = mount_.table.add(directory, name, {name, false}, ++last_, about);
    node->uses.lookups = 1;
    return node;
  }

  static Wish nodes(std::vector<NodePtr> wanted) {
    Wish wish;
    wish.nodes = std::move(wanted);
    return wish;
  }
  static Wish tree(NodePtr wanted) {
    Wish wish;
    wish.trees = {std::move(wanted)};
    return wish;
  }
  static Wish name(NodePtr directory, std::string wanted) {
    Wish wish;
    wish.names = {{std::move(directory), std::move(wanted)}};
    return wish;
  }
  static Wish across() {
    Wish wish;
    wish.across = true;
    return wish;
  }
  /// Errors: Timeout: it would wait.
  core::Result<Claim> take(Wish wish) {
    core::OpContext context;
    context.deadline = clock_.steady_now();
    return Claim::take(mount_, context, std::move(wish));
  }
  bool has(fs::InodeNumber number) {
    const core::MutexLock lock(mount_.mutex);
    return mount_.table.contains(number);
  }

  fs::Mount mount_;
  fs::InodeNumber last_ = kRoot;
  NodePtr root_;
  NodePtr a_;
  NodePtr x_;
  NodePtr f_;
  NodePtr b_;
  NodePtr g_;
};

TEST_F(Claims, ANodeIsForOneAtATime) {
  {
    const auto claim = take(nodes({f_}));
    ASSERT_THAT(claim, IsOk());
    EXPECT_THAT(take(nodes({f_})), FailsWith(ErrorKind::Timeout));
    EXPECT_THAT(take(nodes({g_})), IsOk());
    EXPECT_THAT(take(nodes({nullptr})), IsOk()) << "which asks for nothing";
  }
  EXPECT_THAT(take(nodes({f_})), IsOk()) << "it was let go of";
}

TEST_F(Claims, ANodeIsNotForOneWhileOthersWriteToIt) {
  {
    const core::MutexLock lock(mount_.mutex);
    f_->claimed.sharers = 1;
  }
  EXPECT_THAT(take(nodes({f_})), FailsWith(ErrorKind::Timeout));
  {
    const core::MutexLock lock(mount_.mutex);
    f_->claimed.sharers = 0;
  }
  EXPECT_THAT(take(nodes({f_})), IsOk());
}

TEST_F(Claims, ANameIsClaimedInItsDirectoryAlone) {
  const auto claim = take(name(a_, "new"));
  ASSERT_THAT(claim, IsOk());
  EXPECT_THAT(take(name(a_, "new")), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(take(name(a_, "other")), IsOk());
  EXPECT_THAT(take(name(b_, "new")), IsOk());
  EXPECT_THAT(take(nodes({a_})), IsOk()) << "the directory itself is not";
}

TEST_F(Claims, ATreeKeepsEverybodyOutOfWhatIsBelow) {
  const auto claim = take(tree(a_));
  ASSERT_THAT(claim, IsOk());
  EXPECT_THAT(take(nodes({f_})), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(take(name(x_, "new")), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(take(name(a_, "new")), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(take(tree(x_)), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(take(nodes({a_})), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(take(nodes({g_})), IsOk());
  EXPECT_THAT(take(name(root_, "new")), IsOk());
  EXPECT_THAT(take(tree(b_)), IsOk());
}

TEST_F(Claims, ATreeIsGrantedWhenNobodyIsInThere) {
  for (const auto& wish : {nodes({f_}), name(x_, "new"), tree(x_)}) {
    const auto inside = take(wish);
    ASSERT_THAT(inside, IsOk());
    EXPECT_THAT(take(tree(a_)), FailsWith(ErrorKind::Timeout));
    EXPECT_THAT(take(tree(b_)), IsOk());
  }
  EXPECT_THAT(take(tree(a_)), IsOk());
}

TEST_F(Claims, NothingIsHeldWhileTheRestIsWaitedFor) {
  const auto claim = take(nodes({g_}));
  ASSERT_THAT(claim, IsOk());
  Wish both = nodes({f_, g_});
  both.names = {{a_, "new"}};
  EXPECT_THAT(take(both), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(take(nodes({f_})), IsOk());
  EXPECT_THAT(take(name(a_, "new")), IsOk());
  EXPECT_THAT(take(tree(a_)), IsOk()) << "nor does it count above";
}

TEST_F(Claims, RenamesBetweenDirectoriesGoOneAtATime) {
  {
    const auto claim = take(across());
    ASSERT_THAT(claim, IsOk());
    EXPECT_THAT(take(across()), FailsWith(ErrorKind::Timeout));
    EXPECT_THAT(take(name(a_, "new")), IsOk());
  }
  EXPECT_THAT(take(across()), IsOk());
}

TEST_F(Claims, AClaimThatWasHandedOnEndsOnce) {
  std::optional first = take(nodes({f_}));
  ASSERT_THAT(*first, IsOk());
  {
    const Claim handed = **std::move(first);
    EXPECT_THAT(take(nodes({f_})), FailsWith(ErrorKind::Timeout));
  }
  const auto next = take(nodes({f_}));
  ASSERT_THAT(next, IsOk());
  first.reset();
  EXPECT_THAT(take(nodes({f_})), FailsWith(ErrorKind::Timeout));
}

TEST_F(Claims, WhoeverWaitsIsWokenByTheEndOfTheClaim) {
  std::optional<Claim> claim = *take(nodes({f_}));
  auto waiting = std::async(std::launch::async,
                            [&] { return Claim::take(mount_, {}, nodes({f_})).has_value(); });
  claim.reset();
  EXPECT_TRUE(waiting.get());
}

TEST_F(Claims, WhoeverWaitsCanBeToldToStop) {
  const auto claim = take(nodes({f_}));
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  auto waiting = std::async(std::launch::async, [&]() -> core::Status {
    TRY(Claim::take(mount_, context, nodes({f_})));
    return {};
  });
  stop.request_stop();
  EXPECT_THAT(waiting.get(), FailsWith(ErrorKind::Cancelled));
}

TEST_F(Claims, WhatIsClaimedStaysAndGoesWithTheLastWhoNeedsIt) {
  const fs::InodeNumber file = f_->number;
  const fs::InodeNumber above = x_->number;
  {
    const auto claim = take(nodes({f_}));
    {
      const core::MutexLock lock(mount_.mutex);
      for (const NodePtr& node : {f_, x_, a_}) {
        node->uses.lookups = 0;
        mount_.table.drop_if_unused(node);
      }
    }
    EXPECT_TRUE(has(file));
    EXPECT_TRUE(has(above)) << "the claim counts there";
  }
  EXPECT_FALSE(has(file));
  EXPECT_FALSE(has(above));
  EXPECT_TRUE(has(b_->number));
}

TEST_F(Claims, ADirectoryInWhichANameIsClaimedGoesWithTheClaim) {
  const fs::InodeNumber directory = b_->number;
  {
    const core::MutexLock lock(mount_.mutex);
    g_->uses.lookups = 0;
    mount_.table.drop_if_unused(g_);
  }
  {
    const auto claim = take(name(b_, "new"));
    const core::MutexLock lock(mount_.mutex);
    b_->uses.lookups = 0;
    mount_.table.drop_if_unused(b_);
    EXPECT_TRUE(mount_.table.contains(directory));
  }
  EXPECT_FALSE(has(directory));
}

}  // namespace
}  // namespace fs_test
