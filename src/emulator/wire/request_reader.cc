#include "emulator/wire/request_reader.h"

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstring>

#include "core/text.h"
#include "emulator/wire/address.h"

namespace emulator {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kReadBytes = 16384;
constexpr std::uint32_t kHeadLimit = 128U << 10U;  // long tokens, long signed URLs, many headers

void copy_head(const http::request<http::buffer_body>& parsed, RawRequest& request) {
  const auto text = [](boost::beast::string_view view) {
    return std::string(view.data(), view.size());
  };
  request.method = text(parsed.method_string());
  request.target = text(parsed.target());
  const std::string_view target = request.target;
  const auto question = target.find('?');
  request.raw_path = target.substr(0, question);
  // A proxy's absolute form names the host twice; the path is what is behind it.
  if (request.raw_path.starts_with("http://") || request.raw_path.starts_with("https://")) {
    const auto slash = request.raw_path.find('/', request.raw_path.find("//") + 2);
    request.raw_path = slash == std::string::npos ? "/" : request.raw_path.substr(slash);
  }
  request.query.clear();
  if (question != std::string_view::npos) {
    request.query = parse_query(target.substr(question + 1));
  }
  request.headers.clear();
  for (const auto& field : parsed) {
    request.headers.emplace_back(text(field.name_string()), text(field.value()));
  }
}

}  // namespace

struct RequestReader::State {
  boost::beast::flat_buffer buffer;
  std::optional<http::request_parser<http::buffer_body>> parser;
};

RequestReader::RequestReader(Link& link) : link_(link), state_(std::make_unique<State>()) {}
RequestReader::~RequestReader() = default;

awaitable<RequestReader::Outcome> RequestReader::read_head(RawRequest& request, HeadInfo& info) {
  auto& buffer = state_->buffer;
  auto& parser = state_->parser;
  parser.emplace();
  parser->header_limit(kHeadLimit);
  parser->body_limit(boost::none);
  parser->eager(false);
  while (!parser->is_header_done()) {
    boost::system::error_code failed;
    if (buffer.size() > 0) {
      buffer.consume(parser->put(buffer.data(), failed));
      if (failed && failed != http::error::need_more) {
        co_return Outcome::Malformed;
      }
      if (parser->is_header_done()) {
        break;
      }
    }
    const auto room = buffer.prepare(kReadBytes);
    const std::size_t n =
        co_await link_.read_some({static_cast<std::byte*>(room.data()), room.size()});
    if (n == 0) {
      co_return Outcome::Closed;
    }
    buffer.commit(n);
  }
  const auto& head = parser->get();
  copy_head(head, request);
  chunked_ = parser->chunked();
  info.chunked = chunked_;
  info.keep_alive = parser->keep_alive();
  info.content_length.reset();
  if (const auto length = parser->content_length()) {
    info.content_length = *length;
  }
  info.expects_continue =
      core::equal_ignoring_case(request.header("Expect").value_or(""), "100-continue");
  left_ = info.content_length.value_or(0);
  co_return Outcome::Request;
}

bool RequestReader::at_end() const {
  return failed_ || (chunked_ ? state_->parser->is_done() : left_ == 0);
}

std::optional<std::uint64_t> RequestReader::left() const {
  return chunked_ ? std::nullopt : std::optional(left_);
}

awaitable<std::size_t> RequestReader::read_body(std::span<std::byte> into) {
  if (at_end()) {
    co_return 0;
  }
  if (chunked_) {
    co_return co_await read_chunked(into);
  }
  auto& buffer = state_->buffer;
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_)));
  std::size_t n = std::min(buffer.size(), into.size());
  if (n > 0) {
    std::memcpy(into.data(), buffer.data().data(), n);
    buffer.consume(n);
  } else {
    n = co_await link_.read_some(into);
    failed_ = n == 0;
  }
  left_ -= n;
  co_return n;
}

awaitable<std::size_t> RequestReader::read_chunked(std::span<std::byte> into) {
  auto& buffer = state_->buffer;
  auto& parser = *state_->parser;
  while (!parser.is_done()) {
    std::size_t used = 0;
    if (buffer.size() > 0) {
      boost::system::error_code failed;
      auto& body = parser.get().body();
      body.data = into.data();
      body.size = into.size();
      body.more = true;
      used = parser.put(buffer.data(), failed);
      buffer.consume(used);
      const std::size_t got = into.size() - body.size;
      if (failed && failed != http::error::need_more && failed != http::error::need_buffer) {
        failed_ = true;
        co_return 0;
      }
      if (got > 0) {
        co_return got;
      }
      if (used > 0) {
        continue;
      }
    }
    if (parser.is_done()) {
      break;
    }
    const auto room = buffer.prepare(std::size_t{4} * kReadBytes);
    const std::size_t n =
        co_await link_.read_some({static_cast<std::byte*>(room.data()), room.size()});
    if (n == 0) {
      failed_ = true;
      co_return 0;
    }
    buffer.commit(n);
  }
  co_return 0;
}

}  // namespace emulator
