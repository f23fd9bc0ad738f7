#include "emulator/service/service.h"

#include <algorithm>
#include <charconv>

#include "core/format.h"
#include "core/text.h"
#include "emulator/service/headers.h"

namespace emulator {
namespace {

constexpr std::uint64_t kSlowestTraffic = 819200;
constexpr std::uint64_t kFastestTraffic = 838860800;

/// Before anybody is verified: which dialect would this caller like to be refused in?
Dialect likely_dialect(const RawRequest& request) {
  const std::string_view authorization = request.header("Authorization").value_or("");
  const bool s3 = authorization.starts_with("AWS") || request.param("X-Amz-Algorithm") != nullptr ||
                  request.param("AWSAccessKeyId") != nullptr ||
                  request.header("x-amz-date").has_value();
  return s3 ? Dialect::S3 : Dialect::Oss;
}

bool may_throttle(Op op) {
  return op == Op::PutObject || op == Op::AppendObject || op == Op::CopyObject ||
         op == Op::UploadPart || op == Op::UploadPartCopy || op == Op::GetObject;
}

bool lists(Op op) {
  return op == Op::ListObjects || op == Op::ListObjectsV2 || op == Op::ListObjectVersions ||
         op == Op::ListMultipartUploads;
}

/// Bits a second; 0 for none. Source: OSS API, "Single-connection bandwidth throttling".
Outcome<std::uint64_t> traffic_limit_of(const Call& call) {
  if (!may_throttle(call.op)) {
    return 0;
  }
  const auto header = call.request.header("x-oss-traffic-limit");
  const QueryParam* param = call.request.param("x-oss-traffic-limit");
  if (!header && param == nullptr) {
    return 0;
  }
  const std::string value(param != nullptr ? std::string_view(param->value) : *header);
  std::uint64_t limit = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), limit);
  const bool is_number =
      !value.empty() && parsed.ec == std::errc() && parsed.ptr == value.data() + value.size();
  if (header && param != nullptr) {
    ServiceError error =
        invalid_argument("The traffic limit may be given only once.", "x-oss-traffic-limit", value);
    error.ec = "0004-00000501";
    return refuse(std::move(error));
  }
  if (!is_number || limit < kSlowestTraffic || limit > kFastestTraffic) {
    ServiceError error =
        invalid_argument("The traffic limit is out of its bounds.", "x-oss-traffic-limit", value);
    error.ec = "0004-00000502";
    return refuse(std::move(error));
  }
  return limit;
}

Outcome<bool> check_key(const Call& call) {
  const std::string& key = call.address.key;
  const bool slash =
      call.dialect == Dialect::Oss && (key.starts_with('/') || key.starts_with('\\'));
  if (key.size() <= 1023 && !slash && valid_utf8(key)) {
    return true;
  }
  ServiceError error = service_error(400, "InvalidObjectName", "The specified object is not valid.",
                                     key.size() > 1023 ? "0016-00000005" : "0016-00000002");
  error.details.emplace_back("ObjectName", valid_utf8(key) ? key : core::percent_encode(key));
  return refuse(std::move(error));
}

}  // namespace

void Service::recognise(Call& call) const {
  call.dialect = likely_dialect(call.request);
  call.address = address_of(call.request, options_.domains);
  if (const auto other = path_style_instead(call.request, call.address)) {
    const auto signed_for = [&](const Address& address) {
      const auto who = authority_.verify(call.request, address.bucket, address.key, {});
      const auto* verified = std::get_if<Verified>(&who);
      return verified != nullptr && verified->principal.kind != Principal::Kind::Anonymous;
    };
    if (!signed_for(call.address) && signed_for(*other)) {
      call.address = *other;
    }
  }
  Operation operation = classify(call.request, call.address);
  call.op = operation.op;
  call.described = std::move(operation.described);
}

Outcome<bool> Service::authorize(const Call& call, std::string_view action, std::string_view bucket,
                                 std::string_view key) const {
  std::string resource = "acs:oss:*:*:";
  resource += bucket.empty() ? std::string_view("*") : bucket;
  if (!key.empty()) {
    resource += '/';
    resource += key;
  }
  std::vector<std::pair<std::string, std::string>> conditions;
  conditions.emplace_back("acs:SourceIp", call.request.peer);
  conditions.emplace_back("acs:SecureTransport", call.request.tls ? "true" : "false");
  if (lists(call.op)) {  // what is not given is empty, to policies as to the listing
    conditions.emplace_back("oss:Prefix", call.param("prefix"));
    conditions.emplace_back("oss:Delimiter", call.param("delimiter"));
  }
  if (auto denied = authority_.authorize(call.principal, action, resource, conditions)) {
    return refuse(std::move(*denied));
  }
  return true;
}

