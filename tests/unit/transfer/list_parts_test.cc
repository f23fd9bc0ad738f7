#include "transfer/list_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "core/format.h"

namespace transfer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A bucket that answers for its keys, `most` a page.
class Service {
 public:
  explicit Service(std::set<std::string> keys, std::size_t most = 1000)
      : keys_(std::move(keys)), most_(most) {}

  store::ListPage list(const store::ListQuery& query) {
    ++requests_;
    const std::string& after =
        query.continuation_token.empty() ? query.start_after : query.continuation_token;
    store::ListPage page;
    for (auto at = after < query.prefix ? keys_.lower_bound(query.prefix)
                                        : keys_.upper_bound(after);
         at != keys_.end() && at->starts_with(query.prefix); ++at) {
      const std::string& key = *at;
      const auto slash =
          query.delimiter.empty() ? std::string::npos : key.find('/', query.prefix.size());
      const std::string shown = slash == std::string::npos ? key : key.substr(0, slash + 1);
      const bool again = !page.common_prefixes.empty() && page.common_prefixes.back() == shown;
      if (again || shown <= after) {
        continue;
      }
      if (page.objects.size() + page.common_prefixes.size() ==
          std::min<std::size_t>(most_, query.max_keys)) {
        page.next_token = last_;
        break;
      }
      last_ = slash == std::string::npos ? shown : shown + "\xf4\x8f\xbf\xbf";
      if (slash == std::string::npos) {
        page.objects.emplace_back().key = model::ObjectKey(key);
      } else {
        page.common_prefixes.push_back(shown);
      }
    }
    return page;
  }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  const std::set<std::string> keys_;
  const std::size_t most_;
  std::string last_;
  int requests_ = 0;
};

struct Outcome {
  std::vector<std::string> keys;
  int rounds = 0;  ///< of requests that run side by side
};

/// Reads a whole listing; requests under way are all answered before the next begin.
Outcome read(ListParts& parts, Service& service, std::mt19937* shuffle = nullptr) {
  Outcome outcome;
  for (bool ended = false; !ended;) {
    while (auto page = parts.take()) {
      std::vector<std::string> keys = page->page.common_prefixes;
      for (const auto& object : page->page.objects) {
        keys.push_back(object.key.text());
      }
      std::sort(keys.begin(), keys.end());
      outcome.keys.insert(outcome.keys.end(), keys.begin(), keys.end());
      ended = page->page.next_token.empty();
      parts.run_ahead();
    }
    std::vector<ListParts::Request> round;
    while (auto request = parts.next({})) {
      round.push_back(*std::move(request));
    }
    if (auto request = parts.ask({})) {
      round.push_back(*std::move(request));
    }
    if (shuffle != nullptr) {
      std::shuffle(round.begin(), round.end(), *shuffle);
    }
    EXPECT_EQ(round.empty(), ended);
    outcome.rounds += ended ? 0 : 1;
    for (const ListParts::Request& request : round) {
      parts.answered(request.part, service.list(request.query));
    }
  }
  return outcome;
}

std::set<std::string> numbered(const std::string& prefix, int count) {
  std::set<std::string> keys;
  for (int i = 0; i < count; ++i) {
    keys.insert(core::format("{}{:06}", prefix, i));
  }
  return keys;
}

store::ListQuery query_for(const std::string& prefix, const std::string& delimiter = "/") {
  store::ListQuery query;
  query.prefix = prefix;
  query.delimiter = delimiter;
  return query;
}

TEST(SplitPoints, GoOnWhereThePageItselfWentOn) {
  EXPECT_THAT(split_points("d/f000", "d/f399", {}, 2),
              ElementsAre("d/f4", "d/f5", "d/f6", "d/f7", "d/f8", "d/f9"));
  EXPECT_THAT(split_points("d/f0000", "d/f0999", {}, 2),
              ElementsAre("d/f1", "d/f2", "d/f3", "d/f4", "d/f5", "d/f6", "d/f7", "d/f8", "d/f9"));
  EXPECT_THAT(split_points("d/f000", "d/f399", "d/f6", 2), ElementsAre("d/f4", "d/f5"));
  EXPECT_THAT(split_points("0000", "02fe", {}, 0).size(), 13U) << "hexadecimal";
  EXPECT_THAT(split_points("d/zzz", "d/zzz", {}, 2), IsEmpty());
  EXPECT_THAT(split_points("d/", "d/", {}, 2), IsEmpty());
}

