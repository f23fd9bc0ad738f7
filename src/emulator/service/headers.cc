#include "emulator/service/headers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <set>

#include "core/format.h"
#include "core/text.h"

namespace emulator {
namespace {

constexpr std::size_t kMetadataLimit = 8192;

constexpr std::array<std::string_view, 6> kContentHeaders = {
    "Content-Type",     "Cache-Control",    "Content-Disposition",
    "Content-Encoding", "Content-Language", "Expires"};

struct ClassNames {
  std::string_view oss;
  std::string_view s3;
};
constexpr std::array kClasses = {
    ClassNames{"Standard", "STANDARD"},
    ClassNames{"IA", "STANDARD_IA"},
    ClassNames{"Archive", "GLACIER_IR"},
    ClassNames{"ColdArchive", "GLACIER"},
    ClassNames{"DeepColdArchive", "DEEP_ARCHIVE"},
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// One of a comma-separated list of ETags, quoted or not, or "*".
bool names_etag(std::string_view list, std::string_view etag) {
  for (std::string_view item : core::split(list, ',')) {
    item = core::trim(item);
    if (item.starts_with("W/")) {
      item.remove_prefix(2);
    }
    if (item.size() >= 2 && item.front() == '"' && item.back() == '"') {
      item = item.substr(1, item.size() - 2);
    }
    if (item == "*" || core::equal_ignoring_case(item, etag)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view ns_of(const Call& call) {
  return call.dialect == Dialect::S3 ? "http://s3.amazonaws.com/doc/2006-03-01/" : "";
}

std::string list_time(core::WallTime time) {
  std::string text = core::format_iso8601(time);
  text.pop_back();
  return text + ".000Z";
}

void add_owner(XmlWriter& xml) {
  xml.open("Owner").text("ID", kOwnerId).text("DisplayName", kOwnerId).close();
}

std::string etag_for(const Call& call, std::string_view etag) {
  return core::format("\"{}\"",
                      call.dialect == Dialect::S3 ? core::to_lower(etag) : std::string(etag));
}

std::string class_for(const Call& call, std::string_view storage_class) {
  if (call.dialect == Dialect::S3) {
    for (const ClassNames& names : kClasses) {
      if (names.oss == storage_class) {
        return std::string(names.s3);
      }
    }
  }
  return std::string(storage_class);
}

bool valid_acl(std::string_view acl, bool object) {
  return acl == "private" || acl == "public-read" || acl == "public-read-write" ||
         (object && acl == "default");
}

namespace {

/// Letters of any script, digits, blanks and + - = . _ : /
bool tag_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" +-=._:/").find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

}  // namespace

Outcome<bool> check_tags(const Pairs& tags) {
  const auto invalid = [](std::string message) {
    return refuse(service_error(400, "InvalidTag", std::move(message)));
  };
  if (tags.size() > 10) {
    return invalid("An object has at most 10 tags.");
  }
  std::set<std::string_view> keys;
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > 128 || value.size() > 256) {
      return invalid("The tag's key or value is too long or empty.");
    }
    if (!tag_text(key) || !tag_text(value)) {
      return invalid("The tag's key or value contains characters that tags cannot have.");
    }
    if (!keys.insert(key).second) {
      return invalid("The same tag key appears twice.");
    }
  }
  return true;
}

Outcome<Pairs> parse_tags(std::string_view text) {
  Pairs tags;
  for (QueryParam& param : parse_query(text)) {
    tags.emplace_back(std::move(param.name), std::move(param.value));
  }
  if (const auto good = check_tags(tags); !good) {
    return refuse(good.error());
  }
  return tags;
}

namespace {

constexpr std::string_view kEncryption = "x-oss-server-side-";
constexpr std::string_view kDefaultKey = "00000000-0000-4000-8000-000000000000";

/// Keeps what the request says about encryption. KMS has a key of its own when none is named.
void add_encryption_headers(Pairs& headers, const Call& call) {
  const auto algorithm = call.vendor("server-side-encryption");
  if (!algorithm) {
    return;
  }
  headers.emplace_back("x-oss-server-side-encryption", *algorithm);
  if (call.dialect == Dialect::S3) {
    if (const auto key = call.vendor("server-side-encryption-aws-kms-key-id")) {
      headers.emplace_back("x-oss-server-side-encryption-aws-kms-key-id", *key);
    }
    return;
  }
  if (const auto data = call.vendor("server-side-data-encryption")) {
    headers.emplace_back("x-oss-server-side-data-encryption", *data);
  }
  if (*algorithm == "KMS") {
    headers.emplace_back("x-oss-server-side-encryption-key-id",
                         call.vendor("server-side-encryption-key-id").value_or(kDefaultKey));
  }
}

}  // namespace

Outcome<Version> draft_of(const Call& call) {
  Version draft;
  for (const std::string_view name : kContentHeaders) {
    const auto value = call.request.header(name);
    if (!value || value->empty() || *value == "aws-chunked") {
      continue;
    }
    draft.headers.emplace_back(
        name, value->starts_with("aws-chunked,") ? core::trim(value->substr(12)) : *value);
  }
  if (call.request.header("Content-Type").value_or("").empty()) {
    draft.headers.emplace_back("Content-Type", "application/octet-stream");
  }
  const std::string meta = call.vendor_name("meta-");
  std::size_t metadata_bytes = 0;
  for (const auto& [name, value] : call.request.headers) {
    std::string lower = core::to_lower(name);
    if (!lower.starts_with(meta)) {
      continue;
    }
    metadata_bytes += lower.size() - meta.size() + value.size();
    draft.headers.emplace_back("x-oss-meta-" + lower.substr(meta.size()), value);
  }
  if (metadata_bytes > kMetadataLimit) {
    return refuse(
        service_error(400, call.dialect == Dialect::S3 ? "MetadataTooLarge" : "InvalidArgument",
                      "The total size of the user metadata exceeds 8 KB."));
  }
  const std::string_view encryption = call.vendor("server-side-encryption").value_or("AES256");
  if (call.dialect == Dialect::Oss && encryption != "AES256" && encryption != "KMS" &&
      encryption != "SM4") {
    return refuse(invalid_argument("The encryption must be AES256, KMS or SM4.",
                                   "x-oss-server-side-encryption", encryption));
  }
  add_encryption_headers(draft.headers, call);
  draft.storage_class = call.bucket.storage_class;
  if (const auto value = call.vendor("storage-class")) {
    const auto known = std::find_if(kClasses.begin(), kClasses.end(), [&](const ClassNames& names) {
      return *value == names.oss || *value == names.s3;
    });
    if (known == kClasses.end()) {
      return refuse(
          invalid_argument("no such storage class", call.vendor_name("storage-class"), *value));
    }
    draft.storage_class = known->oss;
  }
  const std::string_view acl_name = call.dialect == Dialect::S3 ? "acl" : "object-acl";
  if (const auto value = call.vendor(acl_name)) {
    if (!valid_acl(*value, true)) {
      return refuse(invalid_argument("no such acl", call.vendor_name(acl_name), *value));
    }
    draft.acl = *value;
  }
  if (const auto value = call.vendor("tagging")) {
    const auto tags = parse_tags(*value);
    if (!tags) {
      return refuse(tags.error());
    }
    draft.tags = *tags;
  }
  return draft;
}

Outcome<PutRule> put_rule_of(const Call& call) {
  PutRule rule;
  if (call.dialect == Dialect::S3) {
    rule.if_none_match = call.request.header("If-None-Match") == "*";
    if (const auto value = call.request.header("If-Match")) {
      std::string_view etag = core::trim(*value);
      if (etag.size() >= 2 && etag.front() == '"') {
        etag = etag.substr(1, etag.size() - 2);
      }
      rule.if_match = etag;
    }
    return rule;
  }
  if (const auto value = call.vendor("forbid-overwrite")) {
    if (!core::equal_ignoring_case(*value, "true") && !core::equal_ignoring_case(*value, "false")) {
      ServiceError error = invalid_argument("x-oss-forbid-overwrite must be true or false",
                                            "x-oss-forbid-overwrite", *value);
      error.ec = "0017-00000279";
      return refuse(std::move(error));
    }
    rule.forbid_overwrite = core::equal_ignoring_case(*value, "true");
  }
  return rule;
}

Outcome<std::optional<Range>> parse_range(std::string_view header, std::uint64_t size,
                                          bool standard) {
  using Parsed = Outcome<std::optional<Range>>;
  const auto unsatisfiable = [&] {
    ServiceError error =
        service_error(416, "InvalidRange", "The requested range cannot be satisfied.");
    error.details.emplace_back("ActualObjectSize", std::to_string(size));
    error.details.emplace_back("RangeRequested", header);
    return refuse(std::move(error));
  };
  if (!header.starts_with("bytes=")) {
    return std::optional<Range>();
  }
  const std::string_view spec = header.substr(6);
  if (spec.find(',') != std::string_view::npos) {
    return unsatisfiable();
  }
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos) {
    return std::optional<Range>();
  }
  const std::string_view left = core::trim(spec.substr(0, dash));
  const std::string_view right = core::trim(spec.substr(dash + 1));
  const auto first = number(left);
  const auto last = number(right);
  if ((!first && !left.empty()) || (!last && !right.empty()) || (!first && !last) ||
      (first && last && *first > *last)) {
    return std::optional<Range>();
  }
  if (!first) {  // the last so many bytes
    if (*last == 0 || size == 0) {
      return standard ? Parsed(unsatisfiable()) : Parsed(std::optional<Range>());
    }
    if (*last > size) {
      return standard ? Parsed(std::optional(Range{0, size})) : Parsed(std::optional<Range>());
    }
    return std::optional(Range{size - *last, *last});
  }
  if (*first >= size) {
    return standard ? Parsed(unsatisfiable()) : Parsed(std::optional<Range>());
  }
  if (last && *last >= size && !standard) {
    return std::optional<Range>();
  }
  const std::uint64_t end = last && *last < size ? *last + 1 : size;
  return std::optional(Range{*first, end - *first});
}

Outcome<bool> check_conditions(const Call& call, const Version& version, std::string_view prefix) {
  const auto header = [&](std::string_view name) {
    return call.request.header(std::string(prefix) + std::string(name));
  };
  const bool copy = !prefix.empty();
  if (const auto value = header(copy ? "if-match" : "If-Match")) {
    if (!names_etag(*value, version.etag)) {
      return refuse(precondition_failed("If-Match"));
    }
  } else if (const auto since = header(copy ? "if-unmodified-since" : "If-Unmodified-Since")) {
    const auto time = core::parse_http_date(*since);
    if (time && version.modified > *time) {
      return refuse(precondition_failed("If-Unmodified-Since"));
    }
  }
  if (const auto value = header(copy ? "if-none-match" : "If-None-Match")) {
    if (names_etag(*value, version.etag)) {
      return refuse(copy && call.dialect == Dialect::S3 ? precondition_failed("If-None-Match")
                                                        : not_modified());
    }
  } else if (const auto since = header(copy ? "if-modified-since" : "If-Modified-Since")) {
    const auto time = core::parse_http_date(*since);
    if (time && version.modified <= *time) {
      return refuse(copy && call.dialect == Dialect::S3 ? precondition_failed("If-Modified-Since")
                                                        : not_modified());
    }
  }
  return true;
}

void add_stored_headers(Reply& reply, const Call& call, const Version& version) {
  for (const auto& [name, value] : version.headers) {
    if (!name.starts_with("x-oss-")) {
      const QueryParam* override_param = call.request.param("response-" + core::to_lower(name));
      if (override_param == nullptr) {
        reply.add(name, value);
      }
    } else if (call.dialect == Dialect::S3) {
      reply.add("x-amz-" + name.substr(6), value);
    } else {
      reply.add(name, value);
    }
  }
  for (const std::string_view name : kContentHeaders) {
    if (const QueryParam* param = call.request.param("response-" + core::to_lower(name))) {
      reply.add(name, param->value);
    }
  }
  if (!version.tags.empty()) {
    reply.add(call.vendor_name("tagging-count"), std::to_string(version.tags.size()));
  }
}

void add_encryption(Reply& reply, const Call& call, const Version& version) {
  for (const auto& [name, value] : version.headers) {
    if (name.starts_with(kEncryption)) {
      reply.add(call.vendor_name(std::string_view(name).substr(6)), value);
    }
  }
}

void replace_encryption(Pairs& headers, const Version& draft) {
  const auto encrypts = [](const auto& header) { return header.first.starts_with(kEncryption); };
  std::erase_if(headers, encrypts);
  std::copy_if(draft.headers.begin(), draft.headers.end(), std::back_inserter(headers), encrypts);
}

bool wants_callback(const Call& call) {
  return call.request.header("x-oss-callback") || call.request.param("callback") != nullptr;
}

ServiceError callback_failed() {
  return service_error(203, "CallbackFailed", "Error status : 301.", "0007-00000203");
}

void add_version_id(Reply& reply, const Call& call, std::string_view id) {
  if (call.bucket.versioning != Versioning::Never && !id.empty()) {
    reply.add(call.vendor_name("version-id"), id);
  }
}

void add_crc(Reply& reply, const Call& call, std::uint64_t crc64) {
  if (call.dialect == Dialect::Oss) {
    reply.add("x-oss-hash-crc64ecma", std::to_string(crc64));
  }
}

Outcome<std::uint64_t> number_param(const Call& call, std::string_view name, std::uint64_t fallback,
                                    std::uint64_t least, std::uint64_t most) {
  const QueryParam* param = call.request.param(name);
  if (param == nullptr || param->value.empty()) {
    return fallback;
  }
  const auto value = number(param->value);
  if (!value || *value < least || *value > most) {
    return refuse(invalid_argument(
        core::format("Argument {} must be an integer between {} and {}.", name, least, most), name,
        param->value));
  }
  return *value;
}

bool valid_version_id(std::string_view id) { return id == "null" || id.starts_with("CAEQ"); }

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead > 0xf4 || (lead >= 0x80 && lead < 0xc2) || i + length > text.size()) {
      return false;
    }
    std::uint32_t point = length == 1 ? lead : lead & (0xffU >> (length + 1));
    for (std::size_t j = 1; j < length; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if ((next & 0xc0U) != 0x80) {
        return false;
      }
      point = point << 6U | (next & 0x3fU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff) {
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace emulator