/// Nobody in particular may do what the ACL opens to all.
Outcome<bool> Service::authorize_anonymous(const Call& call) const {
  std::string acl = call.bucket.acl;
  if (!call.address.key.empty()) {
    const auto version = storage_.find(call.address.bucket, call.address.key);
    if (version && (*version)->acl != "default") {
      acl = (*version)->acl;
    }
  }
  const bool reads = call.op == Op::GetObject || call.op == Op::HeadObject ||
                     call.op == Op::GetObjectMeta || call.op == Op::GetSymlink ||
                     call.op == Op::ListObjects || call.op == Op::ListObjectsV2;
  const bool writes = facts_of(call.op).body == BodyKind::Object || call.op == Op::DeleteObject;
  if ((reads && acl != "private") || (writes && acl == "public-read-write")) {
    return true;
  }
  return refuse(access_denied("You have no right to access this object because of bucket acl.",
                              "0003-00000001"));
}

Outcome<bool> Service::admit(Call& call, core::Duration clock_offset) const {
  auto who = authority_.verify(call.request, call.address.bucket, call.address.key, clock_offset);
  if (auto* error = std::get_if<ServiceError>(&who)) {
    // OSS looks for the bucket before it looks at the caller.
    if (call.dialect == Dialect::Oss && !call.address.bucket.empty() && call.op != Op::PutBucket) {
      if (auto facts = storage_.bucket(call.address.bucket); !facts) {
        return refuse(std::move(facts.error()));
      }
    }
    return refuse(std::move(*error));
  }
  const Verified& verified = std::get<Verified>(who);
  call.principal = verified.principal;
  if (verified.principal.kind != Principal::Kind::Anonymous) {
    call.dialect = verified.dialect;
  }
  if (call.op == Op::NotImplemented) {
    return refuse(not_implemented(call.described));
  }
  if (!call.address.bucket.empty() && call.op != Op::PutBucket) {
    auto facts = storage_.bucket(call.address.bucket);
    if (!facts) {
      return refuse(std::move(facts.error()));
    }
    call.bucket = std::move(*facts);
  }
  if (!call.address.key.empty()) {
    if (auto good = check_key(call); !good) {
      return good;
    }
  }
  if (call.principal.kind == Principal::Kind::Anonymous) {
    if (auto allowed = authorize_anonymous(call); !allowed) {
      return allowed;
    }
  } else if (call.op != Op::DeleteMultipleObjects) {  // that one asks for each key
    const std::string action =
        action_of(call.op, call.request.param("versionId") != nullptr, call.described);
    if (auto allowed = authorize(call, action, call.address.bucket, call.address.key); !allowed) {
      return allowed;
    }
    if (call.vendor(call.dialect == Dialect::S3 ? "acl" : "object-acl") &&
        facts_of(call.op).action == "oss:PutObject") {
      if (auto allowed = authorize(call, "oss:PutObjectAcl", call.address.bucket, call.address.key);
          !allowed) {
        return allowed;
      }
    }
    if (call.vendor("tagging") && facts_of(call.op).action == "oss:PutObject") {
      if (auto allowed =
              authorize(call, "oss:PutObjectTagging", call.address.bucket, call.address.key);
          !allowed) {
        return allowed;
      }
    }
  }
  const auto limit = traffic_limit_of(call);
  if (!limit) {
    return refuse(limit.error());
  }
  call.traffic_limit = *limit;
  if (call.op == Op::UploadPart) {
    auto upload =
        storage_.upload_exists(call.address.bucket, call.address.key, call.param("uploadId"));
    if (!upload) {
      if (upload.error().code == "NoSuchUpload") {
        upload.error().ec = "0042-00000104";
      }
      return upload;
    }
  }
  return true;
}