TEST(ListParts, BringsManyPagesInFewRounds) {
  for (const auto& [count, rounds] : {std::pair(10'000, 6), {100'000, 14}}) {
    const auto keys = numbered("d/f", count);
    Service service(keys);
    ListParts parts(query_for("d/"));
    const Outcome outcome = read(parts, service);
    EXPECT_TRUE(std::equal(keys.begin(), keys.end(), outcome.keys.begin(), outcome.keys.end()));
    EXPECT_LE(outcome.rounds, rounds) << count;
    EXPECT_LE(service.requests(), count / 1000 * 2 + 8) << count;
  }
}

TEST(ListParts, SplitsThatMeetNothingAreFew) {
  std::set<std::string> keys;
  for (int i = 0; i < 20'000; ++i) {  // all behind the same beginning: no guess is right
    keys.insert(core::format(
        "d/x{}", std::string(static_cast<std::size_t>(i % 900), 'a') + core::format("{:05}", i)));
  }
  Service service(keys);
  ListParts parts(query_for("d/"));
  EXPECT_EQ(read(parts, service).keys.size(), keys.size());
  EXPECT_LE(service.requests(), 45);
}

TEST(ListParts, BeginsWithOneRequestAndRunsAheadWhenToldTo) {
  Service service(numbered("", 5000));
  ListParts parts(query_for(""));
  EXPECT_FALSE(parts.next({}));
  auto first = parts.ask({});
  ASSERT_TRUE(first);
  EXPECT_FALSE(parts.ask({})) << "it is on its way";
  parts.answered(first->part, service.list(first->query));
  EXPECT_FALSE(parts.next({}));
  ASSERT_TRUE(parts.take());
  EXPECT_FALSE(parts.next({}));
  parts.run_ahead();
  EXPECT_TRUE(parts.next({}));
}

TEST(ListParts, WhatFailedAheadTheReaderAsksForHimself) {
  Service service(numbered("", 3000));
  ListParts parts(query_for(""));
  auto request = parts.ask({});
  parts.answered(request->part, service.list(request->query));
  ASSERT_TRUE(parts.take());
  parts.run_ahead();
  request = parts.next({});
  ASSERT_TRUE(request);
  parts.failed(request->part);
  EXPECT_FALSE(parts.take());
  const auto again = parts.ask({});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->query.continuation_token, request->query.continuation_token);
}

/// Whatever the keys and the order of answers: all of them come, each once, in order.
TEST(ListParts, LosesNothing) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::set<std::string> keys;
    const std::string letters = round % 2 == 0 ? "0123456789" : "a/b0-.Z\xc3\xa9";
    const std::size_t count = random() % 400;
    for (std::size_t i = 0; i < count; ++i) {
      std::string key = "p/";
      for (std::size_t n = 1 + random() % 5; n > 0; --n) {
        key += letters[random() % letters.size()];
      }
      keys.insert(key);
    }
    const std::string delimiter = round % 3 == 0 ? "" : "/";
    Service all(keys, 100'000);
    const store::ListPage truth = all.list(query_for("p/", delimiter));
    std::set<std::string> expected(truth.common_prefixes.begin(), truth.common_prefixes.end());
    for (const auto& object : truth.objects) {
      expected.insert(object.key.text());
    }
    Service service(keys, 1 + random() % 20);
    ListParts parts(query_for("p/", delimiter));
    const Outcome outcome = read(parts, service, &random);
    EXPECT_TRUE(
        std::equal(expected.begin(), expected.end(), outcome.keys.begin(), outcome.keys.end()))
        << round;
  }
}

}  // namespace
}  // namespace transfer
