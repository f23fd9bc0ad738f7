#include "curl/transfer.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "curl/errors.h"

namespace curl {
namespace {

constexpr long kReceiveBufferBytes = 512L * 1024;
// libcurl makes and drops its buffer with each request: where no data is expected, a large one
// would be most of what the request costs.
constexpr long kDocumentBufferBytes = 32L * 1024;
constexpr long kSendBufferBytes = 512L * 1024;
constexpr std::size_t kMaxHeadBytes = 64UL * 1024;
constexpr std::size_t kMaxTextBytes = 8UL * 1024 * 1024;
constexpr int kMaxInterim = 16;  // answers that announce another
constexpr std::size_t kMaxErrorBytes = 64UL * 1024;
constexpr std::chrono::seconds kMaxConnectionAge{50};  // servers close idle ones at about a minute

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool one_line(std::string_view text) { return text.find_first_of("\r\n\0", 0, 3) == text.npos; }

core::SteadyTime later(core::SteadyTime time, core::Duration by) {
  return by > core::SteadyTime::max() - time ? core::SteadyTime::max() : time + by;
}

long milliseconds(core::Duration duration) {
  return static_cast<long>(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::milliseconds>(duration).count()));
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

core::Error Transfer::fail(core::ErrorKind kind, std::string_view why,
                           std::optional<core::Reason> reason) const {
  // Never the target: a signed URL is a credential.
  return core::fail(kind, exchange_.request.origin.authority() + ": " + std::string(why), reason);
}

core::Status Transfer::check_request() const {
  const http::Request& request = exchange_.request;
  if (request.method.empty() || !printable(request.method) || request.path.empty() ||
      request.path.front() != '/' || !printable(request.path)) {
    return fail(core::ErrorKind::InvalidArgument, "the request line cannot be sent");
  }
  for (const auto& [name, value] : request.headers.fields()) {
    if (name.empty() || !printable(name) || name.find(':') != name.npos || !one_line(value)) {
      return fail(core::ErrorKind::InvalidArgument, "a header cannot be sent");
    }
  }
  return {};
}

core::Status Transfer::begin(EasyHandle easy, const Options& options, Connections& connections,
                             CURLSH* share, core::SteadyTime now) {
  easy_ = std::move(easy);
  connections_ = &connections;
  connections.watch(easy_.get());
  last_move_ = now;
  TRY(check_request());
  CURL* const handle = easy_.get();
  const http::Request& request = exchange_.request;
  const std::string target = request.target();
  const std::string url = request.origin.scheme + "://" + request.origin.authority() + target;
  set_option(handle, CURLOPT_URL, url.c_str());
  // What is signed is what is sent: no normalisation of //, . or .. anywhere.
  set_option(handle, CURLOPT_PATH_AS_IS, 1L);
  set_option(handle, CURLOPT_REQUEST_TARGET, target.c_str());
  set_option(handle, CURLOPT_PROTOCOLS_STR, request.origin.scheme.c_str());
  set_option(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set_option(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set_option(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  set_option(handle, CURLOPT_PRIVATE, this);
  set_option(handle, CURLOPT_ERRORBUFFER, curl_text_.data());

  set_option(handle, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer must not hold up the loop when the resolution is given up.
  set_option(handle, CURLOPT_QUICK_EXIT, 1L);
  set_option(handle, CURLOPT_TCP_NODELAY, 1L);
  set_option(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  set_option(handle, CURLOPT_TCP_KEEPIDLE, 30L);
  set_option(handle, CURLOPT_TCP_KEEPINTVL, 10L);
  set_option(handle, CURLOPT_MAXAGE_CONN, static_cast<long>(kMaxConnectionAge.count()));
  set_option(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(exchange_.patience.connect));
  set_option(handle, CURLOPT_BUFFERSIZE,
             exchange_.sink ? kReceiveBufferBytes : kDocumentBufferBytes);
  set_option(handle, CURLOPT_UPLOAD_BUFFERSIZE, kSendBufferBytes);

  set_option(handle, CURLOPT_SHARE, share);
  set_option(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  set_option(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  set_option(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_route(options);

  set_option(handle, CURLOPT_PREREQFUNCTION, &on_request);
  set_option(handle, CURLOPT_PREREQDATA, this);
  set_option(handle, CURLOPT_HEADERFUNCTION, &on_header);
  set_option(handle, CURLOPT_HEADERDATA, this);
  set_option(handle, CURLOPT_WRITEFUNCTION, &on_body);
  set_option(handle, CURLOPT_WRITEDATA, this);
  set_option(handle, CURLOPT_NOPROGRESS, 0L);
  set_option(handle, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set_option(handle, CURLOPT_XFERINFODATA, this);
  set_method();
  build_headers();
  return {};
}

void Transfer::set_route(const Options& options) {
  const bool direct = options.proxy.empty() || exchange_.patience.bypass_proxy;
  // Empty means none; unset would mean what the environment says.
  set_option(easy(), CURLOPT_PROXY, direct ? "" : options.proxy.c_str());
  set_option(easy(), CURLOPT_NOPROXY, direct ? "*" : "");
  set_option(easy(), CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!options.ca_file.empty()) {
    set_option(easy(), CURLOPT_CAINFO, options.ca_file.c_str());
    set_option(easy(), CURLOPT_PROXY_CAINFO, options.ca_file.c_str());
  }
}

void Transfer::set_method() {
  const http::Request& request = exchange_.request;
  if (request.method == "HEAD") {
    set_option(easy(), CURLOPT_NOBODY, 1L);
    look_for_excess();
    return;
  }
  if (request.body || request.method == "PUT" || request.method == "POST") {
    // Also for POST: libcurl adds a Content-Type of its own to what it knows to be a POST.
    set_option(easy(), CURLOPT_UPLOAD, 1L);
    const std::uint64_t size = request.body ? request.body->size() : 0;
    set_option(easy(), CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
    set_option(easy(), CURLOPT_READFUNCTION, &on_send);
    set_option(easy(), CURLOPT_READDATA, this);
    set_option(easy(), CURLOPT_SEEKFUNCTION, &on_rewind);
    set_option(easy(), CURLOPT_SEEKDATA, this);
  }
  set_option(easy(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void Transfer::look_for_excess() {
  // libcurl drops a body that follows the head of an answer to HEAD, and goes on as if nothing had
  // been. It only remarks on it.
  set_option(easy(), CURLOPT_VERBOSE, 1L);
  set_option(easy(), CURLOPT_DEBUGFUNCTION, &on_remark);
  set_option(easy(), CURLOPT_DEBUGDATA, this);
}

void Transfer::build_headers() {
  const auto append = [this](const std::string& line) {
    curl_slist* const longer = curl_slist_append(headers_.get(), line.c_str());
    CORE_CHECK(longer != nullptr);
    (void)headers_.release();
    headers_.reset(longer);
  };
  for (const auto& [name, value] : exchange_.request.headers.fields()) {
    std::string line = name;
    line += value.empty() ? ";" : ": ";  // libcurl's spelling of an empty value
    append(line + value);
  }
  append("Expect:");  // suppressed: it costs a round trip
  if (!exchange_.request.headers.get("Accept")) {
    append("Accept:");
  }
  set_option(easy(), CURLOPT_HTTPHEADER, headers_.get());
}

std::optional<core::Error> Transfer::overdue(core::SteadyTime now) const {
  if (stopped_) {
    return fail(core::ErrorKind::Cancelled, "cancelled");
  }
  if (now >= exchange_.context.deadline) {
    return fail(core::ErrorKind::Timeout, "no complete answer in time", core::Reason::Silent);
  }
  if (now >= later(last_move_, exchange_.patience.idle)) {
    return fail(core::ErrorKind::Timeout,
                "no byte for " + core::format_duration(exchange_.patience.idle),
                core::Reason::Silent);
  }
  return std::nullopt;
}

core::SteadyTime Transfer::next_limit() const {
  return std::min(exchange_.context.deadline, later(last_move_, exchange_.patience.idle));
}

void Transfer::moved() { last_move_ = core::BootClock::now(); }

core::Result<http::Response> Transfer::outcome(CURLcode code) {
  if (error_) {
    return *std::move(error_);
  }
  if (code != CURLE_OK && !cut_) {
    const bool told = curl_text_.front() != '\0';
    long verified = 0;
    curl_easy_getinfo(easy(), CURLINFO_SSL_VERIFYRESULT, &verified);
    return fail(kind_of(code), told ? curl_text_.data() : curl_easy_strerror(code),
                reason_of(code, verified));
  }
  if (!head_done_) {
    return fail(core::ErrorKind::Unavailable, "the connection ended within the head of the answer",
                core::Reason::Broken);
  }
  return std::move(response_);
}

void Transfer::finish(core::Result<http::Response> result) {
  on_stop_.reset();
  headers_.reset();
  // The caller may drop the last reference to a sink or body in `done`; ours go first.
  exchange_ = {};
  std::exchange(done_, nullptr)(std::move(result));
}

bool Transfer::take_header(std::string_view line) {
  if (head_done_) {
    return true;  // a trailer: nothing we ask for comes there
  }
  head_bytes_ += line.size();
  if (head_bytes_ > kMaxHeadBytes) {
    error_ = fail(core::ErrorKind::Protocol, "the head of the answer is too long");
    return false;
  }
  line = core::trim(line);
  if (line.starts_with("HTTP/")) {
    if (++answers_ > kMaxInterim) {
      error_ = fail(core::ErrorKind::Unavailable, "many interim answers and no real one");
      return false;
    }
    response_ = {};
    const auto blank = line.find(' ');
    if (blank != line.npos) {
      const std::string_view digits = line.substr(blank + 1, 3);
      std::from_chars(digits.data(), digits.data() + digits.size(), response_.status);
    }
    return true;
  }
  if (response_.status < 200) {
    return true;  // 100 Continue: the real one follows. A flood of them is no progress.
  }
  moved();
  if (line.empty()) {
    return end_of_head();
  }
  const auto colon = line.find(':');
  if (colon != line.npos) {
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = core::trim(line.substr(colon + 1));
    if (core::equal_ignoring_case(name, "Content-Length") &&
        response_.headers.get(name).value_or(value) != value) {
      error_ = fail(core::ErrorKind::Unavailable, "an answer of two lengths");
      return false;
    }
    response_.headers.add(std::string(name), std::string(value));
  }
  return true;
}

bool Transfer::end_of_head() {
  head_done_ = true;
  if (exchange_.check_head) {
    if (auto credible = exchange_.check_head(response_); !credible) {
      error_ = fail(credible.error().kind, credible.error().message);
      return false;  // closes the connection
    }
  }
  to_sink_ = exchange_.sink && exchange_.sink->on_head(response_);
  return true;
}

bool Transfer::take_body(std::string_view data) {
  moved();
  if (to_sink_) {
    const core::Status taken = exchange_.sink->on_data(core::as_bytes(data));
    if (!taken) {
      error_ = taken.error();
    }
    return taken.has_value();
  }
  const bool failure = response_.status >= 300;
  const std::size_t room = (failure ? kMaxErrorBytes : kMaxTextBytes) - response_.body.size();
  if (data.size() <= room) {
    response_.body += data;
    return true;
  }
  if (failure) {
    response_.body += data.substr(0, room);
    cut_ = true;
  } else {
    error_ = fail(core::ErrorKind::Protocol, "the answer is longer than anything expected");
  }
  return false;
}

bool Transfer::may_send(const char* local_address, int local_port) {
  if (connections_->out_of_step(local_address, local_port)) {
    error_ = fail(core::ErrorKind::Unavailable, "the connection brought what nobody had asked for");
    return false;  // closes it
  }
  // When a connection that it used before dies without an answer, libcurl would send the request
  // once more by itself. Only the caller knows what a write that may have worked means.
  const std::string& method = exchange_.request.method;
  if (++times_sent_ == 1 || method == "GET" || method == "HEAD") {
    return true;
  }
  error_ = fail(core::ErrorKind::Unavailable, "the connection ended before the answer",
                core::Reason::Broken);
  return false;
}

std::size_t Transfer::give_body(std::span<std::byte> buffer) {
  const auto& body = exchange_.request.body;
  const std::uint64_t size = body ? body->size() : 0;
  if (sent_ >= size) {
    return 0;
  }
  const std::uint64_t left = size - sent_;
  if (buffer.size() > left) {
    buffer = buffer.first(static_cast<std::size_t>(left));
  }
  auto count = body->read(sent_, buffer);
  if (count && *count == 0) {
    count = fail(core::ErrorKind::Io, "what is to be sent ended early");
  }
  if (!count) {
    error_ = count.error();
    return CURL_READFUNC_ABORT;
  }
  sent_ += *count;
  return *count;
}

int Transfer::on_request(void* self, char*, char* local_address, int, int local_port) {
  return static_cast<Transfer*>(self)->may_send(local_address, local_port) ? CURL_PREREQFUNC_OK
                                                                           : CURL_PREREQFUNC_ABORT;
}

int Transfer::on_remark(CURL*, curl_infotype type, char* text, std::size_t size, void* self) {
  if (type == CURLINFO_TEXT && std::string_view(text, size).starts_with("Excess found")) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.error_ =
        transfer.fail(core::ErrorKind::Unavailable, "an answer to HEAD came with a body");
  }
  return 0;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_header({data, size * count}) ? size * count : 0;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_body({data, size * count}) ? size * count : 0;
}

std::size_t Transfer::on_send(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->give_body(
      std::as_writable_bytes(std::span<char>(data, size * count)));
}

int Transfer::on_rewind(void* self, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) {
    return CURL_SEEKFUNC_FAIL;
  }
  static_cast<Transfer*>(self)->sent_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto& transfer = *static_cast<Transfer*>(self);
  // Bytes that left for the network, not those that libcurl took into its buffer.
  if (down != transfer.last_down_ || up != transfer.last_up_) {
    transfer.last_down_ = down;
    transfer.last_up_ = up;
    transfer.moved();
  }
  return 0;
}

}  // namespace curl
