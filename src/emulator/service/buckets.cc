// Service: buckets, and the ACLs and tags of objects.
#include <algorithm>

#include "core/format.h"
#include "core/text.h"
#include "emulator/service/bucket_configuration.h"
#include "emulator/service/headers.h"
#include "emulator/service/request_documents.h"
#include "emulator/service/service.h"
#include "emulator/wire/xml.h"

namespace emulator {
namespace {

void grants(XmlWriter& xml, const Call& call, std::string_view acl) {
  xml.open("AccessControlList");
  if (call.dialect == Dialect::Oss) {
    xml.text("Grant", acl).close();
    return;
  }
  const auto grant = [&](std::string_view who, std::string_view permission) {
    xml.open("Grant").open("Grantee").text(
        who == "all" ? "URI" : "ID",
        who == "all" ? "http://acs.amazonaws.com/groups/global/AllUsers" : who);
    xml.close().text("Permission", permission).close();
  };
  grant(kOwnerId, "FULL_CONTROL");
  if (acl.starts_with("public-read")) {
    grant("all", "READ");
  }
  if (acl == "public-read-write") {
    grant("all", "WRITE");
  }
  xml.close();
}

std::string access_control(const Call& call, std::string_view acl) {
  XmlWriter xml("AccessControlPolicy", ns_of(call));
  add_owner(xml);
  grants(xml, call, acl);
  return xml.finish();
}

bool valid_bucket_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && plain(name.front()) && plain(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-'; });
}

}  // namespace

Service::Answered Service::list_buckets(const Call& call) {
  const std::string prefix = call.param("prefix");
  const std::string marker = call.param("marker");
  const auto limit = number_param(call, "max-keys", 100, 1, 1000);
  if (!limit) {
    return refuse(limit.error());
  }
  XmlWriter buckets("ListAllMyBucketsResult", ns_of(call));
  std::vector<BucketFacts> page;
  bool truncated = false;
  for (BucketFacts& facts : storage_.buckets()) {
    if (!facts.name.starts_with(prefix) || facts.name <= marker) {
      continue;
    }
    if (page.size() == *limit) {
      truncated = true;
      break;
    }
    page.push_back(std::move(facts));
  }
  if (truncated || call.request.param("max-keys") != nullptr || !prefix.empty()) {
    buckets.text("Prefix", prefix).text("Marker", marker).number("MaxKeys", *limit);
    buckets.flag("IsTruncated", truncated);
    if (truncated) {
      buckets.text("NextMarker", page.back().name);
    }
  }
  add_owner(buckets);
  buckets.open("Buckets");
  for (const BucketFacts& facts : page) {
    buckets.open("Bucket").text("Name", facts.name);
    buckets.text("Location", "oss-" + options_.region)
        .text("CreationDate", list_time(facts.created));
    buckets.text("ExtranetEndpoint", core::format("oss-{}.aliyuncs.com", options_.region));
    buckets.text("IntranetEndpoint", core::format("oss-{}-internal.aliyuncs.com", options_.region));
    buckets.text("StorageClass", facts.storage_class).text("Region", options_.region).close();
  }
  return xml_reply(buckets.finish());
}

Service::Answered Service::put_bucket(const Call& call) {
  if (!valid_bucket_name(call.address.bucket)) {
    ServiceError error =
        service_error(400, "InvalidBucketName", "The specified bucket is not valid.");
    error.details.emplace_back("BucketName", call.address.bucket);
    return refuse(std::move(error));
  }
  const auto storage_class = parse_create_bucket(call.text);
  if (!storage_class) {
    return refuse(malformed_xml());
  }
  const std::string acl(call.vendor("acl").value_or(""));
  if (!acl.empty() && !valid_acl(acl, false)) {
    return refuse(invalid_argument("no such bucket acl", call.vendor_name("acl"), acl));
  }
  const auto made = storage_.put_bucket(call.address.bucket, acl, *storage_class);
  if (!made) {
    return refuse(made.error());
  }
  if (*made) {
    authority_.bucket_created(call.address.bucket);
  }
  Reply reply;
  reply.add("Location", "/" + call.address.bucket);
  return reply;
}

Service::Answered Service::delete_bucket(const Call& call) {
  const auto dropped = storage_.drop_bucket(call.address.bucket);
  if (!dropped) {
    return refuse(dropped.error());
  }
  Reply reply;
  reply.status = 204;
  return reply;
}

Service::Answered Service::bucket_info(const Call& call) {
  const std::string location = "oss-" + options_.region;
  if (call.op == Op::GetBucketLocation) {
    // A root element with text, which XmlWriter has no word for.
    return xml_reply(core::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint>{}</LocationConstraint>",
        call.dialect == Dialect::S3 ? options_.region : location));
  }
  const BucketFacts& facts = call.bucket;
  XmlWriter xml("BucketInfo");
  xml.open("Bucket").text("Name", facts.name).text("Location", location);
  xml.text("CreationDate", list_time(facts.created));
  xml.text("ExtranetEndpoint", location + ".aliyuncs.com");
  xml.text("IntranetEndpoint", location + "-internal.aliyuncs.com");
  xml.text("StorageClass", facts.storage_class).text("DataRedundancyType", "LRS");
  xml.text("AccessMonitor", "Disabled").text("TransferAcceleration", "Disabled");
  xml.text("CrossRegionReplication", "Disabled").text("Comment", "");
  xml.text("ResourceGroupId", "rg-default");
  xml.flag("BlockPublicAccess", false);
  if (facts.versioning != Versioning::Never) {
    xml.text("Versioning", facts.versioning == Versioning::Enabled ? "Enabled" : "Suspended");
  }
  add_owner(xml);
  grants(xml, call, facts.acl);
  xml.open("ServerSideEncryptionRule").text("SSEAlgorithm", "None").close();
  xml.open("BucketPolicy").text("LogBucket", "").text("LogPrefix", "").close();
  return xml_reply(xml.finish());
}

