// Multipart uploads.
#include <algorithm>
#include <charconv>

#include "core/digest.h"
#include "core/format.h"
#include "oss/documents.h"
#include "oss/headers.h"
#include "oss/oss_store.h"
#include "store/evidence.h"

namespace oss {
namespace {

using core::ErrorKind;

void address_upload(Call& call, const std::string& upload_id) {
  call.request.query.push_back({"uploadId", upload_id});
}

void address_part(Call& call, const std::string& upload_id, int number) {
  call.request.query.push_back({"partNumber", std::to_string(number)});
  address_upload(call, upload_id);
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string raw;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    const char* const end = text.data() + i + 2;
    const auto [stopped, error] = std::from_chars(text.data() + i, end, value, 16);
    if (error != std::errc{} || stopped != end) {
      return std::nullopt;
    }
    raw += static_cast<char>(value);
  }
  return raw;
}

/// What the object must look like once its parts are joined.
store::Evidence evidence_of(const std::vector<store::PartReceipt>& parts, const Traits& traits) {
  store::Evidence whole{.parts = parts.size()};
  whole.crc64 = 0;
  std::string md5s;  // of the parts, raw, one after the other
  for (const store::PartReceipt& part : parts) {
    whole.size += part.size;
    md5s += from_hex(part.etag.text()).value_or("");
    whole.crc64 = whole.crc64 && part.crc64
                      ? std::optional(core::crc64_combine(*whole.crc64, *part.crc64, part.size))
                      : std::nullopt;
  }
  if (!traits.can.crc64) {
    // S3's ETag of what was joined: the MD5 of its parts' MD5s.
    whole.etag = model::ETag(core::format("{}-{}", core::hex(core::md5(md5s)), parts.size()));
  }
  return whole;
}

}  // namespace

void OssStore::keep_acl(const std::string& upload_id, const store::Acl& acl) {
  const core::MutexLock lock(mutex_);
  if (acl.empty()) {
    upload_acls_.erase(upload_id);
  } else if (client_.traits().dialect == Dialect::Oss) {
    upload_acls_.insert_or_assign(upload_id, acl);
  }
}

store::Acl OssStore::acl_of_upload(const std::string& upload_id) const {
  const core::MutexLock lock(mutex_);
  const auto at = upload_acls_.find(upload_id);
  return at == upload_acls_.end() ? store::Acl{} : at->second;
}

core::Result<std::string> OssStore::start_upload(const core::OpContext& context,
                                                 const model::ObjectKey& key,
                                                 const store::ObjectAttributes& attributes) {
  TRY(check_key(key));
  Call call = client_.call(Operation::InitiateMultipartUpload, "POST", key.text());
  call.request.query.push_back({"uploads", std::nullopt});
  TRY(add_attributes(call.request.headers, client_.traits(), attributes));
  TRY_ASSIGN(const store::ObjectSettings settings, complete_settings(context, attributes.settings));
  add_settings(call.request.headers, client_.traits(), settings, store::Carried::All);
  // An answer that is lost leaves an upload without parts behind, which costs nothing.
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<std::string> {
    call.attempt = n;
    TRY_ASSIGN(const http::Response response, client_.send_once(context, call, pause));
    return read_upload_id(response.body);
  };
  TRY_ASSIGN(std::string id, client_.repeat(context, attempt));
  keep_acl(id, *settings.acl);
  return id;
}

core::Result<store::PartReceipt> OssStore::upload_part(const core::OpContext& context,
                                                       const model::ObjectKey& key,
                                                       const std::string& upload_id, int number,
                                                       std::shared_ptr<const store::Source> source,
                                                       model::ByteRange range) {
  TRY(check_key(key));
  if (range.size() > capabilities().max_part_bytes) {
    return core::fail(ErrorKind::TooLarge, "UploadPart " + key.text() + ": too large for one part");
  }
  Call call = client_.call(Operation::UploadPart, "PUT", key.text());
  address_part(call, upload_id, number);
  call.request.headers.set("Content-Type", "application/octet-stream");
  TRY(seal(call, source, range));
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::PartReceipt> {
    call.attempt = n;
    std::uint64_t crc64 = 0;
    TRY_ASSIGN(const http::Response response,
               send_data(context, call, source, range, pause, crc64));
    store::PartReceipt receipt;
    receipt.number = number;
    receipt.etag = etag_of(response.headers);
    receipt.size = range.size();
    receipt.crc64 = crc64;
    return receipt;
  };
  return client_.repeat(context, attempt);
}

