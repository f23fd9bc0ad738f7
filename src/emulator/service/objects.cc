// Service: single objects.
#include <algorithm>
#include <charconv>

#include "core/format.h"
#include "core/text.h"
#include "emulator/service/headers.h"
#include "emulator/service/request_documents.h"
#include "emulator/service/service.h"
#include "emulator/wire/xml.h"

namespace emulator {
namespace {

/// What GET and HEAD say about an object, whichever bytes follow. Through a symbolic link the
/// bytes and their sums are the target's and the rest is the link's.
void describe(Reply& reply, const Call& call, const Version& facts, const Version& bytes) {
  reply.add("Accept-Ranges", "bytes");
  reply.add("ETag", etag_for(call, bytes.etag));
  reply.add("Last-Modified", core::format_http_date(std::max(facts.modified, bytes.modified)));
  add_stored_headers(reply, call, facts);
  add_version_id(reply, call, facts.id);
  if (call.dialect == Dialect::S3) {
    if (bytes.storage_class != "Standard") {
      reply.add("x-amz-storage-class", class_for(call, bytes.storage_class));
    }
    return;
  }
  reply.add("x-oss-object-type", to_string(facts.type));
  reply.add("x-oss-storage-class", bytes.storage_class);
  add_crc(reply, call, bytes.crc64);
  if (!bytes.md5.empty()) {
    reply.add("Content-MD5", core::base64(bytes.md5));
  }
  if (facts.type == ObjectType::Appendable) {
    reply.add("x-oss-next-append-position", std::to_string(facts.body.size()));
  }
}

}  // namespace

Outcome<Service::Target> Service::resolve(const Call& call) const {
  Target target;
  auto found = storage_.find(call.address.bucket, call.address.key, call.param("versionId"));
  if (!found) {
    ServiceError error = missing(call, std::move(found.error()));
    if (error.code == "MethodNotAllowed") {
      error.details.insert(error.details.begin(), {"Method", call.request.method});
    }
    return refuse(std::move(error));
  }
  target.object = std::move(*found);
  if (target.object->type != ObjectType::Symlink) {
    return target;
  }
  target.link = target.object;
  auto led_to = storage_.find(call.address.bucket, target.link->symlink_target);
  if (!led_to) {
    ServiceError error = service_error(
        404, "SymlinkTargetNotExist", "The symlink target object does not exist.", "0026-00000012");
    error.details.emplace_back("TargetKey", target.link->symlink_target);
    return refuse(std::move(error));
  }
  if ((*led_to)->type == ObjectType::Symlink) {
    return refuse(
        service_error(400, "InvalidTargetType", "The symbolic link's target is a symbolic link."));
  }
  target.object = std::move(*led_to);
  return target;
}

Service::Answered Service::get_object(const Call& call) {
  const auto target = resolve(call);
  if (!target) {
    return refuse(target.error());
  }
  const Version& object = *target->object;
  const Version& facts = target->link ? *target->link : object;
  const std::string& key = target->link ? target->link->symlink_target : call.address.key;
  if (const auto readable = check_readable(call.address.bucket, key, object); !readable) {
    return refuse(readable.error());
  }
  if (const auto holds = check_conditions(call, object, {}); !holds) {
    return refuse(holds.error());
  }
  const bool standard =
      call.dialect == Dialect::S3 || call.request.header("x-oss-range-behavior") == "standard";
  const auto range =
      parse_range(call.request.header("Range").value_or(""), object.body.size(), standard);
  if (!range) {
    return refuse(range.error());
  }
  Reply reply;
  describe(reply, call, facts, object);
  describe_restoration(reply, call, *target);
  if (!*range) {
    reply.object = object.body;
    return reply;
  }
  const Range& part = **range;
  reply.status = 206;
  reply.add("Content-Range", core::format("bytes {}-{}/{}", part.first,
                                          part.first + part.length - 1, object.body.size()));
  reply.object = object.body.slice(part.first, part.length);
  return reply;
}

Service::Answered Service::head_object(const Call& call) {
  const auto target = resolve(call);
  if (!target) {
    return refuse(target.error());
  }
  const Version& object = *target->object;
  if (const auto holds = check_conditions(call, object, {}); !holds) {
    return refuse(holds.error());
  }
  Reply reply;
  describe(reply, call, target->link ? *target->link : object, object);
  describe_restoration(reply, call, *target);
  reply.announced = object.body.size();
  return reply;
}

Service::Answered Service::get_object_meta(const Call& call) {
  const auto target = resolve(call);
  if (!target) {
    return refuse(target.error());
  }
  const Version& object = *target->object;
  Reply reply;
  reply.add("ETag", etag_for(call, object.etag));
  reply.add("Last-Modified", core::format_http_date(object.modified));
  add_crc(reply, call, object.crc64);
  add_version_id(reply, call, object.id);
  reply.announced = object.body.size();
  return reply;
}

Service::Answered Service::put_object(Call& call) {
  auto draft = draft_of(call);
  if (!draft) {
    return refuse(draft.error());
  }
  const auto rule = put_rule_of(call);
  if (!rule) {
    return refuse(rule.error());
  }
  draft->etag = call.incoming.etag();
  draft->md5 = call.incoming.md5;
  draft->crc64 = call.incoming.crc64;
  draft->body = std::move(call.incoming.body);
  const auto stored = storage_.put(call.address.bucket, call.address.key, std::move(*draft), *rule);
  if (!stored) {
    return refuse(stored.error());
  }
  if (wants_callback(call)) {
    return refuse(callback_failed());
  }
  Reply reply;
  add_encryption(reply, call, **stored);
  reply.add("ETag", etag_for(call, (*stored)->etag));
  add_crc(reply, call, (*stored)->crc64);
  if (call.dialect == Dialect::Oss && !(*stored)->md5.empty()) {
    reply.add("Content-MD5", core::base64((*stored)->md5));
  }
  add_version_id(reply, call, (*stored)->id);
  return reply;
}

Service::Answered Service::append_object(Call& call) {
  const QueryParam* position_param = call.request.param("position");
  if (position_param == nullptr) {
    ServiceError error = missing_argument("position");
    error.ec = "0016-00000501";
    return refuse(std::move(error));
  }
  std::uint64_t position = 0;
  const std::string& digits = position_param->value;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    ServiceError error = invalid_argument("position must be a number", "position", digits);
    error.ec = "0016-00000502";
    return refuse(std::move(error));
  }
  // Only what makes the object gives it its headers; an ACL counts each time.
  auto draft = position == 0 ? draft_of(call) : Outcome<Version>(Version());
  if (!draft) {
    return refuse(draft.error());
  }
  const std::string acl(position == 0 ? "" : call.vendor("object-acl").value_or(""));
  if (!acl.empty() && !valid_acl(acl, true)) {
    return refuse(invalid_argument("no such acl", "x-oss-object-acl", acl));
  }
  auto stored = storage_.append(call.address.bucket, call.address.key, position, call.incoming,
                                std::move(*draft));
  if (stored && !acl.empty()) {
    stored = storage_.amend(call.address.bucket, call.address.key, {}, acl, {});
  }
  if (!stored) {
    return refuse(stored.error());
  }
  Reply reply;
  reply.add("ETag", etag_for(call, (*stored)->etag));
  add_crc(reply, call, (*stored)->crc64);
  reply.add("x-oss-next-append-position", std::to_string((*stored)->body.size()));
  add_version_id(reply, call, (*stored)->id);
  add_encryption(reply, call, **stored);
  return reply;
}

