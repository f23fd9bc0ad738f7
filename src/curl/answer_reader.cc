#include "curl/answer_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>
#include <string_view>
#include <utility>

namespace curl {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast::string_view;
using core::ErrorKind;

constexpr std::uint32_t kMaxHeadBytes = 64 * 1024;
constexpr std::size_t kMaxRestBytes = 2UL * kMaxHeadBytes;
constexpr int kMaxInterim = 16;
constexpr int kFirstFinal = 200;

/// A head that cannot be read is no HTTP; a body whose end cannot be told is an answer that was
/// spoilt.
core::Error explain(const error_code& why, bool in_body) {
  using Code = beast::http::error;
  const auto code = static_cast<Code>(why.value());
  if (code == Code::header_limit) {
    return core::fail(ErrorKind::Protocol, "the head of the answer is too long");
  }
  if (code == Code::bad_content_length || code == Code::multiple_content_length ||
      code == Code::bad_transfer_encoding) {
    return core::fail(ErrorKind::Unavailable, "an answer whose length cannot be told");
  }
  return in_body ? core::fail(ErrorKind::Unavailable, "an answer in broken chunks")
                 : core::fail(ErrorKind::Protocol, "an answer that is no HTTP: " + why.message());
}

}  // namespace

class AnswerReader::Parser final : public beast::http::basic_parser<false> {
 public:
  explicit Parser(Listener& listener) : listener_(listener) {
    header_limit(kMaxHeadBytes);
    body_limit(boost::none);
    eager(true);
  }
  [[nodiscard]] int status() const { return head_.status; }
  /// Of a body of known length; 0 for others.
  [[nodiscard]] std::uint64_t body_left() const { return body_left_; }
  /// What the listener said, if it refused.
  std::optional<core::Error> refusal;

 private:
  static error_code refused() {
    return beast::http::make_error_code(beast::http::error::end_of_stream);
  }
  void pass_on(core::Status said, error_code& ec) {
    if (!said) {
      refusal = std::move(said).error();
      ec = refused();
    }
  }

  void on_request_impl(beast::http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int code, string_view, int, error_code&) override { head_.status = code; }
  void on_field_impl(beast::http::field, string_view name, string_view value,
                     error_code&) override {
    head_.headers.add(std::string(name.data(), name.size()),
                      std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code& ec) override {
    if (head_.status >= kFirstFinal) {
      pass_on(listener_.on_head(std::exchange(head_, {head_.status, {}, {}})), ec);
    }
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    body_left_ = length ? *length : 0;
  }
  std::size_t on_body_impl(string_view body, error_code& ec) override {
    body_left_ -= std::min<std::uint64_t>(body_left_, body.size());
    pass_on(listener_.on_body(core::as_bytes({body.data(), body.size()})), ec);
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) override {
    return on_body_impl(body, ec);
  }
  void on_finish_impl(error_code&) override {}

  Listener& listener_;
  http::Response head_;
  std::uint64_t body_left_ = 0;
};

AnswerReader::AnswerReader(Listener& listener, bool to_head)
    : listener_(listener), to_head_(to_head), parser_(std::make_unique<Parser>(listener)) {
  parser_->skip(to_head);
}

AnswerReader::~AnswerReader() = default;

bool AnswerReader::only_promised() const { return interim_ > 0 && !parser_->is_header_done(); }

std::uint64_t AnswerReader::body_left() const {
  return complete_ || !rest_.empty() ? 0 : parser_->body_left();
}

bool AnswerReader::keeps_alive() const { return complete_ && parser_->keep_alive(); }

core::Result<std::size_t> AnswerReader::parse(core::ByteView bytes) {
  std::size_t taken = 0;
  while (!complete_ && taken < bytes.size()) {
    const core::ByteView left = bytes.subspan(taken);
    error_code error;
    const std::size_t count =
        parser_->put(boost::asio::const_buffer(left.data(), left.size()), error);
    taken += count;
    if (parser_->refusal) {
      return *std::move(parser_->refusal);
    }
    if (error == beast::http::error::need_more) {
      break;
    }
    if (error) {
      return explain(error, parser_->is_header_done());
    }
    if (!parser_->is_done()) {
      if (count == 0) {
        break;
      }
      continue;
    }
    if (parser_->status() >= kFirstFinal) {
      complete_ = true;
    } else if (++interim_ > kMaxInterim) {
      return core::fail(ErrorKind::Unavailable, "many interim answers and no real one");
    } else {
      parser_ = std::make_unique<Parser>(listener_);
      parser_->skip(to_head_);
    }
  }
  return taken;
}

core::Result<std::size_t> AnswerReader::take(core::ByteView bytes) {
  const std::size_t before = rest_.size();
  if (before > 0) {
    rest_ += core::as_text(bytes);
  }
  TRY_ASSIGN(const std::size_t taken, parse(before > 0 ? core::as_bytes(rest_) : bytes));
  if (complete_) {
    rest_.clear();
    return taken - before;  // what came before was not enough
  }
  if (before > 0) {
    rest_.erase(0, taken);
  } else {
    rest_ = core::as_text(bytes.subspan(taken));
  }
  if (rest_.size() > kMaxRestBytes) {
    return core::fail(ErrorKind::Unavailable, "an answer in broken chunks");
  }
  return bytes.size();
}

core::Status AnswerReader::end() {
  error_code error;
  if (parser_->got_some()) {
    parser_->put_eof(error);
  }
  if (error || !parser_->is_done() || parser_->status() < kFirstFinal) {
    return core::fail(ErrorKind::Unavailable, "the connection ended within the answer");
  }
  complete_ = true;
  return {};
}

}  // namespace curl
