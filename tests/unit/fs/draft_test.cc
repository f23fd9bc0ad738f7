// The states of unpublished content, all of them against all events.
#include "fs/draft.h"

#include <gtest/gtest.h>

#include <array>

namespace fs {
namespace {

using S = DraftState;
using E = DraftEvent;
constexpr auto kNever = std::optional<DraftState>();

struct Row {
  E event;
  std::array<std::optional<S>, 6> after;  // from None, Copy, Changed, Publishing, Failed, Orphan
};

class DraftTable : public ::testing::TestWithParam<Row> {};

TEST_P(DraftTable, LeadsFromEachStateToTheNext) {
  for (std::size_t i = 0; i < GetParam().after.size(); ++i) {
    EXPECT_EQ(next(static_cast<S>(i), GetParam().event), GetParam().after.at(i)) << "from " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, DraftTable,
    ::testing::Values(
        Row{E::Staged, {S::Copy, kNever, kNever, kNever, kNever, kNever}},
        Row{E::Wrote, {kNever, S::Changed, S::Changed, kNever, S::Failed, S::Orphan}},
        Row{E::Publish, {kNever, kNever, S::Publishing, kNever, S::Publishing, kNever}},
        Row{E::Published, {kNever, kNever, kNever, S::Copy, kNever, kNever}},
        Row{E::Failed, {kNever, kNever, kNever, S::Failed, kNever, kNever}},
        Row{E::Lost, {S::None, S::None, S::None, S::None, S::None, S::None}},
        Row{E::Copied, {S::None, S::None, S::None, kNever, kNever, kNever}},
        Row{E::NameTaken, {S::None, S::Orphan, S::Orphan, S::Orphan, S::Orphan, S::Orphan}},
        Row{E::Idle, {S::None, S::None, S::Changed, S::Publishing, S::Failed, S::Orphan}},
        Row{E::Unused, {S::None, S::None, S::Changed, S::Publishing, S::Failed, S::None}}));

TEST(Draft, WhatWasAcknowledgedToNobodyIsNeverDroppedButByPublishingOrLosing) {
  for (const S state : {S::Changed, S::Publishing, S::Failed}) {
    for (const E event : {E::Wrote, E::Publish, E::Failed, E::Idle, E::Unused}) {
      const auto after = next(state, event);
      EXPECT_TRUE(!after || is_unpublished(*after));
    }
  }
}

}  // namespace
}  // namespace fs