core::Result<store::PartReceipt> OssStore::upload_part_copy(
    const core::OpContext& context, const model::ObjectKey& key, const std::string& upload_id,
    int number, const model::ObjectVersion& from, model::ByteRange range) {
  TRY(check_key(key));
  TRY(check_key(from.key));
  if (range.empty()) {
    return core::fail(ErrorKind::InvalidArgument, "an empty range cannot be copied");
  }
  Call call = client_.call(Operation::UploadPartCopy, "PUT", key.text());
  call.slow_answer = true;
  address_part(call, upload_id, number);
  const Traits& traits = client_.traits();
  http::Headers& headers = call.request.headers;
  model::ObjectVersion source = from;
  headers.add(traits.header("copy-source-range"),
              core::format("bytes={}-{}", range.first, range.last - 1));
  if (!from.etag.empty()) {
    headers.add(traits.header("copy-source-if-match"), traits.condition(from.etag));
  }
  const auto attempt = [&](int, core::Duration& pause) -> core::Result<store::PartReceipt> {
    headers.set(traits.header("copy-source"), copy_source(client_.options().bucket, source));
    auto response = client_.send_once(context, call, pause);
    if (!response && may_do_without_version(response.error(), source)) {
      source.version_id.clear();
      response.error().kind = ErrorKind::Unavailable;  // another try may do
    }
    if (!response) {
      return std::move(response).error();
    }
    TRY_ASSIGN(const CopyResult copied, read_copy_result(response->body, "CopyPartResult"));
    // A part's ETag tells nothing of what it was cut from, so this asks whenever it matters.
    TRY(check_copied(context, from, key, copied.etag));
    store::PartReceipt receipt;
    receipt.number = number;
    receipt.etag = copied.etag;
    receipt.size = range.size();
    receipt.crc64 = crc64_of(response->headers);
    return receipt;
  };
  return client_.repeat(context, attempt);
}

core::Result<store::Published> OssStore::complete_upload(
    const core::OpContext& context, const model::ObjectKey& key, const std::string& upload_id,
    const std::vector<store::PartReceipt>& parts, const store::Precondition& precondition) {
  TRY(check_key(key));
  if (parts.empty()) {
    return core::fail(ErrorKind::InvalidArgument, "an upload without parts cannot be completed");
  }
  const store::Evidence expected = evidence_of(parts, client_.traits());
  Call call = client_.call(Operation::CompleteMultipartUpload, "POST", key.text());
  call.slow_answer = true;
  address_upload(call, upload_id);
  call.request.headers.set("Content-Type", "application/xml");
  add_precondition(call.request.headers, client_.traits(), precondition);
  store::ObjectSettings settings;
  settings.acl = acl_of_upload(upload_id);
  add_acl(call.request.headers, client_.traits(), settings);
  call.request.body = http::text_body(write_parts(parts));
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::Published> {
    auto response = client_.send_once(context, call, pause);
    if (response) {
      store::Published result = published(response->headers, client_.traits());
      TRY_ASSIGN(result.etag, read_complete_result(response->body));
      if (!result.etag.empty()) {
        return result;
      }
      TRY_ASSIGN(const store::ObjectMeta there, head_following(context, key));
      if (!expected.proves(there)) {
        return core::fail(ErrorKind::Changed, "CompleteMultipartUpload " + key.text() +
                                                  ": somebody else replaced it at once");
      }
      return published(there);
    }
    core::Error error = std::move(response).error();
    const bool absent = precondition.kind == store::Precondition::Kind::Absent;
    if (error.kind == ErrorKind::Changed && absent) {
      error.kind = ErrorKind::Exists;  // S3 has one word for both
    }
    const bool taken = error.kind == ErrorKind::Exists || error.kind == ErrorKind::Changed;
    if (error.kind != ErrorKind::NoUpload && !taken) {
      return error;
    }
    // An upload that is gone may be the one whose completion was answered into the void.
    const auto there = head_following(context, key);
    if ((n > 0 || !taken) && there && expected.proves(*there)) {
      return published(*there);
    }
    if (taken && is_unfounded(precondition, there, n)) {
      error.kind = ErrorKind::Unavailable;
    }
    return error;
  };
  TRY_ASSIGN(store::Published result, client_.repeat(context, attempt));
  keep_acl(upload_id, {});
  if (expected.crc64 && result.crc64 && *expected.crc64 != *result.crc64) {
    return core::fail(ErrorKind::Corrupt, "CompleteMultipartUpload " + key.text() +
                                              ": the object does not have the CRC-64 of its parts");
  }
  return result;
}

core::Status OssStore::abort_upload(const core::OpContext& context, const model::ObjectKey& key,
                                    const std::string& upload_id) {
  TRY(check_key(key));
  keep_acl(upload_id, {});
  Call call = client_.call(Operation::AbortMultipartUpload, "DELETE", key.text());
  address_upload(call, upload_id);
  const auto attempt = [&](int n, core::Duration& pause) -> core::Status {
    call.attempt = n;
    const auto response = client_.send_once(context, call, pause);
    if (response || (n > 0 && response.error().kind == ErrorKind::NoUpload)) {
      return {};
    }
    return response.error();
  };
  return client_.repeat(context, attempt);
}

}  // namespace oss