Service::Answered Service::bucket_stat(const Call& call) {
  const auto stat = storage_.stat(call.address.bucket);
  if (!stat) {
    return refuse(stat.error());
  }
  XmlWriter xml("BucketStat");
  xml.number("Storage", stat->bytes).number("ObjectCount", stat->objects);
  xml.number("MultipartUploadCount", stat->uploads).number("MultipartPartCount", stat->parts);
  xml.number("LiveChannelCount", 0);
  xml.number("LastModifiedTime",
             static_cast<std::uint64_t>(core::unix_seconds(call.bucket.created)));
  xml.number("StandardStorage", stat->bytes).number("StandardObjectCount", stat->objects);
  for (const char* name :
       {"InfrequentAccessStorage", "InfrequentAccessRealStorage", "InfrequentAccessObjectCount",
        "ArchiveStorage", "ArchiveRealStorage", "ArchiveObjectCount", "ColdArchiveStorage",
        "ColdArchiveRealStorage", "ColdArchiveObjectCount", "DeepColdArchiveStorage",
        "DeepColdArchiveRealStorage", "DeepColdArchiveObjectCount"}) {
    xml.number(name, 0);
  }
  xml.number("DeleteMarkerCount", stat->delete_markers);
  return xml_reply(xml.finish());
}

/// There are none: clients of the vendor's ask before they delete a bucket.
Service::Answered Service::list_live_channels(const Call& call) {
  const auto limit = number_param(call, "max-keys", 100, 1, 1000);
  if (!limit) {
    return refuse(limit.error());
  }
  XmlWriter xml("ListLiveChannelResult");
  xml.text("Prefix", call.param("prefix")).text("Marker", call.param("marker"));
  xml.number("MaxKeys", *limit).flag("IsTruncated", false).text("NextMarker", "");
  return xml_reply(xml.finish());
}

Service::Answered Service::bucket_acl(const Call& call) {
  return xml_reply(access_control(call, call.bucket.acl));
}

Service::Answered Service::put_bucket_acl(const Call& call) {
  const std::string acl(call.vendor("acl").value_or(""));
  if (!valid_acl(acl, false)) {
    return refuse(invalid_argument("no such bucket acl", call.vendor_name("acl"), acl));
  }
  const auto done = storage_.put_bucket(call.address.bucket, acl, {});
  if (!done) {
    return refuse(done.error());
  }
  return Reply();
}

