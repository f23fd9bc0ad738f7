#include "transfer/upload_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>

namespace {

using namespace transfer;
using model::ByteRange;
using testing::ElementsAre;
using Goal = UploadState::Goal;
using Kind = UploadStep::Kind;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

UploadRules small_rules() {
  UploadRules rules;
  rules.threshold_bytes = 8;
  rules.part_bytes = 4;
  rules.max_part_bytes = 4;
  rules.max_parts = 12;
  return rules;
}

std::vector<Kind> kinds(const std::vector<UploadStep>& steps) {
  std::vector<Kind> kinds;
  std::transform(steps.begin(), steps.end(), std::back_inserter(kinds),
                 [](const UploadStep& step) { return step.kind; });
  return kinds;
}

store::PartReceipt receipt(std::size_t index, std::uint64_t size) {
  return {static_cast<int>(index) + 1, model::ETag("e"), size, std::nullopt};
}

/// One upload, told step by step.
class UploadStates : public testing::Test {
 protected:
  std::vector<UploadStep> on(const UploadEvent& event) { return next(state_, event, rules_); }
  /// Written from the start, and begun.
  void open(std::uint64_t size) {
    EXPECT_THAT(kinds(on(Wrote{{0, size}})), ElementsAre(Kind::AskTarget));
    EXPECT_THAT(kinds(on(TargetKnown{})), ElementsAre(Kind::Initiate));
    for (const UploadStep& step : on(Initiated{})) {
      EXPECT_EQ(step.kind, Kind::Send);
    }
  }
  std::vector<UploadStep> done(std::size_t index) {
    return on(PartDone{index, receipt(index, state_.parts[index].range.size())});
  }

