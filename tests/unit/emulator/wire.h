#pragma once
// A client that knows nothing of the product: raw HTTP over a socket, signed with OSS V1.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/digest.h"
#include "core/format.h"
#include "core/text.h"
#include "core/time.h"
#include "core/unique_fd.h"
#include "emulator/emulator.h"

namespace emulator::wire {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct WireAnswer {
  int status = 0;                              ///< 0: the connection ended before a whole head
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  bool complete = false;  ///< as many bytes as Content-Length announced

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? std::string() : at->second;
  }
  /// The text of the first element of that name.
  [[nodiscard]] std::string element(const std::string& name) const {
    const auto start = body.find("<" + name + ">");
    const auto end = body.find("</" + name + ">");
    return start == std::string::npos || end == std::string::npos
               ? std::string()
               : body.substr(start + name.size() + 2, end - start - name.size() - 2);
  }
  /// The texts of all of them.
  [[nodiscard]] std::vector<std::string> elements(const std::string& name) const {
    std::vector<std::string> all;
    for (std::size_t at = body.find("<" + name + ">"); at != std::string::npos;
         at = body.find("<" + name + ">", at + 1)) {
      const auto start = at + name.size() + 2;
      all.push_back(body.substr(start, body.find('<', start) - start));
    }
    return all;
  }
};

/// One connection.
class Wire {
 public:
  explicit Wire(const std::string& endpoint) {
    const auto colon = endpoint.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = core::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ADD_FAILURE() << "cannot connect to " << endpoint;
    }
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) {
        return;  // the other side may end first: the answer tells
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// One answer; `head_only` for HEAD.
  WireAnswer receive(bool head_only = false) {
    WireAnswer answer;
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) {
        return answer;
      }
    }
    const auto end = buffer_.find("\r\n\r\n");
    const std::string head = buffer_.substr(0, end);
    buffer_.erase(0, end + 4);
    answer.status = std::stoi(head.substr(9, 3));
    for (const std::string_view line : core::split(std::string_view(head), '\n')) {
      if (const auto colon = line.find(": "); colon != std::string_view::npos) {
        answer.headers[core::to_lower(line.substr(0, colon))] = core::trim(line.substr(colon + 2));
      }
    }
    const std::string length = answer.header("content-length");
    const std::size_t wanted = head_only || length.empty() ? 0 : std::stoull(length);
    while (buffer_.size() < wanted && more()) {
    }
    answer.complete = buffer_.size() >= wanted;
    answer.body = buffer_.substr(0, wanted);
    buffer_.erase(0, wanted);
    return answer;
  }
  /// True if the other side has ended the connection and nothing is left to read.
  bool ended() { return buffer_.empty() && !more(); }

 private:
  bool more() {
    char bytes[65536];
    const ssize_t n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (n <= 0) {
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }
  core::UniqueFd fd_;
  std::string buffer_;
};

/// What is asked: `key` and `bucket` unencoded, `query` as it goes on the wire.
struct WireRequest {
  std::string method = "GET";
  std::string bucket = "examplebucket";
  std::string key;
  std::string query;
  HeaderList headers;
  std::string body;
};

/// The bytes of a request signed with V1. Source: OSS API, "Authorization header (V1)".
inline std::string signed_bytes(const Identity& who, const WireRequest& request) {
  static const std::vector<std::string> kSubResources = {
      "lifecycle",  "live",       "acl",
      "append",     "bucketInfo", "delete",
      "location",   "objectMeta", "partNumber",
      "position",   "stat",       "symlink",
      "tagging",    "uploadId",   "uploads",
      "versionId",  "versions",   "continuation-token",
      "versioning", "restore",    "cors",
      "website",    "policy",     "encryption",
      "worm",       "inventory",  "requestPayment",
      "referer",    "logging",    "replication"};
  const std::string date = core::format_http_date(std::chrono::system_clock::now());
  std::map<std::string, std::string> vendor;
  std::string type;
  std::string md5;
  for (const auto& [name, value] : request.headers) {
    const std::string lower = core::to_lower(name);
    if (lower.starts_with("x-oss-")) {
      vendor[lower] = value;
    } else if (lower == "content-type") {
      type = value;
    } else if (lower == "content-md5") {
      md5 = value;
    }
  }
  std::string text = request.method + "\n" + md5 + "\n" + type + "\n" + date + "\n";
  for (const auto& [name, value] : vendor) {
    text += name + ":" + value + "\n";
  }
  text += "/";
  if (!request.bucket.empty()) {
    text += request.bucket + "/" + request.key;
  }
  std::vector<std::string> signed_params;
  for (const std::string_view item : core::split(std::string_view(request.query), '&')) {
    const std::string name(item.substr(0, item.find('=')));
    if (std::find(kSubResources.begin(), kSubResources.end(), name) != kSubResources.end()) {
      signed_params.push_back(core::percent_decode(item));
    }
  }
  std::sort(signed_params.begin(), signed_params.end());
  for (std::size_t i = 0; i < signed_params.size(); ++i) {
    text += (i == 0 ? "?" : "&") + signed_params[i];
  }
  const std::string signature = core::base64(core::hmac_sha1(who.access_key_secret, text));
  std::string bytes = request.method + " /";
  if (!request.bucket.empty()) {
    bytes += request.bucket + "/" + core::percent_encode(request.key, true);
  }
  bytes += (request.query.empty() ? "" : "?" + request.query) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  bytes +=
      "Date: " + date + "\r\nAuthorization: OSS " + who.access_key_id + ":" + signature + "\r\n";
  for (const auto& [name, value] : request.headers) {
    bytes += name + ": " + value + "\r\n";
  }
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
    bytes += core::format("Content-Length: {}\r\n", request.body.size());
  }
  return bytes + "\r\n" + request.body;
}

}  // namespace emulator::wire