Service::Answered Service::delete_object(const Call& call) {
  const auto removed =
      storage_.remove(call.address.bucket, call.address.key, call.param("versionId"));
  if (!removed) {
    return refuse(removed.error());
  }
  Reply reply;
  reply.status = 204;
  add_version_id(reply, call, removed->version_id);
  if (removed->delete_marker) {
    reply.add(call.vendor_name("delete-marker"), "true");
  }
  return reply;
}

Service::Answered Service::delete_multiple(const Call& call) {
  const bool s3 = call.dialect == Dialect::S3;
  if (!s3 && !call.request.header("Content-MD5")) {
    ServiceError error = missing_argument("Content-MD5");
    error.ec = "0016-00000606";
    return refuse(std::move(error));
  }
  const auto request = parse_delete(call.text);
  if (!request) {
    return refuse(malformed_xml());
  }
  for (const DeleteRequest::Item& item : request->items) {
    if (!s3 && !item.version_id.empty() && !valid_version_id(item.version_id)) {
      return refuse(invalid_argument("Invalid version id specified", "versionId", item.version_id));
    }
  }
  const bool encode = call.param("encoding-type") == "url";
  const auto shown = [&](std::string_view key) {
    return encode ? core::percent_encode(key) : std::string(key);
  };
  const auto denied = [&](const DeleteRequest::Item& item) {
    return authorize(call, item.version_id.empty() ? "oss:DeleteObject" : "oss:DeleteObjectVersion",
                     call.address.bucket, item.key);
  };
  if (!s3) {  // all or nothing
    for (const DeleteRequest::Item& item : request->items) {
      if (const auto allowed = denied(item); !allowed) {
        return refuse(allowed.error());
      }
    }
  }
  XmlWriter xml("DeleteResult", ns_of(call));
  if (encode) {
    xml.text("EncodingType", "url");
  }
  bool all_well = true;
  for (const DeleteRequest::Item& item : request->items) {
    Outcome<Removed> removed = Removed();
    if (const auto allowed = s3 ? denied(item) : Outcome<bool>(true); !allowed) {
      removed = refuse(allowed.error());
    } else {
      removed = storage_.remove(call.address.bucket, item.key, item.version_id);
    }
    if (!removed) {
      all_well = false;
      xml.open("Error").text("Key", shown(item.key)).text("Code", removed.error().code);
      xml.text("Message", removed.error().message).close();
      continue;
    }
    if (request->quiet) {
      continue;
    }
    xml.open("Deleted").text("Key", shown(item.key));
    if (!item.version_id.empty()) {
      xml.text("VersionId", item.version_id);
    }
    if (removed->delete_marker) {
      xml.flag("DeleteMarker", true).text("DeleteMarkerVersionId", removed->version_id);
    }
    xml.close();
  }
  if (request->quiet && all_well && !s3) {
    return Reply();
  }
  return xml_reply(xml.finish());
}

