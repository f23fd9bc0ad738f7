#include "curl/transfer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/text.h"

namespace curl {
namespace {

using core::ErrorKind;

constexpr std::size_t kMaxTextBytes = 8UL * 1024 * 1024;
constexpr std::size_t kMaxErrorBytes = 64UL * 1024;
// First reads of an answer whose sink has memory of its own: a head and a small body in one go, and
// little of a big one to be copied.
constexpr std::size_t kHeadBytes = 16UL * 1024;
constexpr std::size_t kMostHeadAtOnce = 4UL * 1024;
// Through TLS, less is sent sooner with the head of its request, by one record.
constexpr std::uint64_t kLeastInPieces = 64UL * 1024;
constexpr std::uint64_t kMostFromFile = std::uint64_t{1} << 20U;
// Reads in a row before the others of the loop have their turn.
constexpr int kMostReads = 16;

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool one_line(std::string_view text) { return text.find_first_of("\r\n\0", 0, 3) == text.npos; }

core::SteadyTime later(core::SteadyTime time, core::Duration by) {
  return by > core::SteadyTime::max() - time ? core::SteadyTime::max() : time + by;
}

void add_field(std::string& text, std::string_view name, std::string_view value) {
  text += name;
  text += value.empty() ? ":" : ": ";
  text += value;
  text += "\r\n";
}

}  // namespace

void Transfer::Stop::operator()() const {
  transfer->stopped_ = true;
  transfer->wake_();
}

Transfer::Transfer(http::Exchange exchange, http::Transport::Done done, std::function<void()> wake)
    : exchange_(std::move(exchange)), done_(std::move(done)), wake_(std::move(wake)) {
  on_stop_.emplace(exchange_.context.stop, Stop{this});
}

core::Error Transfer::told(core::Error error) const {
  // Never the target: a signed URL is a credential.
  return std::move(error).within(exchange_.request.origin.authority());
}

core::Error Transfer::fail(ErrorKind kind, std::string_view why,
                           std::optional<core::Reason> reason) const {
  return told(core::fail(kind, std::string(why), reason));
}

core::Status Transfer::begin(core::SteadyTime now) {
  last_move_ = now;
  const http::Request& request = exchange_.request;
  if (request.method.empty() || !printable(request.method) || request.path.empty() ||
      request.path.front() != '/' || !printable(request.path)) {
    return fail(ErrorKind::InvalidArgument, "the request line cannot be sent");
  }
  for (const auto& [name, value] : request.headers.fields()) {
    if (name.empty() || !printable(name) || name.find(':') != name.npos || !one_line(value)) {
      return fail(ErrorKind::InvalidArgument, "a header cannot be sent");
    }
  }
  return {};
}

Route Transfer::route() const {
  return {exchange_.request.origin, exchange_.patience.bypass_proxy};
}

std::string Transfer::head_text(const Manners& manners) const {
  const http::Request& request = exchange_.request;
  const std::string authority = request.origin.authority();
  std::string text;
  text.reserve(1024);
  text += request.method;
  text += ' ';
  if (connection_->to_proxy()) {
    text += request.origin.scheme;
    text += "://";
    text += authority;
  }
  text += request.target();
  text += " HTTP/1.1\r\n";
  if (!request.headers.get("Host")) {
    add_field(text, "Host", authority);
  }
  if (!request.headers.get("User-Agent")) {
    add_field(text, "User-Agent", manners.user_agent);
  }
  if (connection_->to_proxy() && !manners.proxy_authorization.empty()) {
    add_field(text, "Proxy-Authorization", manners.proxy_authorization);
  }
  for (const auto& [name, value] : request.headers.fields()) {
    add_field(text, name, value);
  }
  if ((request.body || request.method == "PUT" || request.method == "POST") &&
      !request.headers.get("Content-Length")) {
    add_field(text, "Content-Length", std::to_string(request.body ? request.body->size() : 0));
  }
  text += "\r\n";
  return text;
}

void Transfer::attach(std::unique_ptr<Connection> connection, bool used, const Manners& manners) {
  connection_ = std::move(connection);
  used_ = used;
  head_ = head_text(manners);
  position_ = 0;
  runs_ = exchange_.request.body ? exchange_.request.body->runs() : std::vector<core::Run>();
  const auto is_file = [](const core::Run& run) { return run.fd >= 0; };
  if (!connection_->sends_files() &&
      (length() < kLeastInPieces || std::any_of(runs_.begin(), runs_.end(), is_file))) {
    runs_.clear();
  }
  next_run_ = 0;
  run_begin_ = head_.size();
  reader_.emplace(static_cast<AnswerReader::Listener&>(*this), exchange_.request.method == "HEAD");
}

std::uint64_t Transfer::length() const {
  return head_.size() + (exchange_.request.body ? exchange_.request.body->size() : 0);
}

/// What is to be sent next, as much as there is room for.
core::Result<std::size_t> Transfer::fill(std::span<std::byte> buffer) const {
  std::size_t filled = 0;
  if (position_ < head_.size()) {
    filled = std::min<std::size_t>(buffer.size(), head_.size() - position_);
    std::memcpy(buffer.data(), head_.data() + position_, filled);
  }
  const std::uint64_t in_body = position_ + filled - head_.size();
  const std::uint64_t left = length() - position_ - filled;
  if (position_ + filled < head_.size() || left == 0 || filled == buffer.size()) {
    return filled;
  }
  const auto room = buffer.subspan(filled).first(
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size() - filled, left)));
  TRY_ASSIGN(const std::size_t count, exchange_.request.body->read(in_body, room));
  if (count == 0) {
    return core::fail(ErrorKind::Io, "what is to be sent ended early");
  }
  return filled + count;
}

