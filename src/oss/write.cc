// Requests that make an object: PutObject, CopyObject, PutSymlink, and how a write whose answer was
// lost is recognised as our own.
#include <algorithm>

#include "core/digest.h"
#include "core/format.h"
#include "core/text.h"
#include "oss/documents.h"
#include "oss/headers.h"
#include "oss/oss_store.h"
#include "oss/source_body.h"

namespace oss {
namespace {

using core::ErrorKind;
using Kind = store::Precondition::Kind;

/// Whether a request that failed so may have done its work all the same.
bool may_have_worked(const core::Error& error) {
  return error.kind == ErrorKind::Unavailable || error.kind == ErrorKind::Timeout ||
         error.kind == ErrorKind::Corrupt;
}

store::Published published(const store::ObjectMeta& meta) {
  store::Published result;
  result.etag = meta.etag;
  result.version_id = meta.version_id;
  result.crc64 = meta.crc64;
  result.last_modified = meta.last_modified;
  return result;
}

}  // namespace

core::Result<http::Response> OssStore::send_data(const core::OpContext& context, Call& call,
                                                 const std::shared_ptr<const store::Source>& source,
                                                 model::ByteRange range, core::Duration& pause,
                                                 std::uint64_t& crc64) {
  const auto body = std::make_shared<const SourceBody>(source, range);
  call.request.body = body;
  call.bulk = true;
  TRY_ASSIGN(http::Response response, client_.send_once(context, call, pause));
  TRY_ASSIGN(crc64, body->crc64());
  const auto stored = crc64_of(response.headers);
  if (stored && *stored != crc64) {
    return core::fail(ErrorKind::Corrupt,
                      core::format("{} {}: the service has other bytes than were sent",
                                   name_of(call.operation), call.subject));
  }
  return response;
}

core::Result<store::Published> OssStore::put(const core::OpContext& context,
                                             const model::ObjectKey& key,
                                             std::shared_ptr<const store::Source> source,
                                             const store::ObjectAttributes& attributes,
                                             const store::Precondition& precondition) {
  TRY(check_key(key));
  const std::uint64_t size = source->size();
  if (size > capabilities().max_put_bytes) {
    return core::fail(ErrorKind::TooLarge,
                      "PutObject " + key.text() + ": too large for one request");
  }
  Call call = client_.call(Operation::PutObject, "PUT", key.text());
  TRY(add_attributes(call.request.headers, attributes));
  add_precondition(call.request.headers, precondition);
  bool lost = false;
  std::uint64_t crc64 = 0;
  const auto attempt = [&](int, core::Duration& pause) -> core::Result<store::Published> {
    auto response = send_data(context, call, source, {0, size}, pause, crc64);
    if (response) {
      store::Published result = oss::published(response->headers);
      result.crc64 = crc64;
      return result;
    }
    if (response.error().kind == ErrorKind::Exists && lost) {
      // Is it what an earlier attempt of ours left, whose answer did not arrive?
      const SourceBody body(source, {0, size});
      TRY_ASSIGN(const std::uint64_t ours, body.crc64());
      TRY_ASSIGN(const store::ObjectMeta there, head_following(context, key));
      if (there.size == size && there.crc64 == ours && there.user == attributes.user) {
        return published(there);
      }
    }
    lost = lost || may_have_worked(response.error());
    return std::move(response).error();
  };
  return client_.repeat(context, attempt);
}

core::Result<store::Published> OssStore::copy(const core::OpContext& context,
                                              const store::CopyRequest& request) {
  TRY(check_key(request.source.key));
  TRY(check_key(request.target));
  if (request.source.size > capabilities().max_copy_bytes) {
    return core::fail(ErrorKind::TooLarge,
                      "CopyObject " + request.target.text() + ": too large for one request");
  }
  Call call = client_.call(Operation::CopyObject, "PUT", request.target.text());
  call.slow_answer = true;
  http::Headers& headers = call.request.headers;
  headers.add("x-oss-copy-source", copy_source(client_.options().bucket, request.source));
  if (!request.source.etag.empty()) {
    headers.add("x-oss-copy-source-if-match", request.source.etag.quoted());
  }
  if (request.replace) {
    headers.add("x-oss-metadata-directive", "REPLACE");
    TRY(add_attributes(headers, *request.replace));
  }
  add_precondition(headers, request.precondition);
  bool lost = false;
  const auto attempt = [&](int, core::Duration& pause) -> core::Result<store::Published> {
    auto response = client_.send_once(context, call, pause);
    if (response) {
      store::Published result = oss::published(response->headers);
      TRY_ASSIGN(const CopyResult copied, read_copy_result(response->body, "CopyObjectResult"));
      result.etag = copied.etag;
      result.last_modified = copied.last_modified;
      return result;
    }
    if (response.error().kind == ErrorKind::Exists && lost) {
      TRY_ASSIGN(const store::ObjectMeta from, head_following(context, request.source.key));
      TRY_ASSIGN(const store::ObjectMeta there, head_following(context, request.target));
      const store::UserMeta& user = request.replace ? request.replace->user : from.user;
      if (there.size == from.size && there.crc64 && there.crc64 == from.crc64 &&
          there.user == user) {
        return published(there);
      }
    }
    lost = lost || may_have_worked(response.error());
    return std::move(response).error();
  };
  return client_.repeat(context, attempt);
}

core::Result<store::Published> OssStore::put_symlink(const core::OpContext& context,
                                                     const model::ObjectKey& key,
                                                     const model::ObjectKey& target,
                                                     const store::UserMeta& user,
                                                     const store::Precondition& precondition) {
  TRY(check_key(key));
  TRY(check_key(target));
  Call call = client_.call(Operation::PutSymlink, "PUT", key.text());
  call.request.query.push_back({"symlink", std::nullopt});
  call.request.headers.add("x-oss-symlink-target", core::percent_encode(target.text(), true));
  TRY(add_user_meta(call.request.headers, user));
  add_precondition(call.request.headers, precondition);
  bool lost = false;
  const auto attempt = [&](int, core::Duration& pause) -> core::Result<store::Published> {
    auto response = client_.send_once(context, call, pause);
    if (response) {
      return oss::published(response->headers);
    }
    if (response.error().kind == ErrorKind::Exists && lost) {
      const auto there = get_symlink(context, key);
      if (there && there->target_key == target.text() && there->meta.user == user) {
        return published(there->meta);
      }
    }
    lost = lost || may_have_worked(response.error());
    return std::move(response).error();
  };
  return client_.repeat(context, attempt);
}

}  // namespace oss
