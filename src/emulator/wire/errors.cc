#include "emulator/wire/errors.h"

#include <array>
#include <utility>

#include "core/format.h"

namespace emulator {
namespace {

struct Row {
  std::string_view code;
  int status;
};
constexpr std::array kStatuses = {
    Row{"AccessDenied", 403},
    Row{"AccessForbidden", 403},
    Row{"InvalidAccessKeyId", 403},
    Row{"InvalidSecurityToken", 403},
    Row{"SecurityTokenExpired", 403},
    Row{"SignatureDoesNotMatch", 403},
    Row{"RequestTimeTooSkewed", 403},
    Row{"InvalidObjectState", 403},
    Row{"UserDisable", 403},
    Row{"NoPermission", 403},
    Row{"NoSuchKey", 404},
    Row{"NoSuchBucket", 404},
    Row{"NoSuchVersion", 404},
    Row{"NoSuchUpload", 404},
    Row{"SymlinkTargetNotExist", 404},
    Row{"EntityNotExist.Role", 404},
    Row{"InvalidAccessKeyId.NotFound", 404},
    Row{"MethodNotAllowed", 405},
    Row{"FileAlreadyExists", 409},
    Row{"FileImmutable", 409},
    Row{"RestoreAlreadyInProgress", 409},
    Row{"BucketNotEmpty", 409},
    Row{"BucketAlreadyExists", 409},
    Row{"PositionNotEqualToLength", 409},
    Row{"ObjectNotAppendable", 409},
    Row{"MissingContentLength", 411},
    Row{"PreconditionFailed", 412},
    Row{"InvalidRange", 416},
    Row{"Throttling", 429},
    Row{"Throttling.User", 429},
    Row{"InternalError", 500},
    Row{"NotImplemented", 501},
    Row{"ServiceUnavailable", 503},
    Row{"SlowDown", 503},
    Row{"DownloadTrafficRateLimitExceeded", 503},
    Row{"UploadTrafficRateLimitExceeded", 503},
    Row{"MetaOperationQpsLimitExceeded", 503},
    Row{"TotalQpsLimitExceeded", 503},
    Row{"QpsLimitExceeded", 503},
    Row{"ActiveRequestLimitExceeded", 503},
    Row{"CpuLimitExceeded", 503},
};

}  // namespace

int status_of_code(std::string_view code) {
  for (const Row& row : kStatuses) {
    if (row.code == code) {
      return row.status;
    }
  }
  return 400;
}

std::string code_of_status(int status) {
  switch (status) {
    case 429:
      return "Throttling";
    case 503:
      return "ServiceUnavailable";
    case 400:
      return "BadRequest";
    default:
      break;
  }
  for (const Row& row : kStatuses) {
    if (row.status == status) {
      return std::string(row.code);
    }
  }
  return status >= 500 ? "InternalError" : "BadRequest";
}

ServiceError service_error(int status, std::string code, std::string message, std::string ec) {
  ServiceError error;
  error.status = status;
  error.code = std::move(code);
  error.message = std::move(message);
  error.ec = std::move(ec);
  return error;
}

ServiceError no_such_bucket(std::string_view bucket) {
  ServiceError error =
      service_error(404, "NoSuchBucket", "The specified bucket does not exist.", "0015-00000101");
  error.details.emplace_back("BucketName", bucket);
  return error;
}

ServiceError no_such_key(std::string_view key) {
  ServiceError error =
      service_error(404, "NoSuchKey", "The specified key does not exist.", "0026-00000001");
  error.details.emplace_back("Key", key);
  return error;
}

ServiceError no_such_version(std::string_view key, std::string_view version_id) {
  ServiceError error = service_error(404, "NoSuchVersion", "The specified version does not exist.");
  error.details.emplace_back("Key", key);
  error.details.emplace_back("VersionId", version_id);
  return error;
}

ServiceError no_such_upload(std::string_view upload_id) {
  ServiceError error = service_error(404, "NoSuchUpload",
                                     "The specified upload does not exist. The upload ID may be "
                                     "invalid, or the upload may have been aborted or completed.",
                                     "0042-00000002");
  error.details.emplace_back("UploadId", upload_id);
  return error;
}

ServiceError invalid_argument(std::string message, std::string_view name, std::string_view value) {
  ServiceError error = service_error(400, "InvalidArgument", std::move(message));
  error.details.emplace_back("ArgumentName", name);
  error.details.emplace_back("ArgumentValue", value);
  return error;
}

ServiceError missing_argument(std::string_view name) {
  ServiceError error =
      service_error(400, "MissingArgument", core::format("Missing argument {}.", name));
  error.details.emplace_back("ArgumentName", name);
  return error;
}

ServiceError malformed_xml() {
  return service_error(400, "MalformedXML",
                       "The XML you provided was not well-formed or did not validate against our "
                       "published schema.");
}

ServiceError not_implemented(std::string_view what) {
  return service_error(501, "NotImplemented",
                       core::format("The emulator does not implement {}.", what));
}

ServiceError precondition_failed(std::string_view condition) {
  ServiceError error = service_error(
      412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.",
      "0017-00001001");
  error.details.emplace_back("Condition", condition);
  return error;
}

ServiceError not_modified() { return service_error(304, "NotModified", "Not Modified."); }

ServiceError access_denied(std::string message, std::string ec) {
  return service_error(403, "AccessDenied", std::move(message), std::move(ec));
}

ServiceError internal_error(std::string message) {
  return service_error(500, "InternalError", std::move(message));
}

}  // namespace emulator
