#include "oss/oss_store.h"

#include <algorithm>
#include <unordered_set>

#include "core/digest.h"
#include "core/text.h"
#include "oss/documents.h"
#include "oss/headers.h"

namespace oss {
namespace {

using core::ErrorKind;

constexpr std::size_t kMaxKeyBytes = 1023;
constexpr std::size_t kMaxBatchKeys = 1000;
/// Below the service's 2 MB for the whole document.
constexpr std::size_t kMaxBatchBytes = 1'500'000;

bool is_service_code(const core::Error& error, std::string_view code) {
  return error.remote && error.remote->code == code;
}

/// Whether HEAD met a link: it answers for what that leads to.
bool is_link(const core::Result<store::ObjectMeta>& meta) {
  return meta ? meta->type == store::ObjectType::Symlink
              : is_service_code(meta.error(), "SymlinkTargetNotExist") ||
                    is_service_code(meta.error(), "InvalidTargetType");
}

}  // namespace

core::Status check_key(const model::ObjectKey& key) {
  if (key.empty()) {
    return core::fail(ErrorKind::InvalidArgument, "a key must not be empty");
  }
  if (key.text().size() > kMaxKeyBytes) {
    return core::fail(ErrorKind::NameTooLong, "a key of " + std::to_string(key.text().size()) +
                                                  " bytes; the service takes " +
                                                  std::to_string(kMaxKeyBytes));
  }
  return {};
}

OssStore::OssStore(const Options& options, const Surroundings& world)
    : client_(options, world), keeping_(settings_of(options.new_objects, client_.traits())) {}

core::Result<std::string> OssStore::get_document(const core::OpContext& context,
                                                 Operation operation, const model::ObjectKey& key,
                                                 std::string name) {
  TRY(check_key(key));
  Call call = client_.call(operation, "GET", key.text());
  call.request.query.push_back({std::move(name), std::nullopt});
  TRY_ASSIGN(http::Response response, client_.send(context, call));
  return std::move(response.body);
}

core::Result<store::Acl> OssStore::get_acl(const core::OpContext& context,
                                           const model::ObjectKey& key) {
  TRY_ASSIGN(const std::string text, get_document(context, Operation::GetObjectAcl, key, "acl"));
  auto acl = read_acl(text, client_.traits());
  return acl ? acl : std::move(acl).error().within("GetObjectAcl " + key.text());
}

core::Result<store::Tags> OssStore::get_tags(const core::OpContext& context,
                                             const model::ObjectKey& key) {
  TRY_ASSIGN(const std::string text,
             get_document(context, Operation::GetObjectTagging, key, "tagging"));
  auto tags = read_tags(text);
  return tags ? tags : std::move(tags).error().within("GetObjectTagging " + key.text());
}

core::Result<std::vector<store::KeptVersion>> OssStore::versions_before(
    const core::OpContext& context, const model::ObjectKey& key, const std::string& id,
    unsigned most) {
  TRY(check_key(key));
  Call call = client_.call(Operation::ListObjectVersions, "GET", "");
  call.subject = key.text();
  call.request.query = {{"versions", std::nullopt},         {"prefix", key.text()},
                        {"key-marker", key.text()},         {"version-id-marker", id},
                        {"max-keys", std::to_string(most)}, {"encoding-type", "url"}};
  TRY_ASSIGN(const http::Response response, client_.send(context, call));
  auto versions = read_versions(response.body, key.text(), client_.traits());
  return versions ? versions
                  : std::move(versions).error().within("ListObjectVersions " + key.text());
}

core::Status OssStore::need_symlinks() const {
  if (!capabilities().symlinks) {
    return core::fail(ErrorKind::Unsupported, "S3 has no symbolic links");
  }
  return {};
}

core::Result<store::ObjectMeta> OssStore::read_head(const model::ObjectKey& key,
                                                    const http::Response& response) const {
  const auto size = number_header(response.headers, "Content-Length");
  store::ObjectMeta meta = object_meta(response.headers, client_.traits(), key, size.value_or(0));
  if (!size || meta.etag.empty()) {
    return core::fail(ErrorKind::Protocol,
                      "HeadObject " + key.text() + ": neither size nor ETag can be told");
  }
  if (meta.size == 0 && meta.type != store::ObjectType::Symlink && meta.crc64.value_or(0) != 0) {
    // Some proxies give the length of what they send, which for HEAD is nothing.
    return core::fail(ErrorKind::Corrupt,
                      "HeadObject " + key.text() + ": its CRC-64 is not that of nothing");
  }
  return meta;
}

core::Result<store::ObjectMeta> OssStore::head_following(const core::OpContext& context,
                                                         const model::ObjectKey& key) {
  TRY(check_key(key));
  Call call = client_.call(Operation::HeadObject, "HEAD", key.text());
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::ObjectMeta> {
    call.attempt = n;
    TRY_ASSIGN(const http::Response response, client_.send_once(context, call, pause));
    return read_head(key, response);
  };
  return client_.repeat(context, attempt);
}

void OssStore::start_head(const core::OpContext& context, const model::ObjectKey& key,
                          HeadDone done) {
  if (auto good = check_key(key); !good) {
    done(std::move(good).error());
    return;
  }
  client_.start(context, client_.call(Operation::HeadObject, "HEAD", key.text()),
                [this, key, done = std::move(done)](core::Result<http::Response> response) {
                  auto meta = response
                                  ? read_head(key, *response)
                                  : core::Result<store::ObjectMeta>(std::move(response).error());
                  done(!is_link(meta) ? std::move(meta)
                                      : core::fail(ErrorKind::Unsupported,
                                                   "a link takes more than one request"));
                });
}

bool OssStore::is_unfounded(const store::Precondition& precondition,
                            const core::Result<store::ObjectMeta>& there, int n) const {
  using Kind = store::Precondition::Kind;
  const bool kept =
      precondition.kind == Kind::Absent
          ? !there && there.error().kind == ErrorKind::NotFound
          : precondition.kind == Kind::Matches && there && there->etag == precondition.etag;
  return kept && n + 1 < client_.options().retry.doubted;
}

core::Result<store::ObjectMeta> OssStore::head(const core::OpContext& context,
                                               const model::ObjectKey& key) {
  auto meta = head_following(context, key);
  if (!is_link(meta)) {
    return meta;
  }
  TRY_ASSIGN(store::SymlinkInfo info, get_symlink(context, key));
  return std::move(info.meta);
}

core::Result<store::SymlinkInfo> OssStore::get_symlink(const core::OpContext& context,
                                                       const model::ObjectKey& key) {
  TRY(need_symlinks());
  TRY(check_key(key));
  Call call = client_.call(Operation::GetSymlink, "GET", key.text());
  call.request.query.push_back({"symlink", std::nullopt});
  const auto attempt = [&](int n, core::Duration& pause) -> core::Result<store::SymlinkInfo> {
    call.attempt = n;
    TRY_ASSIGN(const http::Response response, client_.send_once(context, call, pause));
    const auto target = response.headers.get("x-oss-symlink-target");
    if (!target || target->empty()) {
      return core::fail(ErrorKind::Protocol, "GetSymlink " + key.text() + ": no target");
    }
    store::SymlinkInfo info;
    info.target_key = core::percent_decode(*target);
    info.meta = object_meta(response.headers, client_.traits(), key, info.target_key.size());
    info.meta.type = store::ObjectType::Symlink;
    return info;
  };
  return client_.repeat(context, attempt);
}

core::Status OssStore::remove(const core::OpContext& context, const model::ObjectKey& key) {
  TRY(check_key(key));
  const auto response =
      client_.send(context, client_.call(Operation::DeleteObject, "DELETE", key.text()));
  if (response || response.error().kind == ErrorKind::NotFound) {
    return {};
  }
  return response.error();
}

core::Status OssStore::remove_each(const core::OpContext& context,
                                   const std::vector<model::ObjectKey>& keys) {
  core::Status first;
  for (const model::ObjectKey& key : keys) {
    core::Status status = remove(context, key);
    if (first && !status) {
      first = std::move(status);
    }
  }
  return first;
}

bool OssStore::denied_to_batches(ErrorKind kind) const {
  return client_.traits().dialect == Dialect::S3 && kind == ErrorKind::Denied;
}

core::Status OssStore::remove_batch(const core::OpContext& context,
                                    const std::vector<model::ObjectKey>& keys) {
  if (keys.size() < 2 || batches_denied_) {
    return remove_each(context, keys);
  }
  const std::string body = write_delete(keys);
  Call call = client_.call(Operation::DeleteMultipleObjects, "POST", "");
  call.subject = keys.front().text() + " and others";
  call.request.query.push_back({"delete", std::nullopt});
  if (client_.traits().dialect == Dialect::Oss) {
    call.request.query.push_back({"encoding-type", "url"});
  }
  call.request.headers.set("Content-Type", "application/xml");
  call.request.headers.set("Content-MD5", core::base64(core::md5(body)));
  call.request.body = http::text_body(body);
  const auto response = client_.send(context, call);
  if (!response) {
    if (denied_to_batches(response.error().kind)) {
      batches_denied_ = true;
      return remove_each(context, keys);
    }
    return response.error();
  }
  if (core::trim(response->body).empty()) {
    return {};  // how some services say that all went well
  }
  auto result = read_delete_result(response->body, client_.traits());
  if (!result) {
    return std::move(result).error().within("DeleteMultipleObjects");
  }
  core::Status first;
  std::unordered_set<std::string> answered(result->deleted.begin(), result->deleted.end());
  for (const RefusedKey& refused : result->refused) {
    const ErrorKind kind = kind_of(refused.code, 500);
    if (denied_to_batches(kind)) {
      batches_denied_ = true;
      continue;  // to be asked for by name
    }
    answered.insert(refused.key);
    if (first && kind != ErrorKind::NotFound) {
      core::Error error = core::fail(kind, "DeleteMultipleObjects " + refused.key + ": " +
                                               refused.code + ": " + refused.message);
      const std::string id = client_.traits().header("request-id");
      error.remote = core::Remote{response->status, refused.code,
                                  std::string(response->headers.get(id).value_or("")), ""};
      first = std::move(error);
    }
  }
  // What the answer does not mention is asked for by name.
  std::vector<model::ObjectKey> rest;
  std::copy_if(keys.begin(), keys.end(), std::back_inserter(rest),
               [&](const model::ObjectKey& key) { return !answered.contains(key.text()); });
  core::Status others = remove_each(context, rest);
  return first ? others : first;
}

core::Status OssStore::remove_many(const core::OpContext& context,
                                   const std::vector<model::ObjectKey>& keys) {
  core::Status first;
  const auto note = [&first](core::Status status) {
    if (first && !status) {
      first = std::move(status);
    }
  };
  std::vector<model::ObjectKey> batch;
  std::vector<model::ObjectKey> single;
  std::size_t batch_bytes = 0;
  for (const model::ObjectKey& key : keys) {
    TRY(check_key(key));
    if (!fits_delete(key.text())) {
      single.push_back(key);
      continue;
    }
    batch.push_back(key);
    batch_bytes += key.text().size() * 6 + 40;  // every character may become "&quot;"
    if (batch.size() == kMaxBatchKeys || batch_bytes > kMaxBatchBytes) {
      note(remove_batch(context, std::exchange(batch, {})));
      batch_bytes = 0;
    }
  }
  note(remove_batch(context, batch));
  note(remove_each(context, single));
  return first;
}

core::Result<store::ObjectStore::Probe> OssStore::probe(const core::OpContext& context,
                                                        const std::string& prefix) {
  store::ListQuery query;
  query.prefix = prefix;
  query.max_keys = 1;
  const auto page = list(context, query);
  if (page) {
    return Probe{.may_list = true};
  }
  if (page.error().kind != ErrorKind::Denied) {
    return page.error();
  }
  // A role that may only get and put is good enough. "Not there" shows the right to look; where the
  // service hides even that, a part for an upload that does not exist shows the right to write.
  const model::ObjectKey nobody(prefix + ".stsfs-probe");
  auto looked = head(context, nobody);
  if (looked || looked.error().kind == ErrorKind::NotFound) {
    return Probe{.may_list = false};
  }
  if (looked.error().kind != ErrorKind::Denied) {
    return std::move(looked).error();
  }
  const auto wrote = upload_part(context, nobody, "0004B9894A22E5B1888A1E29F823FFFF", 1,
                                 store::text_source(""), {});
  if (!wrote && wrote.error().kind == ErrorKind::NoUpload) {
    return Probe{.may_list = false};
  }
  return page.error();
}

core::Result<std::unique_ptr<store::ObjectStore>> open_store(Options options,
                                                             const Surroundings& world) {
  const bool s3 = options.dialect == Dialect::S3;
  if (!is_bucket_name(options.bucket, options.dialect)) {
    return core::fail(ErrorKind::InvalidArgument,
                      "\"" + options.bucket + "\" is no bucket name: " +
                          std::string(bucket_name_rule(options.dialect)));
  }
  if (options.region.empty()) {
    options.region = region_of(options.endpoint.host).value_or(s3 ? kDefaultS3Region : "");
  }
  if (s3 && options.signing == Signing::V1) {
    return core::fail(ErrorKind::InvalidArgument, "S3 is signed with version 4 alone");
  }
  if (options.region.empty() && options.signing == Signing::V4) {
    return core::fail(ErrorKind::InvalidArgument,
                      "signature version 4 needs a region, and the endpoint does not tell one");
  }
  return std::unique_ptr<store::ObjectStore>(std::make_unique<OssStore>(options, world));
}

}  // namespace oss
