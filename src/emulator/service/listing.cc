// Service: what is in a bucket.
#include <algorithm>

#include "core/format.h"
#include "core/text.h"
#include "emulator/service/headers.h"
#include "emulator/service/service.h"
#include "emulator/wire/xml.h"

namespace emulator {
namespace {

/// OSS: 1 to 1000, default 100. S3: anything, capped at 1000, default 1000.
Outcome<std::size_t> max_keys_of(const Call& call) {
  const bool s3 = call.dialect == Dialect::S3;
  const auto value = s3 ? number_param(call, "max-keys", 1000, 0, INT32_MAX)
                        : number_param(call, "max-keys", 100, 1, 1000);
  if (!value) {
    return refuse(value.error());
  }
  return static_cast<std::size_t>(std::min<std::uint64_t>(*value, 1000));
}

/// OSS compares them with the longest key.
Outcome<bool> check_lengths(const Call& call) {
  constexpr std::size_t kLongest = 1024;
  for (const std::string_view name : {"prefix", "marker", "key-marker", "start-after"}) {
    const QueryParam* param = call.request.param(name);
    if (call.dialect == Dialect::Oss && param != nullptr && param->value.size() > kLongest) {
      return refuse(
          invalid_argument(core::format("The length of {} must be less than 1024 bytes.", name),
                           name, "(too long)"));
    }
  }
  return true;
}

/// Opaque for clients, and free of '+', '/' and '%'.
std::string token_of(std::string_view key) {
  std::string token = core::base64(key);
  for (char& c : token) {
    c = c == '+' ? '.' : c == '/' ? '_' : c == '=' ? '-' : c;
  }
  return token;
}

std::optional<std::string> key_of(std::string token) {
  for (char& c : token) {
    c = c == '.' ? '+' : c == '_' ? '/' : c == '-' ? '=' : c;
  }
  return core::base64_decode(token);
}

}  // namespace

Service::Answered Service::list_objects(const Call& call) {
  const bool s3 = call.dialect == Dialect::S3;
  const bool v2 = call.op == Op::ListObjectsV2;
  const auto limit = max_keys_of(call);
  if (!limit) {
    return refuse(limit.error());
  }
  if (const auto good = check_lengths(call); !good) {
    return refuse(good.error());
  }
  const std::string encoding = call.param("encoding-type");
  if (!encoding.empty() && encoding != "url") {
    return refuse(invalid_argument("Invalid Encoding Method specified in Request", "encoding-type",
                                   encoding));
  }
  const auto shown = [&](std::string_view text) {
    return encoding.empty() ? std::string(text) : core::percent_encode(text, /*keep_slash=*/s3);
  };
  ListQuery query;
  query.prefix = call.param("prefix");
  query.delimiter = call.param("delimiter");
  query.limit = *limit;
  const std::string token = call.param("continuation-token");
  if (!v2) {
    query.after = call.param("marker");
  } else if (token.empty()) {
    query.after = call.param("start-after");
  } else if (auto key = key_of(token)) {
    query.after = std::move(*key);
  } else {
    return refuse(
        invalid_argument("The continuation token is not valid.", "continuation-token", token));
  }
  const auto page = storage_.list(call.address.bucket, query);
  if (!page) {
    return refuse(page.error());
  }
  XmlWriter xml("ListBucketResult", ns_of(call));
  xml.text("Name", call.address.bucket).text("Prefix", shown(query.prefix));
  if (v2) {
    xml.text("StartAfter", shown(call.param("start-after")));
    xml.text("ContinuationToken", shown(token));
  } else {
    xml.text("Marker", shown(query.after));
  }
  xml.number("MaxKeys", *limit).text("Delimiter", shown(query.delimiter));
  if (!encoding.empty()) {
    xml.text("EncodingType", encoding);
  }
  xml.flag("IsTruncated", page->truncated);
  if (page->truncated && v2) {
    xml.text("NextContinuationToken", shown(token_of(page->next)));
  } else if (page->truncated && (!s3 || !query.delimiter.empty())) {
    xml.text("NextMarker", shown(page->next));
  }
  if (v2) {
    xml.number("KeyCount", page->entries.size());
  }
  const bool with_owner = !v2 || call.param("fetch-owner") == "true";
  for (const ListEntry& entry : page->entries) {
    if (!entry.version) {
      continue;
    }
    const Version& version = *entry.version;
    xml.open("Contents").text("Key", shown(entry.key));
    xml.text("LastModified", list_time(version.modified))
        .text("ETag", etag_for(call, version.etag));
    if (!s3) {
      xml.text("Type", to_string(version.type));
    }
    xml.number("Size", version.body.size());
    xml.text("StorageClass", class_for(call, version.storage_class));
    if (with_owner) {
      add_owner(xml);
    }
    xml.close();
  }
  for (const ListEntry& entry : page->entries) {
    if (!entry.version) {
      xml.open("CommonPrefixes").text("Prefix", shown(entry.key)).close();
    }
  }
  return xml_reply(xml.finish());
}

Service::Answered Service::list_versions(const Call& call) {
  const bool s3 = call.dialect == Dialect::S3;
  const auto limit = max_keys_of(call);
  if (!limit) {
    return refuse(limit.error());
  }
  if (const auto good = check_lengths(call); !good) {
    return refuse(good.error());
  }
  const bool encode = call.param("encoding-type") == "url";
  const auto shown = [&](std::string_view text) {
    return encode ? core::percent_encode(text, /*keep_slash=*/s3) : std::string(text);
  };
  VersionsQuery query;
  query.prefix = call.param("prefix");
  query.delimiter = call.param("delimiter");
  query.key_marker = call.param("key-marker");
  query.version_marker = call.param("version-id-marker");
  query.limit = *limit;
  if (query.limit == 0) {
    return refuse(invalid_argument("max-keys must be positive here.", "max-keys", "0"));
  }
  const auto page = storage_.list_versions(call.address.bucket, query);
  if (!page) {
    return refuse(page.error());
  }
  XmlWriter xml("ListVersionsResult", ns_of(call));
  xml.text("Name", call.address.bucket).text("Prefix", shown(query.prefix));
  xml.text("KeyMarker", shown(query.key_marker)).text("VersionIdMarker", query.version_marker);
  xml.number("MaxKeys", *limit).text("Delimiter", shown(query.delimiter));
  if (encode) {
    xml.text("EncodingType", "url");
  }
  xml.flag("IsTruncated", page->truncated);
  if (page->truncated) {
    xml.text("NextKeyMarker", shown(page->next_key));
    xml.text("NextVersionIdMarker", page->next_version);
  }
  for (const VersionEntry& entry : page->entries) {
    if (!entry.version) {
      continue;
    }
    const Version& version = *entry.version;
    xml.open(version.delete_marker ? "DeleteMarker" : "Version").text("Key", shown(entry.key));
    xml.text("VersionId", version.id).flag("IsLatest", entry.latest);
    xml.text("LastModified", list_time(version.modified));
    if (!version.delete_marker) {
      xml.text("ETag", etag_for(call, version.etag));
      if (!s3) {
        xml.text("Type", to_string(version.type));
      }
      xml.number("Size", version.body.size());
      xml.text("StorageClass", class_for(call, version.storage_class));
    }
    add_owner(xml);
    xml.close();
  }
  for (const VersionEntry& entry : page->entries) {
    if (!entry.version) {
      xml.open("CommonPrefixes").text("Prefix", shown(entry.key)).close();
    }
  }
  return xml_reply(xml.finish());
}

}  // namespace emulator
