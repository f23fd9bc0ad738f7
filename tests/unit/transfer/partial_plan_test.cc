#include "transfer/partial_plan.h"

#include <gmock/gmock.h>
// GoogleTest first.
#include <rapidcheck/gtest.h>

#include "support/results.h"

namespace {

using transfer::Piece;
using transfer::PieceRules;
using Origin = transfer::Piece::Origin;

PieceRules rules() {
  PieceRules rules;
  rules.part_bytes = 20;
  rules.min_part_bytes = 10;
  rules.max_part_bytes = 40;
  rules.max_copy_bytes = 1U << 20U;
  rules.max_zeros_bytes = 20;
  rules.max_parts = 100;
  return rules;
}

Piece base(std::uint64_t first, std::uint64_t last) { return {Origin::Base, {first, last}}; }
Piece sent(std::uint64_t first, std::uint64_t last) { return {Origin::Content, {first, last}}; }

struct Case {
  const char* name;
  std::uint64_t size;
  std::vector<Piece> had;
  std::vector<Piece> want;
};
class PlanOf : public testing::TestWithParam<Case> {};
TEST_P(PlanOf, IsWhatTheServiceTakes) {
  const auto plan = transfer::plan_pieces(GetParam().size, GetParam().had, rules());
  ASSERT_TRUE(plan);
  EXPECT_EQ(*plan, GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(
    Partial, PlanOf,
    testing::Values(
        Case{"New", 15, {}, {sent(0, 15)}},
        Case{"NewOfTwoParts", 30, {}, {sent(0, 15), sent(15, 30)}},
        Case{"Unchanged", 100, {base(0, 100)}, {base(0, 100)}},
        Case{"Appended", 101, {base(0, 100)}, {base(0, 100), sent(100, 101)}},
        Case{"AppendedToLittle", 30, {base(0, 9)}, {sent(0, 15), sent(15, 30)}},
        Case{"AChangeGoesOnToTheRight",
             100,
             {base(0, 50), base(51, 100)},
             {base(0, 50), sent(50, 60), base(60, 100)}},
        Case{"NearTheStart", 100, {base(0, 3), base(4, 100)}, {sent(0, 10), base(10, 100)}},
        Case{"NearTheEnd", 100, {base(0, 95), base(96, 100)}, {base(0, 95), sent(95, 100)}},
        Case{"TheLastCopyMayBeShort",
             100,
             {base(0, 80), base(95, 100)},
             {base(0, 80), sent(80, 95), base(95, 100)}},
        Case{"CloseChangesAreOne",
             100,
             {base(0, 30), base(31, 45), base(46, 100)},
             {base(0, 30), sent(30, 46), base(46, 100)}},
        Case{"CutOff", 40, {base(0, 40)}, {base(0, 40)}},
        Case{"ZerosBesideTheBase",
             100,
             {base(0, 50), {Origin::Zeros, {50, 90}}},
             {base(0, 50), {Origin::Zeros, {50, 70}}, {Origin::Zeros, {70, 90}}, sent(90, 100)}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(PartialPlan, FillsGapsUntilThereAreFewEnoughParts) {
  PieceRules few = rules();
  few.max_parts = 5;
  std::vector<Piece> had;
  for (std::uint64_t at = 0; at < 1000; at += 50) {
    had.push_back(base(at, at + 40));
  }
  few.max_part_bytes = 1000;
  const auto plan = transfer::plan_pieces(1000, had, few);
  ASSERT_TRUE(plan);
  EXPECT_LE(plan->size(), 5U);
  few.max_part_bytes = 100;
  EXPECT_THAT(transfer::plan_pieces(1000, had, few), test::FailsWith(core::ErrorKind::TooLarge));
}

TEST(PartialPlan, CopiesInPiecesThatOneCopyMayHave) {
  PieceRules big = rules();
  constexpr std::uint64_t kGiB = 1ULL << 30U;
  big.max_copy_bytes = kGiB;
  const auto plan = transfer::plan_pieces(100 * kGiB, {base(0, 100 * kGiB)}, big);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->size(), 100U);
}

RC_GTEST_PROP(PartialPlan, CoversAllOnceWithPartsThatTheServiceTakes, ()) {
  PieceRules limits = rules();
  limits.max_zeros_bytes = *rc::gen::inRange<std::uint64_t>(20, 100);
  limits.max_parts = *rc::gen::inRange<std::size_t>(30, 200);
  const auto size = *rc::gen::inRange<std::uint64_t>(1, 1000);
  std::vector<Piece> had;
  std::uint64_t at = *rc::gen::inRange<std::uint64_t>(0, 50);
  while (at < size) {
    const auto end = std::min(size, at + *rc::gen::inRange<std::uint64_t>(1, 80));
    had.push_back({*rc::gen::arbitrary<bool>() ? Origin::Base : Origin::Zeros, {at, end}});
    at = end + *rc::gen::inRange<std::uint64_t>(0, 40);
  }
  const auto plan = transfer::plan_pieces(size, had, limits);
  RC_ASSERT(plan.has_value());
  RC_ASSERT(plan->size() <= limits.max_parts);
  std::uint64_t end = 0;
  for (const Piece& piece : *plan) {
    RC_ASSERT(piece.range.first == end);
    end = piece.range.last;
    RC_ASSERT(end == size || piece.range.size() >= limits.min_part_bytes);
    if (piece.origin == Origin::Content) {
      RC_ASSERT(piece.range.size() <= limits.max_part_bytes);
      continue;
    }
    RC_ASSERT(piece.origin == Origin::Base || piece.range.size() <= limits.max_zeros_bytes);
    bool within = false;
    for (const Piece& one : had) {
      within = within || (one.origin == piece.origin && one.range.first <= piece.range.first &&
                          piece.range.last <= one.range.last);
    }
    RC_ASSERT(within);
  }
  RC_ASSERT(end == size);
}

}  // namespace
