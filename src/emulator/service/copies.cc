// Service: what is made from objects that are there already.
#include "core/format.h"
#include "core/text.h"
#include "emulator/service/headers.h"
#include "emulator/service/service.h"
#include "emulator/wire/xml.h"

namespace emulator {
Outcome<Service::Source> Service::source_of(const Call& call) const {
  const std::string text(call.vendor("copy-source").value_or(""));
  const auto question = text.find('?');
  // The Go SDK v1 (and so ossutil) writes a blank as '+' here, and a plus sign as all others do.
  std::string path = core::percent_decode(std::string_view(text).substr(0, question), true);
  if (path.starts_with('/')) {
    path.erase(0, 1);
  }
  const auto slash = path.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == path.size()) {
    return refuse(invalid_argument("The copy source is not /bucket/key.",
                                   call.vendor_name("copy-source"), text));
  }
  Source source;
  source.bucket = path.substr(0, slash);
  source.key = path.substr(slash + 1);
  if (question != std::string::npos) {
    for (const QueryParam& param : parse_query(std::string_view(text).substr(question + 1))) {
      if (param.name == "versionId") {
        source.version_id = param.value;
      }
    }
  }
  if (const auto allowed =
          authorize(call, source.version_id.empty() ? "oss:GetObject" : "oss:GetObjectVersion",
                    source.bucket, source.key);
      !allowed) {
    return refuse(allowed.error());
  }
  auto found = storage_.find(source.bucket, source.key, source.version_id);
  if (!found) {
    return refuse(found.error());
  }
  source.version = std::move(*found);
  const auto facts = storage_.bucket(source.bucket);
  source.versioned = facts && facts->versioning != Versioning::Never;
  if (const auto readable = check_readable(source.bucket, source.key, *source.version); !readable) {
    return refuse(readable.error());
  }
  if (const auto holds = check_conditions(call, *source.version, call.vendor_name("copy-source-"));
      !holds) {
    return refuse(holds.error());
  }
  return source;
}

Service::Answered Service::copy_object(const Call& call) {
  const auto source = source_of(call);
  if (!source) {
    return refuse(source.error());
  }
  auto draft = draft_of(call);
  if (!draft) {
    return refuse(draft.error());
  }
  const auto rule = put_rule_of(call);
  if (!rule) {
    return refuse(rule.error());
  }
  const std::string_view directive = call.vendor("metadata-directive").value_or("COPY");
  const bool replace = core::equal_ignoring_case(directive, "REPLACE");
  if (!replace && !core::equal_ignoring_case(directive, "COPY")) {
    return refuse(invalid_argument("The metadata directive must be COPY or REPLACE.",
                                   call.vendor_name("metadata-directive"), directive));
  }
  const Version& from = *source->version;
  const bool onto_itself = source->bucket == call.address.bucket && source->key == call.address.key;
  if (onto_itself && !replace && source->version_id.empty() && !call.vendor("storage-class") &&
      call.bucket.versioning == Versioning::Never) {
    return refuse(service_error(400, "InvalidRequest",
                                "This copy request is illegal because it is trying to copy an "
                                "object to itself without changing the object's metadata or "
                                "storage class."));
  }
  Version copy = from;
  copy.acl = draft->acl;
  // S3 takes no class from the source: it is STANDARD unless the request says so.
  if (call.vendor("storage-class") || call.dialect == Dialect::S3) {
    copy.storage_class = draft->storage_class;
  }
  if (replace) {
    copy.headers = draft->headers;
  } else {
    replace_encryption(copy.headers, *draft);
  }
  if (core::equal_ignoring_case(call.vendor("tagging-directive").value_or("COPY"), "REPLACE")) {
    copy.tags = draft->tags;
  } else if (!copy.tags.empty()) {
    // Source: OSS and S3 API, "CopyObject", permissions: tags are read and set like any others.
    if (const auto allowed = authorize(call, "oss:GetObjectTagging", source->bucket, source->key);
        !allowed) {
      return refuse(allowed.error());
    }
    if (const auto allowed =
            authorize(call, "oss:PutObjectTagging", call.address.bucket, call.address.key);
        !allowed) {
      return refuse(allowed.error());
    }
  }
  if (from.type == ObjectType::Appendable) {
    copy.type = ObjectType::Normal;
  }
  const auto stored = storage_.put(call.address.bucket, call.address.key, std::move(copy), *rule);
  if (!stored) {
    return refuse(stored.error());
  }
  XmlWriter xml("CopyObjectResult", ns_of(call));
  xml.text("LastModified", list_time((*stored)->modified));
  xml.text("ETag", etag_for(call, (*stored)->etag));
  Reply reply = xml_reply(xml.finish());
  reply.add("ETag", etag_for(call, (*stored)->etag));
  add_crc(reply, call, (*stored)->crc64);
  add_version_id(reply, call, (*stored)->id);
  add_encryption(reply, call, **stored);
  if (source->versioned) {
    reply.add(call.vendor_name("copy-source-version-id"), from.id);
  }
  return reply;
}

Service::Answered Service::upload_part_copy(const Call& call) {
  const auto source = source_of(call);
  if (!source) {
    return refuse(source.error());
  }
  const auto number = number_param(call, "partNumber", 0, 1, 10000);
  if (!number) {
    return refuse(number.error());
  }
  const Version& from = *source->version;
  Incoming incoming;
  incoming.body = from.body;
  if (const auto header = call.vendor("copy-source-range")) {
    const auto range = parse_range(*header, from.body.size(), false);
    if (!range || !*range) {
      return refuse(invalid_argument("The range is not inside the source object.",
                                     call.vendor_name("copy-source-range"), *header));
    }
    incoming.body = from.body.slice((*range)->first, (*range)->length);
  }
  const bool is_whole = incoming.body.size() == from.body.size();
  const auto sum = is_whole ? core::Result<std::uint64_t>(from.crc64) : crc64_of(incoming.body);
  if (!sum) {
    return refuse(internal_error("The disk failed."));
  }
  incoming.crc64 = *sum;
  const auto part = storage_.put_part(call.address.bucket, call.address.key, call.param("uploadId"),
                                      static_cast<int>(*number), incoming);
  if (!part) {
    ServiceError error = part.error();
    if (error.code == "NoSuchUpload") {
      error.ec = "0042-00000311";
    }
    return refuse(std::move(error));
  }
  XmlWriter xml("CopyPartResult", ns_of(call));
  xml.text("LastModified", list_time(part->modified)).text("ETag", etag_for(call, part->etag));
  Reply reply = xml_reply(xml.finish());
  reply.add("ETag", etag_for(call, part->etag));
  if (source->versioned) {
    reply.add(call.vendor_name("copy-source-version-id"), from.id);
  }
  return reply;
}

}  // namespace emulator