  UploadRules rules_ = small_rules();
  UploadState state_;
};

TEST_F(UploadStates, WhatFitsOneRequestIsSentAtTheEnd) {
  EXPECT_TRUE(on(Wrote{{0, 7}}).empty());
  EXPECT_THAT(kinds(on(Finish{7})), ElementsAre(Kind::PutWhole));
  EXPECT_EQ(state_.goal, Goal::Over);
}

TEST_F(UploadStates, FullPartsAreSentAsTheyFill) {
  open(9);
  EXPECT_EQ(state_.parts.size(), 2);
  EXPECT_TRUE(on(Wrote{{9, 11}}).empty());
  const auto steps = on(Wrote{{11, 13}});
  ASSERT_EQ(steps.size(), 1);
  EXPECT_EQ(steps[0].index, 2);
  EXPECT_EQ(steps[0].range, (ByteRange{8, 12}));
  EXPECT_EQ(backlog(state_, rules_), 13);
  done(1);
  EXPECT_EQ(backlog(state_, rules_), 9);
}

TEST_F(UploadStates, TheEndSendsTheTailAndCompletes) {
  open(9);
  done(0);
  EXPECT_THAT(kinds(on(Finish{9})), ElementsAre(Kind::Send));
  EXPECT_TRUE(done(1).empty());
  EXPECT_THAT(kinds(done(2)), ElementsAre(Kind::Complete));
  EXPECT_EQ(receipts(state_).size(), 3);
  EXPECT_TRUE(on(Completed{}).empty());
}

TEST_F(UploadStates, WritersSideBySideMayComeInAnyOrder) {
  EXPECT_TRUE(on(Wrote{{8, 12}}).empty());
  EXPECT_TRUE(on(Wrote{{4, 8}}).empty());
  EXPECT_THAT(kinds(on(Wrote{{0, 4}})), ElementsAre(Kind::AskTarget));
  EXPECT_EQ(state_.in_order, 12);
}

TEST_F(UploadStates, AHoleWaitsForTheEnd) {
  open(9);
  on(Truncated{40});
  EXPECT_TRUE(on(Wrote{{20, 40}}).empty());
  EXPECT_EQ(on(Finish{40}).size(), 8);
}

TEST_F(UploadStates, WhatChangedAfterItWasSentIsSentAgain) {
  open(9);
  done(0);
  on(Wrote{{1, 2}});    // of what has arrived
  on(Altered{{5, 6}});  // of what is under way
  const auto steps = on(Finish{9});
  EXPECT_THAT(kinds(steps), ElementsAre(Kind::Send, Kind::Send));
  EXPECT_EQ(steps[0].index, 0);
  EXPECT_EQ(steps[1].index, 2);
  const auto again = done(1);
  ASSERT_THAT(kinds(again), ElementsAre(Kind::Send));
  EXPECT_EQ(again[0].index, 1);
}

TEST_F(UploadStates, WhoKeepsChangingWaitsForTheEnd) {
  open(20);
  for (std::uint64_t at = 0; at < 20; at += 4) {
    on(Wrote{{at, at + 1}});
  }
  EXPECT_TRUE(state_.paused);
  EXPECT_TRUE(on(Wrote{{20, 40}}).empty());
  EXPECT_EQ(backlog(state_, rules_), 0);
}

TEST_F(UploadStates, WhatBecameSmallIsPut) {
  open(9);
  done(0);
  done(1);
  on(Truncated{3});
  EXPECT_THAT(kinds(on(Finish{3})), ElementsAre(Kind::Abort, Kind::PutWhole));
}

TEST_F(UploadStates, WhatGoesElsewhereBeginsAnew) {
  open(9);
  EXPECT_TRUE(on(Finish{9, true}).empty());
  done(0);
  EXPECT_THAT(kinds(done(1)), ElementsAre(Kind::Abort, Kind::PutWhole));
}

TEST_F(UploadStates, WhatFailedAheadIsSentAgainAtTheEnd) {
  open(9);
  done(0);
  EXPECT_TRUE(on(PartFailed{1}).empty());
  EXPECT_TRUE(on(Wrote{{9, 16}}).empty()) << "what fails is not tried on";
  EXPECT_THAT(kinds(on(Finish{16})), ElementsAre(Kind::Send, Kind::Send, Kind::Send));
  done(2);
  done(3);
  EXPECT_TRUE(on(PartFailed{1}).size() == 2) << "abort, and tell";
}

TEST_F(UploadStates, AVanishedUploadIsPutWhole) {
  open(9);
  on(PartFailed{0, true});
  done(1);
  EXPECT_THAT(kinds(on(Finish{9})), ElementsAre(Kind::PutWhole));
}

TEST_F(UploadStates, WhatNobodyWantsIsAborted) {
  open(9);
  EXPECT_TRUE(on(Abandoned{}).empty());
  on(PartFailed{0});
  EXPECT_THAT(kinds(done(1)), ElementsAre(Kind::Abort));
  EXPECT_EQ(state_.goal, Goal::Over);
}

TEST_F(UploadStates, AnInitiationIsWaitedForAndAborted) {
  on(Wrote{{0, 9}});
  on(TargetKnown{});
  EXPECT_TRUE(on(Abandoned{}).empty());
  EXPECT_THAT(kinds(on(Initiated{})), ElementsAre(Kind::Abort));
}

TEST(UploadSchedule, GrowsSoThatTenThousandPartsHoldTerabytes) {
  UploadRules rules;
  rules.part_bytes = 8 * kMiB;
  rules.max_part_bytes = std::uint64_t{5} << 30U;
  EXPECT_EQ(scheduled_part(rules, 0), (ByteRange{0, 8 * kMiB}));
  EXPECT_EQ(scheduled_part(rules, 999).last, 8000 * kMiB);
  EXPECT_EQ(scheduled_part(rules, 1000), (ByteRange{8000 * kMiB, 8016 * kMiB}));
  std::uint64_t last = 0;
  for (std::size_t index = 0; index < 10'000; ++index) {
    const ByteRange range = scheduled_part(rules, index);
    ASSERT_EQ(range.first, last);
    ASSERT_LE(range.size(), rules.max_part_bytes);
    last = range.last;
  }
  EXPECT_EQ(last, std::uint64_t{1023} * 8000 * kMiB);
}

/// A writer, a service and an upload between them, in which everything may happen at any time.
class Play {
 public:
  void happen() {
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        write(content_.size(), *rc::gen::inRange<std::size_t>(1, 7));
        break;
      case 4:
        write(*rc::gen::inRange<std::size_t>(0, 60), *rc::gen::inRange<std::size_t>(1, 7));
        break;
      case 5:
        alter();
        break;
      case 6:
        truncate(*rc::gen::inRange<std::size_t>(0, 60));
        break;
      default:
        answer();
    }
  }

  void finish() {
    expects_outcome_ = true;
    tell(Finish{content_.size(), *rc::gen::weightedElement<bool>({{9, false}, {1, true}})});
    if (*rc::gen::weightedElement<bool>({{9, false}, {1, true}})) {
      tell(Interrupted{});
    }
  }
  void abandon() { tell(Abandoned{}); }

  void drain() {
    while (!under_way_.empty() || initiating_) {
      answer();
    }
    if (state_.goal == Goal::Gather) {
      tell(Abandoned{});
    }
    RC_ASSERT(state_.goal == Goal::Over);
    RC_ASSERT(outcomes_ == (expects_outcome_ ? 1 : 0));
    RC_ASSERT(aborts_ == (opened_ && !completed_ && !vanished_ ? 1 : 0));
  }

