#include "fs/siblings.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <queue>
#include <string>
#include <vector>

namespace {

using fs::Siblings;
using namespace std::chrono_literals;

/// A program that looks at names, a bucket that answers 20 ms after it is asked, and in between who
/// runs ahead.
class Walk {
 public:
  explicit Walk(std::size_t names) : state_(names, State::Unknown) { siblings_.grown(names); }

  void look(std::size_t position, core::Duration cost = 30us) {
    settle(now_);
    const bool known = state_[position] != State::Unknown;  // whoever looks waits for an answer
    if (state_[position] == State::Unknown) {
      request(position, false);
    }
    siblings_.looked(position, known, now_);
    ask();
    while (state_[position] != State::Known) {
      settle(answers_.top().at);
    }
    in_vain_ -= asked_[position] && !looked_[position] ? 1 : 0;
    looked_[position] = true;
    now_ += cost;
  }
  void pass(core::Duration time) { settle(now_ + time); }
  void know(std::size_t position) { state_[position] = State::Known; }
  void grow(std::size_t names) {
    state_.resize(names, State::Unknown);
    looked_.resize(names);
    siblings_.grown(names);
    ask();
  }

  [[nodiscard]] core::Duration took() const { return now_.time_since_epoch(); }
  [[nodiscard]] std::size_t requests() const { return requests_; }
  [[nodiscard]] std::size_t most_in_flight() const { return most_in_flight_; }
  [[nodiscard]] std::size_t ahead() const { return ahead_; }
  /// Asked for ahead and never looked at.
  [[nodiscard]] std::size_t in_vain() const { return in_vain_; }
  [[nodiscard]] std::size_t of_use() const { return requests_ - in_vain(); }

 private:
  enum class State : std::uint8_t { Unknown, Asked, Known };
  struct Answer {
    core::SteadyTime at;
    std::size_t position;
    bool ahead;
    bool operator<(const Answer& other) const { return at > other.at; }  // the earliest on top
  };

  void request(std::size_t position, bool ahead) {
    state_[position] = State::Asked;
    answers_.push({now_ + 20ms, position, ahead});
    ++requests_;
  }
  void ask() {
    for (auto range = siblings_.next(now_); !range.empty(); range = siblings_.next(now_)) {
      ASSERT_LE(range.to, state_.size());
      most_in_flight_ = std::max(most_in_flight_, siblings_.in_flight());
      for (std::size_t n = range.from; n < range.to; ++n) {
        if (state_[n] != State::Unknown) {
          siblings_.ended();
          continue;
        }
        asked_[n] = true;
        ++ahead_;
        ++in_vain_;
        request(n, true);
      }
    }
  }
  void settle(core::SteadyTime until) {
    while (!answers_.empty() && answers_.top().at <= until) {
      const Answer answer = answers_.top();
      answers_.pop();
      now_ = std::max(now_, answer.at);
      state_[answer.position] = State::Known;
      if (answer.ahead) {
        siblings_.ended();
        ask();
      }
    }
    now_ = std::max(now_, until);
  }

