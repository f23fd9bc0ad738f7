// Service: multipart uploads.
#include "core/format.h"
#include "core/text.h"
#include "emulator/service/headers.h"
#include "emulator/service/request_documents.h"
#include "emulator/service/service.h"
#include "emulator/wire/xml.h"

namespace emulator {
namespace {

constexpr std::uint64_t kSmallestPart = 102400;
constexpr std::uint64_t kSmallestS3Part = std::uint64_t{5} << 20U;

/// Texts as the listing's encoding-type wants them.
class Encoding {
 public:
  explicit Encoding(const Call& call) : url_(call.param("encoding-type") == "url") {}
  void announce(XmlWriter& xml) const {
    if (url_) {
      xml.text("EncodingType", "url");
    }
  }
  [[nodiscard]] std::string operator()(std::string_view text) const {
    return url_ ? core::percent_encode(text) : std::string(text);
  }

 private:
  const bool url_;
};

}  // namespace

Service::Answered Service::initiate(const Call& call) {
  auto draft = draft_of(call);
  if (!draft) {
    return refuse(draft.error());
  }
  if (const auto rule = put_rule_of(call); !rule) {
    return refuse(rule.error());
  } else if (rule->forbid_overwrite && call.bucket.versioning == Versioning::Never &&
             storage_.find(call.address.bucket, call.address.key)) {
    return refuse(service_error(409, "FileAlreadyExists",
                                "The object you specified already exists and can not be "
                                "overwritten.",
                                "0026-00000002"));
  }
  const auto id = storage_.initiate(call.address.bucket, call.address.key, *draft);
  if (!id) {
    return refuse(id.error());
  }
  const Encoding encoded(call);
  XmlWriter xml("InitiateMultipartUploadResult", ns_of(call));
  encoded.announce(xml);
  xml.text("Bucket", call.address.bucket).text("Key", encoded(call.address.key));
  xml.text("UploadId", *id);
  Reply reply = xml_reply(xml.finish());
  add_encryption(reply, call, *draft);
  return reply;
}

Service::Answered Service::upload_part(Call& call) {
  const auto number = number_param(call, "partNumber", 0, 1, 10000);
  if (!number || *number == 0) {
    return refuse(number ? missing_argument("partNumber") : number.error());
  }
  const auto part = storage_.put_part(call.address.bucket, call.address.key, call.param("uploadId"),
                                      static_cast<int>(*number), call.incoming);
  if (!part) {
    return refuse(part.error());
  }
  Reply reply;
  reply.add("ETag", etag_for(call, part->etag));
  add_crc(reply, call, part->crc64);
  if (call.dialect == Dialect::Oss && !call.incoming.md5.empty()) {
    reply.add("Content-MD5", core::base64(call.incoming.md5));
  }
  return reply;
}

Service::Answered Service::complete(const Call& call) {
  const auto rule = put_rule_of(call);
  if (!rule) {
    return refuse(rule.error());
  }
  const std::string_view acl_name = call.dialect == Dialect::S3 ? "acl" : "object-acl";
  const std::string_view acl = call.vendor(acl_name).value_or("");
  if (!acl.empty() && !valid_acl(acl, true)) {
    return refuse(invalid_argument("no such acl", call.vendor_name(acl_name), acl));
  }
  const bool all = call.vendor("complete-all") == "yes";
  std::vector<PartName> names;
  if (all && !core::trim(call.text).empty()) {
    ServiceError error =
        invalid_argument("Should not speficy both complete all header and http body.",  // its words
                         "x-oss-complete-all", "yes");
    error.ec = "0042-00000216";
    return refuse(std::move(error));
  }
  if (!all) {
    auto parsed = parse_complete(call.text);
    if (!parsed) {
      return refuse(malformed_xml());
    }
    names = std::move(*parsed);
  }
  const bool s3 = call.dialect == Dialect::S3;
  const auto stored =
      storage_.complete(call.address.bucket, call.address.key, call.param("uploadId"),
                        std::move(names), *rule, {acl, s3 ? kSmallestS3Part : kSmallestPart, !s3});
  if (!stored) {
    return refuse(stored.error());
  }
  if (wants_callback(call)) {
    return refuse(callback_failed());
  }
  const Encoding encoded(call);
  XmlWriter xml("CompleteMultipartUploadResult", ns_of(call));
  encoded.announce(xml);
  xml.text("Location", core::format("http://{}.oss-{}.aliyuncs.com/{}", call.address.bucket,
                                    options_.region, core::percent_encode(call.address.key)));
  xml.text("Bucket", call.address.bucket).text("Key", encoded(call.address.key));
  xml.text("ETag", etag_for(call, (*stored)->etag));
  Reply reply = xml_reply(xml.finish());
  reply.add("ETag", etag_for(call, (*stored)->etag));
  add_crc(reply, call, (*stored)->crc64);
  add_version_id(reply, call, (*stored)->id);
  add_encryption(reply, call, **stored);
  return reply;
}

Service::Answered Service::abort(const Call& call) {
  const auto done = storage_.abort(call.address.bucket, call.address.key, call.param("uploadId"));
  if (!done) {
    return refuse(done.error());
  }
  Reply reply;
  reply.status = 204;
  return reply;
}

Service::Answered Service::list_parts(const Call& call) {
  const auto upload =
      storage_.upload(call.address.bucket, call.address.key, call.param("uploadId"));
  if (!upload) {
    return refuse(upload.error());
  }
  const auto limit = number_param(call, "max-parts", 1000, 1, 1000);
  const auto marker = number_param(call, "part-number-marker", 0, 0, UINT32_MAX);
  if (!limit || !marker) {
    return refuse(limit ? marker.error() : limit.error());
  }
  const Encoding encoded(call);
  std::uint64_t shown = 0;
  std::uint64_t last = *marker;
  bool truncated = false;
  XmlWriter xml("ListPartsResult", ns_of(call));
  std::vector<std::pair<int, const Part*>> page;
  for (const auto& [number, part] : upload->parts) {
    if (static_cast<std::uint64_t>(number) <= *marker) {
      continue;
    }
    if (shown == *limit) {
      truncated = true;
      break;
    }
    ++shown;
    last = static_cast<std::uint64_t>(number);
    page.emplace_back(number, &part);
  }
  encoded.announce(xml);
  xml.text("Bucket", call.address.bucket).text("Key", encoded(call.address.key));
  xml.text("UploadId", upload->id);
  xml.text("StorageClass", class_for(call, upload->draft.storage_class));
  xml.number("PartNumberMarker", *marker).number("NextPartNumberMarker", last);
  xml.number("MaxParts", *limit).flag("IsTruncated", truncated);
  for (const auto& [number, part] : page) {
    xml.open("Part").number("PartNumber", static_cast<std::uint64_t>(number));
    xml.text("LastModified", list_time(part->modified)).text("ETag", etag_for(call, part->etag));
    if (call.dialect == Dialect::Oss) {
      xml.number("HashCrc64ecma", part->crc64);
    }
    xml.number("Size", part->body.size()).close();
  }
  return xml_reply(xml.finish());
}

Service::Answered Service::list_uploads(const Call& call) {
  const auto limit = number_param(call, "max-uploads", 1000, 1, 1000);
  if (!limit) {
    return refuse(limit.error());
  }
  UploadsQuery query;
  query.prefix = call.param("prefix");
  query.delimiter = call.param("delimiter");
  query.key_marker = call.param("key-marker");
  query.id_marker = call.param("upload-id-marker");
  query.limit = static_cast<std::size_t>(*limit);
  const auto page = storage_.list_uploads(call.address.bucket, query);
  if (!page) {
    return refuse(page.error());
  }
  const Encoding encoded(call);
  XmlWriter xml("ListMultipartUploadsResult", ns_of(call));
  encoded.announce(xml);
  xml.text("Bucket", call.address.bucket);
  xml.text("KeyMarker", encoded(query.key_marker)).text("UploadIdMarker", query.id_marker);
  xml.text("NextKeyMarker", encoded(page->next_key)).text("NextUploadIdMarker", page->next_id);
  xml.text("Delimiter", encoded(query.delimiter)).text("Prefix", encoded(query.prefix));
  xml.number("MaxUploads", *limit).flag("IsTruncated", page->truncated);
  for (const UploadEntry& entry : page->entries) {
    if (entry.id.empty()) {
      continue;
    }
    xml.open("Upload").text("Key", encoded(entry.key)).text("UploadId", entry.id);
    xml.text("StorageClass", class_for(call, entry.storage_class));
    xml.text("Initiated", list_time(entry.initiated)).close();
  }
  for (const UploadEntry& entry : page->entries) {
    if (entry.id.empty()) {
      xml.open("CommonPrefixes").text("Prefix", encoded(entry.key)).close();
    }
  }
  return xml_reply(xml.finish());
}

}  // namespace emulator
