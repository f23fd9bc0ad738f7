#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "curl/connections.h"
#include "curl/handles.h"
#include "curl/options.h"
#include "http/transport.h"

namespace curl {

/// One exchange on its way: libcurl's callbacks write here.
/// Threads: made by any, stopped from any; everything else belongs to the loop's thread.
class Transfer {
 public:
  /// `wake` tells the loop to look at the transfer again when its stop is requested.
  Transfer(http::Exchange exchange, http::Transport::Done done, std::function<void()> wake);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() = default;

  /// Prepares `easy` (fresh or reset) to carry this exchange.
  /// Errors: InvalidArgument for what cannot be said in HTTP.
  core::Status begin(EasyHandle easy, const Options& options, Connections& connections,
                     CURLSH* share, core::SteadyTime now);
  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  EasyHandle release_easy() { return std::move(easy_); }

  /// Timeout or Cancelled when the exchange has to end now.
  [[nodiscard]] std::optional<core::Error> overdue(core::SteadyTime now) const;
  /// When overdue() may change by time alone.
  [[nodiscard]] core::SteadyTime next_limit() const;

  /// What libcurl's verdict means.
  core::Result<http::Response> outcome(CURLcode code);
  /// Hands the result out. The transfer is spent afterwards.
  void finish(core::Result<http::Response> result);

 private:
  struct Stop {
    Transfer* transfer;
    void operator()() const;
  };

  static int on_request(void* self, char*, char* local_address, int, int local_port);
  static int on_remark(CURL*, curl_infotype type, char* text, std::size_t size, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_send(char* data, std::size_t size, std::size_t count, void* self);
  static int on_rewind(void* self, curl_off_t offset, int origin);
  static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up);

  bool may_send(const char* local_address, int local_port);
  void look_for_excess();
  [[nodiscard]] core::Status check_request() const;
  void build_headers();
  void set_method();
  void set_route(const Options& options);
  bool take_header(std::string_view line);
  bool take_body(std::string_view data);
  std::size_t give_body(std::span<std::byte> buffer);
  bool end_of_head();
  [[nodiscard]] core::Error fail(core::ErrorKind kind, std::string_view why,
                                 std::optional<core::Reason> reason = std::nullopt) const;
  void moved();

  http::Exchange exchange_;
  http::Transport::Done done_;
  std::function<void()> wake_;
  std::atomic<bool> stopped_{false};

  EasyHandle easy_;
  Connections* connections_ = nullptr;
  HeaderList headers_;
  std::array<char, CURL_ERROR_SIZE> curl_text_{};
  http::Response response_;
  std::size_t head_bytes_ = 0;
  int answers_ = 0;  ///< begun, the interim ones included
  bool head_done_ = false;
  bool to_sink_ = false;
  int times_sent_ = 0;
  bool cut_ = false;  ///< ended on purpose: the rest of an error document is of no interest
  std::uint64_t sent_ = 0;
  curl_off_t last_down_ = 0;
  curl_off_t last_up_ = 0;
  core::SteadyTime last_move_;
  std::optional<core::Error> error_;  ///< what a callback ended the transfer for

  // Last, so that it is gone before what its callback touches.
  std::optional<std::stop_callback<Stop>> on_stop_;
};

}  // namespace curl