Service::Answered Service::bucket_versioning(const Call& call) {
  XmlWriter xml("VersioningConfiguration", ns_of(call));
  if (call.bucket.versioning != Versioning::Never) {
    xml.text("Status", call.bucket.versioning == Versioning::Enabled ? "Enabled" : "Suspended");
  }
  return xml_reply(xml.finish());
}

Service::Answered Service::put_bucket_versioning(const Call& call) {
  const auto versioning = parse_versioning(call.text);
  if (!versioning) {
    return refuse(malformed_xml());
  }
  const auto done = storage_.set_versioning(call.address.bucket, *versioning);
  if (!done) {
    return refuse(done.error());
  }
  return Reply();
}

Service::Answered Service::bucket_configuration_of(const Call& call) {
  const BucketConfiguration* row = bucket_configuration(call.described);
  const BucketConfiguration::Absence& absence = row->absence(call.dialect);
  if (!absence.known()) {
    return refuse(not_implemented(call.request.method + " ?" + call.described));
  }
  if (call.op == Op::DeleteBucketConfiguration) {  // what is not there is gone already
    Reply reply;
    reply.status = 204;
    return reply;
  }
  if (absence.document.empty()) {
    ServiceError error =
        service_error(404, std::string(absence.code), "The bucket has no such configuration.");
    error.details.emplace_back("BucketName", call.address.bucket);
    return refuse(std::move(error));
  }
  return xml_reply(
      core::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", absence.document));
}

Service::Answered Service::object_acl(const Call& call) {
  const auto found = storage_.find(call.address.bucket, call.address.key, call.param("versionId"));
  if (!found) {
    return refuse(missing(call, found.error()));
  }
  Reply reply = xml_reply(access_control(call, (*found)->acl));
  add_version_id(reply, call, (*found)->id);
  return reply;
}

Service::Answered Service::put_object_acl(const Call& call) {
  const std::string_view name = call.dialect == Dialect::S3 ? "acl" : "object-acl";
  const std::string acl(call.vendor(name).value_or(""));
  if (!valid_acl(acl, true)) {
    return refuse(invalid_argument("no such object acl", call.vendor_name(name), acl));
  }
  const auto changed = storage_.amend(call.address.bucket, call.address.key,
                                      call.param("versionId"), acl, std::nullopt);
  if (!changed) {
    return refuse(missing(call, changed.error()));
  }
  Reply reply;
  add_version_id(reply, call, (*changed)->id);
  return reply;
}

Service::Answered Service::object_tagging(const Call& call) {
  const auto found = storage_.find(call.address.bucket, call.address.key, call.param("versionId"));
  if (!found) {
    return refuse(missing(call, found.error()));
  }
  XmlWriter xml("Tagging", ns_of(call));
  xml.open("TagSet");
  for (const auto& [key, value] : (*found)->tags) {
    xml.open("Tag").text("Key", key).text("Value", value).close();
  }
  Reply reply = xml_reply(xml.finish());
  add_version_id(reply, call, (*found)->id);
  return reply;
}

Service::Answered Service::put_object_tagging(const Call& call) {
  const auto tags = parse_tagging(call.text);
  if (!tags) {
    return refuse(malformed_xml());
  }
  if (const auto good = check_tags(*tags); !good) {
    return refuse(good.error());
  }
  const auto changed =
      storage_.amend(call.address.bucket, call.address.key, call.param("versionId"), {}, *tags);
  if (!changed) {
    return refuse(missing(call, changed.error()));
  }
  Reply reply;
  add_version_id(reply, call, (*changed)->id);
  return reply;
}

Service::Answered Service::delete_object_tagging(const Call& call) {
  const auto changed =
      storage_.amend(call.address.bucket, call.address.key, call.param("versionId"), {}, Pairs());
  if (!changed) {
    return refuse(missing(call, changed.error()));
  }
  Reply reply;
  reply.status = 204;
  add_version_id(reply, call, (*changed)->id);
  return reply;
}

}  // namespace emulator
