#include "sign/canonical.h"

#include <algorithm>
#include <array>

#include "core/digest.h"
#include "core/mutex.h"
#include "core/text.h"

namespace sign {
namespace {

/// Text + text that is secret; reserved first so that no half-grown copy stays behind.
core::Secret joined(std::string_view prefix, std::string_view secret) {
  std::string text;
  text.reserve(prefix.size() + secret.size() + 16);  // never the small buffer, which moves copy
  text.append(prefix).append(secret);
  return core::Secret(std::move(text));
}

core::Secret derive(const core::Secret& secret, const KeyScope& scope) {
  core::Secret key = joined(scope.prefix, secret.reveal());
  for (const std::string_view step : {scope.day, scope.region, scope.product, scope.terminator}) {
    key = core::Secret(core::hmac_sha256(key.reveal(), step));
  }
  return key;
}

/// The last few derived keys: one for the running day, one for a renewed secret, the same for a
/// second dialect or region. Replaced in turn.
class KeyCache {
 public:
  core::Secret get(const core::Secret& secret, const KeyScope& scope) {
    std::string name(scope.prefix);
    name += '\n' + scope.text();
    {
      const core::MutexLock lock(mutex_);
      for (const Entry& entry : entries_) {
        if (entry.name == name && entry.secret == secret) {
          return entry.key;
        }
      }
    }
    core::Secret key = derive(secret, scope);
    const core::MutexLock lock(mutex_);
    entries_[next_++ % entries_.size()] = Entry{std::move(name), secret, key};
    return key;
  }

 private:
  struct Entry {
    std::string name;
    core::Secret secret;
    core::Secret key;
  };
  core::Mutex mutex_{core::LockRank::Leaf};
  std::array<Entry, 8> entries_ GUARDED_BY(mutex_);
  std::size_t next_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::vector<CanonicalHeader> lower_case_headers(const http::Request& request) {
  std::vector<CanonicalHeader> headers;
  headers.reserve(request.headers.fields().size() + 1);
  for (const auto& [name, value] : request.headers.fields()) {
    headers.emplace_back(core::to_lower(name), std::string(core::trim(value)));
  }
  return headers;
}

void sort_and_join(std::vector<CanonicalHeader>& headers) {
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (kept > 0 && headers[kept - 1].first == headers[i].first) {
      headers[kept - 1].second += ',' + headers[i].second;
    } else {
      if (kept != i) {
        headers[kept] = std::move(headers[i]);
      }
      ++kept;
    }
  }
  headers.resize(kept);
}

std::string render(const std::vector<CanonicalHeader>& headers) {
  std::string text;
  for (const auto& [name, value] : headers) {
    text += name;
    text += ':';
    text += value;
    text += '\n';
  }
  return text;
}

std::string names_of(const std::vector<CanonicalHeader>& headers) {
  std::string text;
  for (const auto& [name, value] : headers) {
    if (!text.empty()) {
      text += ';';
    }
    text += name;
  }
  return text;
}

std::string canonical_query(const std::vector<http::QueryParam>& query, EmptyValue empty,
                            std::string_view except) {
  std::vector<std::pair<std::string, std::string>> encoded;
  encoded.reserve(query.size());
  for (const http::QueryParam& parameter : query) {
    if (parameter.name != except) {
      encoded.emplace_back(core::percent_encode(parameter.name),
                           core::percent_encode(parameter.value.value_or("")));
    }
  }
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) {
      text += '&';
    }
    text += name;
    if (!value.empty() || empty == EmptyValue::Equals) {
      text += '=';
      text += value;
    }
  }
  return text;
}

std::string host_of(const http::Request& request) {
  const auto host = request.headers.get("Host");
  return host ? std::string(*host) : request.origin.authority();
}

void erase_parameter(std::vector<http::QueryParam>& query, std::string_view name) {
  std::erase_if(query, [name](const http::QueryParam& p) { return p.name == name; });
}

void set_parameter(std::vector<http::QueryParam>& query, std::string name, std::string value) {
  erase_parameter(query, name);
  query.push_back({std::move(name), std::move(value)});
}

std::string KeyScope::text() const {
  std::string out(day);
  for (const std::string_view part : {region, product, terminator}) {
    out += '/';
    out += part;
  }
  return out;
}

core::Secret signing_key(const core::Secret& secret, const KeyScope& scope) {
  static KeyCache cache;
  return cache.get(secret, scope);
}

}  // namespace sign
