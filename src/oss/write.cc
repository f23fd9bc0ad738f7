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
#include "store/evidence.h"

namespace oss {
namespace {

using core::ErrorKind;
using Kind = store::Precondition::Kind;

/// Whether a request that failed so may have done its work all the same.
bool may_have_worked(const core::Error& error) {
  return error.kind == ErrorKind::Unavailable || error.kind == ErrorKind::Timeout ||
         error.kind == ErrorKind::Corrupt || http::is_nonsense(error);
}

/// S3 says of a target that is there already what it says of any condition that fails.
bool is_taken(const core::Error& error, const store::Precondition& precondition) {
  return error.kind == ErrorKind::Exists ||
         (error.kind == ErrorKind::Changed && precondition.kind != Kind::None);
}

/// The failure as the port has it: a target that had to be absent and is not, Exists.
core::Error as_promised(core::Error error, const store::Precondition& precondition) {
  if (error.kind == ErrorKind::Changed && precondition.kind == Kind::Absent) {
    error.kind = ErrorKind::Exists;
  }
  return error;
}

void add_copy_conditions(http::Headers& headers, const Traits& traits,
                         const model::ObjectVersion& source) {
  if (!source.etag.empty()) {
    const std::string etag = traits.condition(source.etag);
    headers.add(traits.header("copy-source-if-match"), etag);
    if (traits.dialect == Dialect::S3) {
      headers.add("x-amz-copy-if-match", etag);  // what Ceph's gateway looks for
    }
  }
}

/// What a copy of `from` is known by.
store::Evidence evidence_of_copy(const store::ObjectMeta& from, const store::CopyRequest& request) {
  store::Evidence ours;
  ours.size = from.size;
  ours.crc64 = from.crc64;
  ours.user = request.replace ? request.replace->user : from.user;
  // What was joined from parts gets another ETag when it is copied in one piece.
  if (!from.crc64 && from.etag.text().find('-') == std::string::npos) {
    ours.etag = from.etag;
  }
  return ours;
}

core::Error to_be_repeated(core::Error error) {
  error.kind = ErrorKind::Unavailable;
  return error;
}

}  // namespace

bool may_do_without_version(const core::Error& error, const model::ObjectVersion& version) {
  return error.kind == ErrorKind::Denied && !version.version_id.empty() && !version.etag.empty();
}

core::Result<std::string> OssStore::seal(Call& call,
                                         const std::shared_ptr<const store::Source>& source,
                                         model::ByteRange range) {
  if (capabilities().crc64) {
    return std::string();
  }
  TRY_ASSIGN(const std::string md5, SourceBody(source, range).md5());
  call.request.headers.set("Content-MD5", core::base64(md5));
  return core::hex(md5);
}

core::Result<http::Response> OssStore::send_data(const core::OpContext& context, Call& call,
                                                 const std::shared_ptr<const store::Source>& source,
                                                 model::ByteRange range, core::Duration& pause,
                                                 std::uint64_t& crc64) {
  const auto body = std::make_shared<const SourceBody>(source, range);
  call.request.body = body;
  call.bulk = true;
  TRY_ASSIGN(http::Response response, client_.send_once(context, call, pause));
  if (etag_of(response.headers).empty()) {
    return core::fail(ErrorKind::Unavailable,
                      core::format("{} {}: an answer without ETag says nothing of what was stored",
                                   name_of(call.operation), call.subject));
  }
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
  TRY(add_attributes(call.request.headers, client_.traits(), attributes));
  TRY_ASSIGN(const store::ObjectSettings settings, complete_settings(context, attributes.settings));
  add_settings(call.request.headers, client_.traits(), settings, store::Carried::All);
  add_precondition(call.request.headers, client_.traits(), precondition);
  TRY_ASSIGN(const std::string md5, seal(call, source, {0, size}));
  bool lost = false;
  std::uint64_t crc64 = 0;
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::Published> {
    call.attempt = n;
    auto response = send_data(context, call, source, {0, size}, pause, crc64);
    if (response) {
      store::Published result = published(response->headers, client_.traits());
      if (md5.empty()) {
        result.crc64 = crc64;
      }
      return result;
    }
    if (is_taken(response.error(), precondition)) {
      const auto there = head_following(context, key);
      if (there && lost) {
        // Is it what an earlier attempt of ours left, whose answer did not arrive?
        store::Evidence ours{.size = size, .user = attributes.user, .etag = model::ETag(md5)};
        if (md5.empty()) {
          TRY_ASSIGN(ours.crc64, SourceBody(source, {0, size}).crc64());
        }
        if (ours.proves(*there)) {
          return published(*there);
        }
      }
      if (is_unfounded(precondition, there, n)) {
        return to_be_repeated(std::move(response).error());
      }
    }
    lost = lost || may_have_worked(response.error());
    return as_promised(std::move(response).error(), precondition);
  };
  TRY_ASSIGN(store::Published result, client_.repeat(context, attempt));
  result.settings = settings;
  result.settings.origin = key;
  return result;
}

core::Result<store::Published> OssStore::append(const core::OpContext& context,
                                                const model::ObjectKey& key, const Tail& tail) {
  TRY(check_key(key));
  if (!capabilities().append) {
    return core::fail(ErrorKind::Unsupported, "AppendObject " + key.text() + ": not spoken here");
  }
  Call call = client_.call(Operation::AppendObject, "POST", key.text());
  call.request.query.push_back({"append", std::nullopt});
  call.request.query.push_back({"position", std::to_string(tail.position)});
  call.request.headers.set("Content-Type", "application/octet-stream");
  call.bulk = true;
  const auto body = std::make_shared<const SourceBody>(tail.source, tail.range);
  std::optional<std::uint64_t> expected;  // of the whole
  const auto sum_up = [&]() -> core::Status {
    TRY_ASSIGN(const std::uint64_t added, body->crc64());
    if (tail.crc64) {
      expected = core::crc64_combine(*tail.crc64, added, tail.range.size());
    }
    return {};
  };
  bool lost = false;
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::Published> {
    call.attempt = n;
    call.request.body = body;
    auto response = client_.send_once(context, call, pause);
    if (response) {
      TRY(sum_up());
      store::Published result = published(response->headers, client_.traits());
      result.crc64 = result.crc64 ? result.crc64 : expected;
      return result;
    }
    if (response.error().kind == ErrorKind::Changed && lost && tail.crc64) {
      // Is it as long as it is because of an earlier attempt of ours, whose answer did not arrive?
      TRY(sum_up());
      const auto there = head_following(context, key);
      if (there && there->size == tail.position + tail.range.size() && there->crc64 == expected) {
        return published(*there);
      }
    }
    lost = lost || may_have_worked(response.error());
    return std::move(response).error();
  };
  TRY_ASSIGN(store::Published result, client_.repeat(context, attempt));
  if (expected && result.crc64 != expected) {
    return core::fail(
        ErrorKind::Corrupt,
        core::format("AppendObject {}: it was another object of the same length", key.text()));
  }
  result.type = store::ObjectType::Appendable;
  return result;
}

core::Result<store::ObjectSettings> OssStore::settings_for_copy(const core::OpContext& context,
                                                                const store::CopyRequest& request) {
  auto settings =
      request.replace && request.replace->settings ? request.replace->settings : request.settings;
  if (!settings) {
    TRY_ASSIGN(const store::ObjectMeta from, head(context, request.source.key));
    settings = from.settings;
  }
  return keeping_.complete(*this, context, settings, store::Carried::WithoutTags);
}

core::Status OssStore::check_copied(const core::OpContext& context,
                                    const model::ObjectVersion& source,
                                    const model::ObjectKey& target, const model::ETag& result) {
  // What was put at once keeps its ETag; of what was joined from parts some services make another.
  if (client_.traits().copies_heed_source || source.etag.empty() || result == source.etag) {
    return {};
  }
  TRY_ASSIGN(const store::ObjectMeta there, head_following(context, source.key));
  const bool itself = source.key == target && there.etag == result;
  if (there.etag != source.etag && !itself) {
    return core::fail(ErrorKind::Changed, core::format("CopyObject {}: {} is another by now",
                                                       target.text(), source.key.text()));
  }
  return {};
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
  const Traits& traits = client_.traits();
  http::Headers& headers = call.request.headers;
  model::ObjectVersion source = request.source;
  add_copy_conditions(headers, traits, source);
  if (request.replace) {
    headers.add(traits.header("metadata-directive"), "REPLACE");
    TRY(add_attributes(headers, traits, *request.replace));
  }
  TRY_ASSIGN(const store::ObjectSettings settings, settings_for_copy(context, request));
  add_settings(headers, traits, settings, store::Carried::WithoutTags);
  add_precondition(headers, traits, request.precondition);
  bool lost = false;
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::Published> {
    headers.set(traits.header("copy-source"), copy_source(client_.options().bucket, source));
    auto response = client_.send_once(context, call, pause);
    if (!response && may_do_without_version(response.error(), source)) {
      source.version_id.clear();
      return to_be_repeated(std::move(response).error());
    }
    if (response) {
      store::Published result = published(response->headers, traits);
      TRY_ASSIGN(const CopyResult copied, read_copy_result(response->body, "CopyObjectResult"));
      result.etag = copied.etag;
      result.last_modified = copied.last_modified;
      TRY(check_copied(context, request.source, request.target, result.etag));
      return result;
    }
    if (is_taken(response.error(), request.precondition)) {
      TRY_ASSIGN(const store::ObjectMeta from, head_following(context, request.source.key));
      auto there = head_following(context, request.target);
      if (there && lost) {
        if (evidence_of_copy(from, request).proves(*there)) {
          return published(*there);
        }
      }
      if ((request.source.etag.empty() || from.etag == request.source.etag) &&
          is_unfounded(request.precondition, there, n)) {
        return to_be_repeated(std::move(response).error());
      }
      // One word for both conditions: it is the target's only if there is one.
      if (there && (request.source.etag.empty() || from.etag == request.source.etag)) {
        return as_promised(std::move(response).error(), request.precondition);
      }
    }
    lost = lost || may_have_worked(response.error());
    return std::move(response).error();
  };
  TRY_ASSIGN(store::Published result, client_.repeat(context, attempt));
  result.settings = settings;
  result.settings.origin = request.target;
  return result;
}

core::Result<store::Published> OssStore::put_symlink(const core::OpContext& context,
                                                     const model::ObjectKey& key,
                                                     const model::ObjectKey& target,
                                                     const store::ObjectAttributes& attributes,
                                                     const store::Precondition& precondition) {
  TRY(need_symlinks());
  TRY(check_key(key));
  TRY(check_key(target));
  Call call = client_.call(Operation::PutSymlink, "PUT", key.text());
  call.request.query.push_back({"symlink", std::nullopt});
  call.request.headers.add("x-oss-symlink-target", core::percent_encode(target.text(), true));
  TRY(add_user_meta(call.request.headers, client_.traits(), attributes.user));
  TRY_ASSIGN(const store::ObjectSettings settings,
             keeping_.complete(*this, context, attributes.settings, store::Carried::WithoutTags));
  add_acl(call.request.headers, client_.traits(), settings);
  add_precondition(call.request.headers, client_.traits(), precondition);
  bool lost = false;
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::Published> {
    call.attempt = n;
    auto response = client_.send_once(context, call, pause);
    if (response) {
      return published(response->headers, client_.traits());
    }
    if (response.error().kind == ErrorKind::Exists && lost) {
      const auto there = get_symlink(context, key);
      const store::Evidence ours{.size = target.text().size(), .user = attributes.user};
      if (there && there->target_key == target.text() && ours.allows(there->meta)) {
        return published(there->meta);
      }
    }
    lost = lost || may_have_worked(response.error());
    return std::move(response).error();
  };
  TRY_ASSIGN(store::Published result, client_.repeat(context, attempt));
  result.settings = settings;
  result.settings.origin = key;
  return result;
}

}  // namespace oss
