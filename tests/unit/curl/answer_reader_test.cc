#include "curl/answer_reader.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace curl {
namespace {

using core::ErrorKind;
using ::testing::ElementsAre;

/// Keeps what it is told.
class Heard final : public AnswerReader::Listener {
 public:
  core::Status on_head(http::Response head) override {
    heads.push_back(std::move(head));
    return {};
  }
  core::Status on_body(core::ByteView data) override {
    body += core::as_text(data);
    return refuse_body ? core::Status(core::fail(ErrorKind::NoSpace, "full")) : core::Status();
  }
  std::vector<http::Response> heads;
  std::string body;
  bool refuse_body = false;
};

struct Read {
  std::string status;  ///< "complete", "more" or the error's kind
  int code = 0;
  std::string body;
  std::size_t taken = 0;
  bool keeps_alive = false;
  friend bool operator==(const Read&, const Read&) = default;
};

/// Hands the bytes over in pieces that end at `cuts`, then perhaps the end.
Read read(std::string_view bytes, const std::vector<std::size_t>& cuts, bool to_head, bool end) {
  Heard heard;
  AnswerReader reader(heard, to_head);
  Read result;
  const auto finish = [&](std::string status) {
    result.status = std::move(status);
    result.code = heard.heads.empty() ? 0 : heard.heads.back().status;
    result.body = heard.body;
    result.keeps_alive = reader.keeps_alive();
    return result;
  };
  std::size_t at = 0;
  for (std::size_t n = 0; n <= cuts.size() && !reader.complete(); ++n) {
    const std::size_t to = n < cuts.size() ? std::clamp(cuts[n], at, bytes.size()) : bytes.size();
    if (to == at) {
      continue;
    }
    const auto taken = reader.take(core::as_bytes(bytes.substr(at, to - at)));
    if (!taken) {
      return finish(std::string(core::to_string(taken.error().kind)));
    }
    result.taken += *taken;
    at = to;
  }
  if (!reader.complete() && end) {
    if (const auto status = reader.end(); !status) {
      return finish(std::string(core::to_string(status.error().kind)));
    }
  }
  return finish(reader.complete() ? "complete" : "more");
}

const std::vector<std::string>& samples() {
  static const std::vector<std::string> all{
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n"
      "x-after: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
      "HTTP/1.0 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
      "HTTP/1.1 20 OK\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
  };
  return all;
}

TEST(AnswerReader, KnowsWhereAnAnswerEnds) {
  const auto plain = [](std::size_t n) { return read(samples()[n], {}, false, false); };
  EXPECT_EQ(plain(0), (Read{"complete", 200, "hello", samples()[0].size(), true}));
  EXPECT_EQ(plain(1), (Read{"complete", 200, "hello", samples()[1].size() - 17, true}));
  EXPECT_EQ(plain(2), (Read{"complete", 204, "", samples()[2].size(), true}));
  EXPECT_EQ(plain(3), (Read{"complete", 304, "", samples()[3].size(), true}));
  EXPECT_EQ(plain(4), (Read{"complete", 200, "ok", samples()[4].size(), true}));
  EXPECT_EQ(plain(5), (Read{"complete", 200, "hello", samples()[5].size(), true}));
  EXPECT_EQ(plain(6).status, "more");
  EXPECT_EQ(read(samples()[6], {}, false, true),
            (Read{"complete", 200, "to the end", samples()[6].size(), false}));
  EXPECT_EQ(plain(7), (Read{"complete", 403, "no!", samples()[7].size(), false}));
}

TEST(AnswerReader, AnAnswerToHeadHasNoBody) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(read(head, {}, true, false), (Read{"complete", 200, "", head.size(), true}));
  EXPECT_EQ(read(head + "hello", {}, true, false), (Read{"complete", 200, "", head.size(), true}));
}

TEST(AnswerReader, RefusesWhatHasTwoReadings) {
  const std::string spoilt(core::to_string(ErrorKind::Unavailable));
  const std::string nonsense(core::to_string(ErrorKind::Protocol));
  std::vector<std::string> statuses;
  for (std::size_t n = 8; n < samples().size(); ++n) {
    statuses.push_back(read(samples()[n], {}, false, true).status);
  }
  EXPECT_THAT(statuses, ElementsAre(spoilt, spoilt, spoilt, spoilt, nonsense, nonsense, nonsense));
}

TEST(AnswerReader, SaysWhatTheListenerSaid) {
  Heard heard;
  heard.refuse_body = true;
  AnswerReader reader(heard, false);
  const auto taken = reader.take(core::as_bytes(samples()[0]));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::NoSpace);
}

TEST(AnswerReader, AHeadWithoutEndIsRefusedInTime) {
  Heard heard;
  AnswerReader reader(heard, false);
  core::Result<std::size_t> taken = reader.take(core::as_bytes("HTTP/1.1 200 OK\r\n"));
  std::size_t given = 0;
  while (taken && given < 1'000'000) {
    const std::string line = "x-more: " + std::string(1000, 'x') + "\r\n";
    given += line.size();
    taken = reader.take(core::as_bytes(line));
  }
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::Protocol);
  EXPECT_LT(given, 100'000U);
}

TEST(AnswerReader, AChunkHeadWithoutEndIsRefusedInTime) {
  Heard heard;
  AnswerReader reader(heard, false);
  core::Result<std::size_t> taken =
      reader.take(core::as_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"));
  std::size_t given = 0;
  while (taken && given < 1'000'000) {
    given += 1000;
    taken = reader.take(core::as_bytes(std::string(1000, 'x')));
  }
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::Unavailable);
}

RC_GTEST_PROP(AnswerReader, CutsChangeNothing, ()) {
  const std::string& sample = samples()[*rc::gen::inRange<std::size_t>(0, samples().size())];
  auto cuts = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::inRange<std::size_t>(0, sample.size() + 1));
  std::sort(cuts.begin(), cuts.end());
  const bool to_head = *rc::gen::arbitrary<bool>();
  const Read whole = read(sample, {}, to_head, true);
  const Read cut = read(sample, cuts, to_head, true);
  // Which of its faults an answer is refused for may depend on what is seen at once.
  RC_ASSERT((cut.status == "complete") == (whole.status == "complete"));
  if (whole.status == "complete") {
    RC_ASSERT(cut == whole);
  }
}

RC_GTEST_PROP(AnswerReader, NoBytesBreakIt, ()) {
  std::string bytes = samples()[*rc::gen::inRange<std::size_t>(0, samples().size())];
  for (int n = *rc::gen::inRange(1, 8); n > 0 && !bytes.empty(); --n) {
    const std::size_t at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        bytes[at] = *rc::gen::arbitrary<char>();
        break;
      case 1:
        bytes.erase(at, *rc::gen::inRange<std::size_t>(1, 9));
        break;
      default:
        bytes.insert(at, *rc::gen::element<std::string>("\r\n", "0\r\n", "\0", ":", "HTTP/1.1 "));
    }
  }
  auto cuts = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
  std::sort(cuts.begin(), cuts.end());
  const Read result = read(bytes, cuts, *rc::gen::arbitrary<bool>(), true);
  RC_ASSERT(result.taken <= bytes.size());
}

}  // namespace
}  // namespace curl
