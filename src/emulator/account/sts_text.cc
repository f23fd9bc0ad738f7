#include "emulator/account/sts_text.h"

#include <nlohmann/json.hpp>
#include <string>

namespace emulator {
namespace {

using nlohmann::ordered_json;

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void append_elements(std::string& out, const ordered_json& object) {
  for (const auto& [name, value] : object.items()) {
    out.append("<").append(name).append(">");
    if (value.is_object()) {
      append_elements(out, value);
    } else {
      out += escaped(value.get<std::string>());  // we render what we built: texts and objects
    }
    out.append("</").append(name).append(">");
  }
}

Answer render(int status, const ordered_json& document, const std::string& root, bool json) {
  if (json) {
    // What callers sent comes back in messages, and need not be UTF-8.
    return {status,
            "application/json;charset=utf-8",
            document.dump(-1, ' ', false, ordered_json::error_handler_t::replace),
            {}};
  }
  std::string xml = "<?xml version='1.0' encoding='UTF-8'?><" + root + ">";
  append_elements(xml, document);
  return {status, "text/xml;charset=utf-8", xml + "</" + root + ">", {}};
}

}  // namespace

Answer render_sts_result(const ordered_json& result, std::string_view action, bool json) {
  return render(200, result, std::string(action) + "Response", json);
}

Answer render_sts_error(const ServiceError& error, std::string_view request_id,
                        std::string_view host, bool json) {
  ordered_json document;
  document["RequestId"] = request_id;
  document["HostId"] = host;
  document["Code"] = error.code;
  document["Message"] = error.message;
  document["Recommend"] = "https://api.aliyun.com/troubleshoot?q=" + error.code + "&product=Sts";
  return render(error.status, document, "Error", json);
}

}  // namespace emulator