core::Result<std::size_t> Transfer::send_runs() const {
  std::vector<core::ByteView> pieces;
  if (position_ < head_.size()) {
    pieces.push_back(core::as_bytes(head_).subspan(static_cast<std::size_t>(position_)));
  }
  std::uint64_t gone = position_ - std::min(position_, run_begin_);  // of the first one
  for (std::size_t i = next_run_; i < runs_.size(); ++i, gone = 0) {
    const core::Run& run = runs_[i];
    if (run.fd < 0) {
      pieces.push_back(run.memory.view().subspan(static_cast<std::size_t>(gone)));
    } else if (pieces.empty()) {
      return connection_->send_file(
          run.fd, run.offset + gone,
          static_cast<std::size_t>(std::min(run.size - gone, kMostFromFile)));
    } else {
      break;
    }
  }
  return connection_->send(pieces);
}

/// What has gone needs no memory while the answer is awaited: whoever has it may put it elsewhere.
void Transfer::let_go_of_sent() {
  while (next_run_ < runs_.size() && run_begin_ + runs_[next_run_].size <= position_) {
    run_begin_ += runs_[next_run_].size;
    runs_[next_run_].memory = {};
    ++next_run_;
  }
}

void Transfer::send(std::span<std::byte> buffer) {
  while (waits_to_send()) {
    core::Result<std::size_t> filled = std::size_t{0};
    if (runs_.empty()) {
      filled = fill(buffer);
    }
    if (!filled) {
      fail_with(std::move(filled).error());
      return;
    }
    auto sent =
        runs_.empty() ? connection_->send(core::ByteView(buffer.data(), *filled)) : send_runs();
    if (!sent && sent.error().kind == ErrorKind::Io) {
      fail_with(std::move(sent).error());  // of the file
      return;
    }
    if (!sent) {
      send_error_ = told(std::move(sent).error());
      return;
    }
    if (*sent == 0) {
      return;
    }
    position_ += *sent;
    let_go_of_sent();
    moved();
  }
}

void Transfer::send_head() {
  std::array<std::byte, kMostHeadAtOnce> buffer;  // NOLINT(*-member-init): filled before it is read
  send(buffer);
}

bool Transfer::go_on(std::span<std::byte> buffer, bool writable, bool readable) {
  has_more_ = false;
  if (writable) {
    send(buffer);
  }
  // Where nothing more can be sent, the answer may be there already and say why.
  return error_ || ((readable || send_error_) && receive(buffer));
}

std::span<std::byte> Transfer::target(std::span<std::byte> buffer) {
  if (!exchange_.sink) {
    return buffer;
  }
  if (!to_sink_) {
    return buffer.first(std::min(buffer.size(), kHeadBytes));
  }
  const std::uint64_t left = reader_->body_left();
  const auto room = left > 0 ? exchange_.sink->room() : std::span<std::byte>();
  return room.empty()
             ? buffer
             : room.first(static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), left)));
}