Service::Answered Service::put_symlink(const Call& call) {
  const auto target = call.request.header("x-oss-symlink-target");
  if (!target || target->empty()) {
    return refuse(missing_argument("x-oss-symlink-target"));
  }
  auto draft = draft_of(call);
  if (!draft) {
    return refuse(draft.error());
  }
  const auto rule = put_rule_of(call);
  if (!rule) {
    return refuse(rule.error());
  }
  draft->type = ObjectType::Symlink;
  draft->symlink_target = core::percent_decode(*target, true);  // as in x-oss-copy-source
  draft->etag = core::upper_hex(core::md5(draft->symlink_target));
  const auto stored = storage_.put(call.address.bucket, call.address.key, std::move(*draft), *rule);
  if (!stored) {
    return refuse(stored.error());
  }
  Reply reply;
  reply.add("ETag", etag_for(call, (*stored)->etag));
  add_version_id(reply, call, (*stored)->id);
  return reply;
}

Service::Answered Service::get_symlink(const Call& call) {
  const auto found = storage_.find(call.address.bucket, call.address.key, call.param("versionId"));
  if (!found) {
    return refuse(missing(call, found.error()));
  }
  const Version& link = **found;
  if (link.type != ObjectType::Symlink) {
    return refuse(
        service_error(400, "NotSymlink", "The object is not a symbolic link.", "0043-00000101"));
  }
  Reply reply;
  reply.add("ETag", etag_for(call, link.etag));
  reply.add("Last-Modified", core::format_http_date(link.modified));
  reply.add("x-oss-symlink-target", core::percent_encode(link.symlink_target));
  for (const auto& [name, value] : link.headers) {
    if (name.starts_with("x-oss-meta-")) {
      reply.add(name, value);
    }
  }
  add_version_id(reply, call, link.id);
  return reply;
}

}  // namespace emulator