/// Content-MD5 and the S3 payload hash against what arrived.
Outcome<bool> Service::check_body(const Call& call) const {
  const BodyKind kind = facts_of(call.op).body;
  if (kind == BodyKind::None) {
    return true;
  }
  if (const auto wanted = call.request.header("Content-MD5"); wanted && !wanted->empty()) {
    const auto sum = core::base64_decode(*wanted);
    const std::string actual = kind == BodyKind::Text ? core::md5(call.text) : call.incoming.md5;
    if (!sum || sum->size() != 16 || *sum != actual) {
      const bool malformed = !sum || sum->size() != 16;
      ServiceError error = service_error(
          400, call.dialect == Dialect::S3 && !malformed ? "BadDigest" : "InvalidDigest",
          "The Content-MD5 you specified was invalid.");
      error.details.emplace_back("Content-MD5", *wanted);
      return refuse(std::move(error));
    }
  }
  const auto payload = call.request.header("x-amz-content-sha256");
  if (call.dialect == Dialect::S3 && payload && payload->size() == 64) {
    const std::string actual =
        core::hex(kind == BodyKind::Text ? core::sha256(call.text) : call.incoming.sha256);
    if (actual != *payload) {
      return refuse(service_error(400, "XAmzContentSHA256Mismatch",
                                  "The provided 'x-amz-content-sha256' header does not match what "
                                  "was computed."));
    }
  }
  return true;
}

ServiceError Service::missing(const Call& call, ServiceError error) const {
  if (!options_.missing_key_is_denied || error.code != "NoSuchKey") {
    return error;
  }
  const auto may_list = authorize(call, "oss:ListObjects", call.address.bucket, {});
  return may_list ? error : may_list.error();
}

Reply Service::refuse_call(const Call& call, const ServiceError& error) const {
  RefusalStyle style;
  style.dialect = call.dialect;
  style.head = call.request.method == "HEAD";
  style.request_id = call.request_id;
  style.host = call.request.header("Host").value_or("");
  style.resource = call.request.raw_path;
  return refusal(error, style);
}

Reply Service::run(Call& call) {
  Answered answered = dispatch(call);
  return answered ? std::move(*answered) : refuse_call(call, answered.error());
}

Service::Answered Service::dispatch(Call& call) {
  if (auto good = check_body(call); !good) {
    return refuse(good.error());
  }
  switch (call.op) {
    case Op::ListBuckets:
      return list_buckets(call);
    case Op::PutBucket:
      return put_bucket(call);
    case Op::HeadBucket:
      return Reply();
    case Op::DeleteBucket:
      return delete_bucket(call);
    case Op::GetBucketInfo:
    case Op::GetBucketLocation:
      return bucket_info(call);
    case Op::ListLiveChannels:
      return list_live_channels(call);
    case Op::GetBucketStat:
      return bucket_stat(call);
    case Op::GetBucketAcl:
      return bucket_acl(call);
    case Op::PutBucketAcl:
      return put_bucket_acl(call);
    case Op::GetBucketVersioning:
      return bucket_versioning(call);
    case Op::PutBucketVersioning:
      return put_bucket_versioning(call);
    case Op::GetBucketConfiguration:
    case Op::DeleteBucketConfiguration:
      return bucket_configuration_of(call);
    case Op::ListObjects:
    case Op::ListObjectsV2:
      return list_objects(call);
    case Op::ListObjectVersions:
      return list_versions(call);
    case Op::ListMultipartUploads:
      return list_uploads(call);
    case Op::DeleteMultipleObjects:
      return delete_multiple(call);
    case Op::GetObject:
      return get_object(call);
    case Op::HeadObject:
      return head_object(call);
    case Op::GetObjectMeta:
      return get_object_meta(call);
    case Op::PutObject:
      return put_object(call);
    case Op::AppendObject:
      return append_object(call);
    case Op::CopyObject:
      return copy_object(call);
    case Op::DeleteObject:
      return delete_object(call);
    case Op::InitiateMultipartUpload:
      return initiate(call);
    case Op::UploadPart:
      return upload_part(call);
    case Op::UploadPartCopy:
      return upload_part_copy(call);
    case Op::CompleteMultipartUpload:
      return complete(call);
    case Op::AbortMultipartUpload:
      return abort(call);
    case Op::ListParts:
      return list_parts(call);
    case Op::PutSymlink:
      return put_symlink(call);
    case Op::GetSymlink:
      return get_symlink(call);
    case Op::PutObjectAcl:
      return put_object_acl(call);
    case Op::GetObjectAcl:
      return object_acl(call);
    case Op::PutObjectTagging:
      return put_object_tagging(call);
    case Op::GetObjectTagging:
      return object_tagging(call);
    case Op::DeleteObjectTagging:
      return delete_object_tagging(call);
    case Op::RestoreObject:
      return restore_object(call);
    case Op::NotImplemented:
      break;
  }
  return refuse(not_implemented(call.described));
}

}  // namespace emulator