 private:
  struct Sending {
    std::size_t index;
    ByteRange range;
    std::vector<int> before;
  };

  void write(std::size_t at, std::size_t size) {
    if (content_.size() < at + size) {
      content_.resize(at + size);
    }
    std::fill_n(content_.begin() + static_cast<std::ptrdiff_t>(at), size, ++version_);
    tell(Wrote{{at, at + size}});
  }
  void alter() {
    const auto at = *rc::gen::inRange<std::size_t>(0, content_.size() + 1);
    std::fill(content_.begin() + static_cast<std::ptrdiff_t>(at), content_.end(), 0);
    tell(Altered{{at, content_.size()}});
  }
  void truncate(std::size_t size) {
    content_.resize(size);
    tell(Truncated{size});
  }

  /// The service answers one of what it was asked.
  void answer() {
    if (initiating_) {
      initiating_ = false;
      opened_ = *rc::gen::weightedElement<bool>({{9, true}, {1, false}});
      opened_ ? tell(Initiated{}) : tell(NotInitiated{});
      return;
    }
    if (under_way_.empty()) {
      return;
    }
    const auto which = *rc::gen::inRange<std::size_t>(0, under_way_.size());
    const Sending part = under_way_[which];
    under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(which));
    const int luck = *rc::gen::inRange(0, 40);
    if (luck < 2) {
      vanished_ = vanished_ || luck == 0;
      tell(PartFailed{part.index, luck == 0});
      return;
    }
    // Half of it was read when the part was begun, half now.
    std::vector<int> sent = part.before;
    for (std::size_t i = sent.size() / 2; i < sent.size(); ++i) {
      const std::size_t at = part.range.first + i;
      sent[i] = at < content_.size() ? content_[at] : -1;
    }
    service_[part.index] = sent;
    tell(PartDone{part.index, receipt(part.index, part.range.size())});
  }

  void tell(const UploadEvent& event) {
    for (const UploadStep& step : next(state_, event, rules_)) {
      RC_ASSERT(state_.sending <= rules_.max_parts);
      obey(step);
    }
  }

  void obey(const UploadStep& step) {
    switch (step.kind) {
      case Kind::AskTarget:
        if (*rc::gen::weightedElement<bool>({{9, true}, {1, false}})) {
          tell(TargetKnown{});
        }
        break;
      case Kind::Initiate:
        initiating_ = true;
        break;
      case Kind::Send: {
        for (const Sending& other : under_way_) {
          RC_ASSERT(other.index != step.index);
        }
        std::vector<int> now(step.range.size(), -1);
        for (std::size_t i = 0; i < now.size(); ++i) {
          RC_ASSERT(step.range.first + i < content_.size());
          now[i] = content_[step.range.first + i];
        }
        under_way_.push_back({step.index, step.range, std::move(now)});
        break;
      }
      case Kind::Complete:
        complete();
        break;
      case Kind::Abort:
        RC_ASSERT(opened_ && under_way_.empty());
        ++aborts_;
        break;
      case Kind::PutWhole:
      case Kind::GiveUp:
        RC_ASSERT(under_way_.empty());
        ++outcomes_;
        break;
    }
  }

  void complete() {
    RC_ASSERT(opened_ && under_way_.empty() && aborts_ == 0);
    std::vector<int> joined;
    for (const store::PartReceipt& part : receipts(state_)) {
      const auto& bytes = service_.at(static_cast<std::size_t>(part.number) - 1);
      joined.insert(joined.end(), bytes.begin(), bytes.end());
    }
    RC_ASSERT(joined == content_);
    completed_ = *rc::gen::weightedElement<bool>({{9, true}, {1, false}});
    if (completed_) {
      ++outcomes_;
      tell(Completed{});
    } else {
      tell(NotCompleted{});
    }
  }

  const UploadRules rules_ = small_rules();
  UploadState state_;
  std::vector<int> content_;
  int version_ = 0;
  bool initiating_ = false;
  bool opened_ = false;
  bool vanished_ = false;
  bool completed_ = false;
  bool expects_outcome_ = false;
  int aborts_ = 0;
  int outcomes_ = 0;
  std::vector<Sending> under_way_;
  std::map<std::size_t, std::vector<int>> service_;
};

RC_GTEST_PROP(UploadProperty, NoStaleByteIsEverPublishedAndNothingIsLeft, ()) {
  Play play;
  const int length = *rc::gen::inRange(0, 80);
  for (int i = 0; i < length; ++i) {
    play.happen();
  }
  if (*rc::gen::weightedElement<bool>({{4, true}, {1, false}})) {
    play.finish();
  } else {
    play.abandon();
  }
  play.drain();
}

}  // namespace
