// Service: objects that lie in an archive, and their restoration.
#include "core/format.h"
#include "emulator/service/headers.h"
#include "emulator/service/request_documents.h"
#include "emulator/service/service.h"

namespace emulator {

Outcome<bool> Service::check_readable(std::string_view bucket, std::string_view key,
                                      const Version& version) const {
  if (restorations_.readable(bucket, key, version)) {
    return true;
  }
  return refuse(service_error(403, "InvalidObjectState",
                              "The operation is not valid for the object's state."));
}

void Service::describe_restoration(Reply& reply, const Call& call, const Target& target) const {
  if (!is_archived(*target.object)) {
    return;
  }
  const std::string& key = target.link ? target.link->symlink_target : call.address.key;
  const auto state = restorations_.find(call.address.bucket, key, *target.object);
  if (!state) {
    return;
  }
  reply.add(call.vendor_name("restore"),
            state->ongoing(restorations_.now())
                ? R"(ongoing-request="true")"
                : core::format(R"(ongoing-request="false", expiry-date="{}")",
                               core::format_http_date(state->expires)));
}

/// Source: OSS API and Amazon S3 API, "RestoreObject".
Service::Answered Service::restore_object(const Call& call) {
  constexpr unsigned kMostDays = 365;
  const auto found = storage_.find(call.address.bucket, call.address.key, call.param("versionId"));
  if (!found) {
    return refuse(missing(call, found.error()));
  }
  const bool s3 = call.dialect == Dialect::S3;
  const Version& version = **found;
  if (!is_archived(version)) {
    return refuse(s3 ? service_error(403, "InvalidObjectState",
                                     "Restore is not allowed for the object's current storage "
                                     "class.")
                     : service_error(400, "OperationNotSupported",
                                     "The operation is not supported for this resource."));
  }
  const auto days = parse_restore(call.text);
  if (!days) {
    return refuse(malformed_xml());
  }
  if (*days < 1 || *days > kMostDays) {
    return refuse(invalid_argument("Days must be 1 to 365.", "Days", core::format("{}", *days)));
  }
  Reply reply;
  switch (restorations_.begin(call.address.bucket, call.address.key, version, *days)) {
    case Restorations::Begun::New:
      reply.status = 202;
      break;
    case Restorations::Begun::UnderWay:
      return refuse(
          service_error(409, "RestoreAlreadyInProgress", "The restore operation is in progress."));
    case Restorations::Begun::Extended:
      break;
  }
  add_version_id(reply, call, version.id);
  return reply;
}

}  // namespace emulator
