#include "emulator/wire/reply.h"

#include <atomic>

#include "core/format.h"
#include "core/random.h"
#include "emulator/wire/xml.h"

namespace emulator {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 416:
      return "Requested Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

std::string json_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += core::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

/// Formatted once a second and thread: it costs more than the rest of the head.
const std::string& http_date(core::WallTime now) {
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  if (const std::int64_t current = core::unix_seconds(now); current != second) {
    second = current;
    text = core::format_http_date(now);
  }
  return text;
}

}  // namespace

void Reply::add(std::string_view name, std::string_view value) {
  headers += name;
  headers += ": ";
  for (const char c : value) {
    headers += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  headers += "\r\n";
}

Reply xml_reply(std::string document) {
  Reply reply;
  reply.add("Content-Type", "application/xml");
  reply.text = std::move(document);
  return reply;
}

Reply refusal(const ServiceError& error, const RefusalStyle& style) {
  Reply reply;
  reply.status = error.status;
  reply.error_code = error.status >= 400 ? error.code : std::string();
  for (const auto& [name, value] : error.details) {
    if (name == "DeleteMarkerVersionId") {
      const char* prefix = style.dialect == Dialect::Oss ? "x-oss-" : "x-amz-";
      reply.add(std::string(prefix) + "delete-marker", "true");
      reply.add(std::string(prefix) + "version-id", value);
    } else if (name == "NextAppendPosition") {
      reply.add("x-oss-next-append-position", value);
    }
  }
  if (error.status == 304) {
    return reply;
  }
  XmlWriter xml("Error");
  xml.text("Code", error.code).text("Message", error.message);
  if (style.dialect == Dialect::S3) {
    xml.text("Resource", style.resource);
  }
  xml.text("RequestId", style.request_id).text("HostId", style.host);
  for (const auto& [name, value] : error.details) {
    if (name != "DeleteMarkerVersionId" && name != "NextAppendPosition") {
      xml.text(name, value);
    }
  }
  if (!error.ec.empty() && style.dialect == Dialect::Oss) {
    xml.text("EC", error.ec);
    xml.text("RecommendDoc", "https://api.aliyun.com/troubleshoot?q=" + error.ec);
    reply.add("x-oss-ec", error.ec);
  }
  std::string document = xml.finish();
  if (style.head) {
    if (style.dialect == Dialect::Oss) {
      reply.add("x-oss-err", core::base64(document));
    }
    return reply;
  }
  reply.add("Content-Type", "application/xml");
  reply.text = std::move(document);
  return reply;
}

Answer sts_refusal(const ServiceError& error, bool json, std::string_view request_id) {
  Answer answer;
  answer.status = error.status;
  if (json) {
    answer.content_type = "application/json;charset=utf-8";
    answer.body = core::format(
        R"({{"RequestId":"{}","HostId":"sts.aliyuncs.com","Code":"{}","Message":"{}"}})",
        request_id, json_escape(error.code), json_escape(error.message));
  } else {
    answer.content_type = "text/xml;charset=utf-8";
    XmlWriter xml("Error");
    xml.text("RequestId", request_id).text("HostId", "sts.aliyuncs.com");
    xml.text("Code", error.code).text("Message", error.message);
    answer.body = xml.finish();
  }
  return answer;
}

std::string render_head(const Reply& reply, const HeadFacts& facts, core::WallTime now) {
  std::string head;
  head.reserve(320 + reply.headers.size());
  head += "HTTP/1.1 ";
  head += std::to_string(reply.status);
  head += ' ';
  head += reason_of(reply.status);
  head += "\r\nServer: AliyunOSS\r\nDate: ";
  head += facts.clock_offset == core::Duration{} ? http_date(now)
                                                 : core::format_http_date(now + facts.clock_offset);
  head += facts.keep_alive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n";
  if (reply.status != 204 && reply.status != 304) {
    head += "Content-Length: ";
    head += std::to_string(reply.length());
    head += "\r\n";
  }
  head += "x-oss-request-id: ";
  head += facts.request_id;
  if (facts.dialect == Dialect::S3) {
    head += "\r\nx-amz-request-id: ";
    head += facts.request_id;
  }
  head += "\r\nx-oss-server-time: ";
  head += std::to_string(facts.server_milliseconds);
  head += "\r\n";
  head += reply.headers;
  head += "\r\n";
  return head;
}

std::string fresh_request_id() {
  static const std::uint64_t start = core::random_seed();
  static std::atomic<std::uint64_t> next{0};
  return core::format("{:016X}{:08X}", start, next.fetch_add(1) & 0xffffffffU);
}

}  // namespace emulator