  Siblings siblings_;
  core::SteadyTime now_{};
  std::vector<State> state_;
  std::vector<bool> looked_ = std::vector<bool>(state_.size());
  std::vector<bool> asked_ = std::vector<bool>(1'000'000);
  std::priority_queue<Answer> answers_;
  std::size_t requests_ = 0;
  std::size_t ahead_ = 0;
  std::size_t in_vain_ = 0;
  std::size_t most_in_flight_ = 0;
};

std::size_t draw(std::uint64_t& seed, std::size_t below) {
  seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
  return (seed >> 33U) % below;
}

TEST(Siblings, TenThousandNamesTakeLessThanASecond) {
  Walk walk(10'000);
  for (std::size_t n = 0; n < 10'000; ++n) {
    walk.look(n);
  }
  EXPECT_LE(walk.took(), 900ms);
  EXPECT_EQ(walk.requests(), 10'000);
  EXPECT_EQ(walk.most_in_flight(), Siblings::kMostInFlight);
}

TEST(Siblings, TheFirstLookCostsOneRequestAndTheSecondBelievesIt) {
  Siblings siblings;
  siblings.grown(1000);
  siblings.looked(0, false, {});
  EXPECT_TRUE(siblings.next({}).empty());
  siblings.looked(1, false, {});
  EXPECT_EQ(siblings.next({}), (Siblings::Range{2, 2 + 32 + 4}));
  EXPECT_TRUE(siblings.next({}).empty());
}

TEST(Siblings, AListingThatIsStillGrowingIsFollowed) {
  Walk walk(1000);
  for (std::size_t n = 0; n < 10'000; ++n) {
    if (n % 1000 == 900) {
      walk.grow(std::min<std::size_t>(n + 1100, 10'000));
    }
    walk.look(n);
  }
  EXPECT_LE(walk.took(), 1100ms);
  EXPECT_EQ(walk.requests(), 10'000);
}

TEST(Siblings, AFewNamedFilesOfABigDirectoryCostNothingMore) {
  Walk walk(100'000);
  for (const std::size_t n : {77'000U, 3U, 41'234U, 3U, 41'234U}) {
    walk.look(n);
    walk.look(n);
  }
  EXPECT_EQ(walk.requests(), 3);
}

TEST(Siblings, RandomLooksCostAlmostNothingMore) {
  Walk walk(100'000);
  std::uint64_t seed = 7;
  for (int n = 0; n < 2000; ++n) {
    walk.look(draw(seed, 100'000));
  }
  EXPECT_LE(walk.in_vain(), 200);
}

TEST(Siblings, RandomLooksInASmallDirectoryStayWithinTheBound) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Walk walk(2000);
    std::uint64_t chance = seed;
    for (int n = 0; n < 100; ++n) {
      walk.look(draw(chance, 2000));
      ASSERT_LE(walk.in_vain(), Siblings::kFirstOfAll + 2 * walk.of_use()) << seed;
    }
  }
}

TEST(Siblings, WhoTakesPairsHereAndThereSoonCostsNoMore) {
  Walk walk(100'000);
  std::uint64_t seed = 5;
  for (int n = 0; n < 3000; ++n) {
    const std::size_t at = draw(seed, 99'999);
    walk.look(at);
    walk.look(at + 1);
    ASSERT_LE(walk.in_vain(), Siblings::kFirstOfAll + 2 * walk.of_use()) << n;
  }
}

TEST(Siblings, WhoTakesOneOfMostIsNotRunAheadOf) {
  for (const std::size_t stride : {4U, 5U, 8U, 20U, 60U}) {
    Walk walk(50'000);
    for (std::size_t n = 0; n < 50'000; n += stride) {
      walk.look(n);
    }
    EXPECT_LE(walk.in_vain(), Siblings::kFirst + 2 * walk.of_use()) << stride;
  }
}

TEST(Siblings, WhoTakesEverySecondIs) {
  Walk walk(10'000);
  for (std::size_t n = 0; n < 10'000; n += 2) {
    walk.look(n);
  }
  EXPECT_LE(walk.took(), 1s);
}

TEST(Siblings, LookingAtTheSameNamesAgainAndAgainProvesNothing) {
  Siblings siblings;
  siblings.grown(100'000);
  std::size_t asked = 0;
  core::SteadyTime now{};
  for (int n = 0; n < 10'000; ++n) {
    now += 1ms;
    siblings.looked(n % 2 == 0 ? 500 : 503, false, now);
    for (auto range = siblings.next(now); !range.empty(); range = siblings.next(now)) {
      asked += range.size();
      siblings.ended(range.size());
    }
  }
  EXPECT_LE(asked, 64);
}

TEST(Siblings, WhoStopsIsNotRunAheadOfAnyFurther) {
  for (const std::size_t looks : {2U, 10U, 100U, 1000U, 5000U}) {
    Walk walk(100'000);
    for (std::size_t n = 0; n < looks; ++n) {
      walk.look(n);
    }
    walk.pass(10s);
    EXPECT_LE(walk.in_vain(), std::min<std::size_t>(Siblings::kFirst + 2 * looks, 1024)) << looks;
    const std::size_t before = walk.ahead();
    walk.look(looks);  // later: somebody else
    walk.pass(1s);
    EXPECT_EQ(walk.ahead(), before) << looks;
  }
}

TEST(Siblings, DirectoriesAmongTheNamesArePassedOver) {
  Walk walk(10'000);
  for (std::size_t n = 0; n < 10'000; ++n) {
    if (n % 7 < 3) {
      walk.know(n);
    }
  }
  for (std::size_t n = 0; n < 10'000; ++n) {
    if (n % 7 >= 3) {
      walk.look(n);
    }
  }
  EXPECT_LE(walk.took(), 900ms);
  EXPECT_LE(walk.requests(), 5720);
}

TEST(Siblings, WhatIsKnownIsLookedAtWithoutARequest) {
  Walk walk(10'000);
  for (std::size_t n = 0; n < 9'990; ++n) {
    walk.know(n);
  }
  for (std::size_t n = 0; n < 10'000; ++n) {
    walk.look(n);
  }
  EXPECT_EQ(walk.requests(), 10);
}

TEST(Siblings, TheOrderOfALocaleIsRecognised) {
  // Listed by bytes, looked at as the shell sorts in a UTF-8 locale: by letters and digits alone,
  // capitals beside small letters.
  std::vector<std::string> names;
  for (int n = 0; n < 2500; ++n) {
    const std::string number = std::to_string(10'000 + n * 7919 % 2500);
    names.push_back("IMG_" + number + ".JPG");
    names.push_back("img-" + number + ".jpg");
    names.push_back("Report " + number + ".pdf");
    names.push_back("data." + number + (n % 2 == 0 ? ".CSV" : ".csv"));
  }
  std::sort(names.begin(), names.end());
  const auto folded = [&names](std::size_t n) {
    std::string key;
    for (const char c : names[n]) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
        key.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
      }
    }
    return key;
  };
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return folded(a) < folded(b); });
  Walk walk(names.size());
  for (const std::size_t n : order) {
    walk.look(n);
  }
  EXPECT_LE(walk.took(), 1100ms);
  EXPECT_EQ(walk.requests(), 10'000);
}

TEST(Siblings, SlightDisorderIsStillOneWalk) {
  Walk walk(10'000);
  std::vector<std::size_t> order(10'000);
  std::iota(order.begin(), order.end(), 0);
  std::uint64_t seed = 3;
  for (std::size_t n = 0; n + 40 < order.size(); ++n) {
    std::swap(order[n], order[n + draw(seed, 40)]);
  }
  for (const std::size_t n : order) {
    walk.look(n);
  }
  EXPECT_LE(walk.took(), 1200ms);
}

TEST(Siblings, WhatHasExpiredIsAskedForAnewAndLessFarAhead) {
  Siblings siblings;
  siblings.grown(1000);
  const core::SteadyTime now{};
  const auto ask = [&] {
    Siblings::Range all{1000, 0};
    for (;;) {
      const Siblings::Range range = siblings.next(now);
      if (range.empty()) {
        return all;
      }
      siblings.ended(range.size());
      all = {std::min(all.from, range.from), range.to};
    }
  };
  siblings.looked(0, false, now);
  siblings.looked(1, false, now);
  const Siblings::Range first = ask();
  ASSERT_EQ(first.from, 2U);
  ASSERT_GT(first.size(), 20U);
  siblings.looked(2, true, now);
  EXPECT_GE(ask().to, first.to);
  siblings.looked(10, false, now);
  const Siblings::Range again = ask();
  EXPECT_EQ(again.from, 11U);
  EXPECT_LE(again.size(), first.size() / 2 + 8);
}

TEST(Siblings, GoesNoFurtherThanItsLimit) {
  Siblings siblings;
  siblings.grown(1000);
  siblings.limit(10);
  const core::SteadyTime now{};
  for (std::size_t i = 0; i < 100; ++i) {
    siblings.looked(i, i > 1, now);
    for (auto range = siblings.next(now); !range.empty(); range = siblings.next(now)) {
      EXPECT_LE(range.to, i + 11);
      siblings.ended(range.size());
    }
  }
}

}  // namespace