bool Transfer::receive(std::span<std::byte> buffer) {
  for (int n = 0; n < kMostReads; ++n) {
    const auto into = target(buffer);
    auto received = connection_->receive(into);
    if (!received) {
      return fail_with(send_error_ ? *send_error_ : told(std::move(received).error()));
    }
    if (!*received) {
      return send_error_ && fail_with(*send_error_);
    }
    if (**received == 0) {
      return ended();
    }
    heard_ = true;
    if (take(into.first(**received))) {
      // Memory of the sink's ends with the body: what came behind that is still to be found.
      reusable_ = reusable_ && (into.data() == buffer.data() || connection_->silent());
      return true;
    }
  }
  has_more_ = true;
  return false;
}

bool Transfer::take(core::ByteView bytes) {
  auto taken = reader_->take(bytes);
  if (!taken) {
    return cut_ || fail_with(refusal_ ? *refusal_ : told(std::move(taken).error()));
  }
  if (!reader_->only_promised()) {
    moved();
  }
  if (!reader_->complete()) {
    return false;
  }
  const bool excess = *taken < bytes.size();
  if (excess && exchange_.request.method == "HEAD") {
    return fail_with(fail(ErrorKind::Unavailable, "an answer to HEAD came with a body"));
  }
  reusable_ = !excess && position_ == length() && reader_->keeps_alive();
  return true;
}

bool Transfer::ended() {
  auto status = reader_->end();
  if (status) {
    return true;
  }
  core::Error error = heard_
                          ? told(std::move(status).error())
                          : fail(ErrorKind::Unavailable, "the connection ended without an answer");
  error.reason = core::Reason::Broken;
  return fail_with(send_error_ ? *send_error_ : std::move(error));
}

bool Transfer::fail_with(core::Error error) {
  error_ = std::move(error);
  return true;
}

bool Transfer::may_repeat() const {
  const std::string& method = exchange_.request.method;
  return error_ && used_ && !heard_ && error_->kind == ErrorKind::Unavailable &&
         (method == "GET" || method == "HEAD");
}

void Transfer::begin_anew() {
  connection_.reset();
  send_error_.reset();
  error_.reset();
}

std::optional<core::Error> Transfer::overdue(core::SteadyTime now) const {
  if (stopped_) {
    return fail(ErrorKind::Cancelled, "cancelled");
  }
  if (now >= exchange_.context.deadline) {
    return fail(ErrorKind::Timeout, "no complete answer in time", core::Reason::Silent);
  }
  if (now >= later(last_move_, exchange_.patience.idle)) {
    return fail(ErrorKind::Timeout, "no byte for " + core::format_duration(exchange_.patience.idle),
                core::Reason::Silent);
  }
  return std::nullopt;
}

core::SteadyTime Transfer::next_limit() const {
  return std::min(exchange_.context.deadline, later(last_move_, exchange_.patience.idle));
}

void Transfer::moved() { last_move_ = core::BootClock::now(); }

core::Result<http::Response> Transfer::outcome() {
  if (error_) {
    return *std::move(error_);
  }
  return std::move(response_);
}

std::unique_ptr<Connection> Transfer::release_connection() {
  return reusable_ ? std::move(connection_) : nullptr;
}

void Transfer::finish(core::Result<http::Response> result) {
  on_stop_.reset();
  // The caller may drop the last reference to a sink or body in `done`; ours go first.
  runs_.clear();
  exchange_ = {};
  std::exchange(done_, nullptr)(std::move(result));
}

core::Status Transfer::on_head(http::Response head) {
  response_ = std::move(head);
  if (exchange_.check_head) {
    TRY(exchange_.check_head(response_));
  }
  to_sink_ = exchange_.sink && exchange_.sink->on_head(response_);
  return {};
}

core::Status Transfer::on_body(core::ByteView data) {
  if (to_sink_) {
    auto taken = exchange_.sink->on_data(data);
    if (!taken) {
      refusal_ = taken.error();
    }
    return taken;
  }
  const bool failure = response_.status >= 300;
  const std::size_t room = (failure ? kMaxErrorBytes : kMaxTextBytes) - response_.body.size();
  if (data.size() <= room) {
    response_.body += core::as_text(data);
    return {};
  }
  if (!failure) {
    return core::fail(ErrorKind::Protocol, "the answer is longer than anything expected");
  }
  response_.body += core::as_text(data.first(room));
  cut_ = true;
  return core::fail(ErrorKind::Protocol, "an error document without end");
}

}  // namespace curl
