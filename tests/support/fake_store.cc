#include "support/fake_store.h"

#include <algorithm>
#include <limits>

#include "core/check.h"
#include "core/digest.h"
#include "core/format.h"

namespace test {
namespace {

using core::ErrorKind;

std::string etag_of(std::string_view content) { return core::upper_hex(core::md5(content)); }

core::Result<std::string> collect(const store::Source& source, model::ByteRange range) {
  std::string content(range.size(), '\0');
  std::size_t at = 0;
  while (at < content.size()) {
    TRY_ASSIGN(const std::size_t n,
               source.read(range.first + at, std::as_writable_bytes(std::span<char>(
                                                 content.data() + at, content.size() - at))));
    if (n == 0) {
      return core::fail(ErrorKind::Io, "the source is shorter than it said");
    }
    at += n;
  }
  return content;
}

void damage(std::string& content) {
  if (!content.empty()) {
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  }
}

/// As the service keeps what it was told.
store::ObjectSettings stored(std::optional<store::ObjectSettings> told) {
  store::ObjectSettings settings = std::move(told).value_or(store::ObjectSettings{});
  if (settings.storage_class.empty()) {
    settings.storage_class = "Standard";
  }
  settings.acl = std::move(settings.acl).value_or(store::Acl{});
  settings.tags = std::move(settings.tags).value_or(store::Tags{});
  settings.origin = {};
  return settings;
}

core::Error no_key(const model::ObjectKey& key) {
  return core::fail(ErrorKind::NotFound, "no object " + key.text());
}

}  // namespace

FakeStore::FakeStore(core::Clock& clock)
    : clock_(clock), keeping_(std::make_shared<store::Keeping>(store::ObjectSettings{})) {
  // OSS: links and exclusive creation, but no compare-and-swap.
  capabilities_.symlinks = true;
  capabilities_.create_exclusive = true;
  capabilities_.crc64 = true;
}

core::WallTime FakeStore::now() const {
  return core::wall_from_unix(core::unix_seconds(clock_.wall_now()));
}

FakeStore::Object FakeStore::plain(std::string content,
                                   const store::ObjectAttributes& attributes) const {
  Object object;
  object.meta.size = content.size();
  object.meta.etag = model::ETag(etag_of(content));
  object.meta.last_modified = now();
  object.meta.content_type = attributes.content_type;
  object.meta.content = attributes.content;
  object.meta.settings = stored(attributes.settings);
  object.meta.crc64 = core::crc64(core::as_bytes(content));
  object.meta.user = attributes.user;
  object.content = std::make_shared<const std::string>(std::move(content));
  return object;
}

FakeStore::Object FakeStore::link(const std::string& target,
                                  const store::ObjectAttributes& attributes) const {
  Object object;
  object.meta.size = target.size();
  object.meta.etag = model::ETag(etag_of(target));
  object.meta.last_modified = now();
  object.meta.type = store::ObjectType::Symlink;
  store::ObjectSettings settings;
  settings.acl = attributes.settings ? attributes.settings->acl : std::nullopt;
  object.meta.settings = stored(settings);
  object.meta.user = attributes.user;
  object.content = std::make_shared<const std::string>();
  object.target = target;
  return object;
}

store::Published FakeStore::insert(const std::string& key, Object object) {
  store::Published published;
  published.etag = object.meta.etag;
  published.crc64 = object.meta.crc64;
  published.last_modified = object.meta.last_modified;
  published.settings = object.meta.settings;
  published.settings.origin = model::ObjectKey(key);
  if (keeps_versions_) {
    std::vector<store::KeptVersion>& versions = versions_[key];
    published.version_id = core::format("v{}", versions.size());
    versions.push_back({published.version_id, false, published.etag, published.last_modified});
  }
  objects_.insert_or_assign(key, std::move(object));
  return published;
}

void FakeStore::keep_versions() {
  const core::MutexLock lock(mutex_);
  keeps_versions_ = true;
}

core::Status FakeStore::check(const std::string& key,
                              const store::Precondition& precondition) const {
  using Kind = store::Precondition::Kind;
  const auto at = objects_.find(key);
  if (precondition.kind == Kind::Absent && capabilities_.create_exclusive && at != objects_.end()) {
    return core::fail(ErrorKind::Exists, key + " exists");
  }
  if (precondition.kind == Kind::Matches && capabilities_.compare_and_swap &&
      (at == objects_.end() || at->second.meta.etag != precondition.etag)) {
    return core::fail(ErrorKind::Changed, key + " changed");
  }
  return {};
}

core::Result<FakeStore::Object> FakeStore::find(const model::ObjectKey& key,
                                                const model::ETag& etag, bool follow) const {
  auto at = objects_.find(key.text());
  if (at != objects_.end() && follow && at->second.meta.type == store::ObjectType::Symlink) {
    at = objects_.find(at->second.target);
  }
  if (at == objects_.end()) {
    return no_key(key);
  }
  if (!etag.empty() && at->second.meta.etag != etag) {
    return core::fail(ErrorKind::Changed, key.text() + " changed");
  }
  return at->second;
}

// ---- the bucket as somebody else sees it

model::ObjectVersion FakeStore::set(const std::string& key, std::string content,
                                    const store::ObjectAttributes& attributes) {
  Object object = plain(std::move(content), attributes);
  const core::MutexLock lock(mutex_);
  model::ObjectVersion version;
  version.key = model::ObjectKey(key);
  version.size = object.meta.size;
  version.etag = insert(key, std::move(object)).etag;
  return version;
}

void FakeStore::set_appendable(const std::string& key, std::string content) {
  set(key, std::move(content));
  const core::MutexLock lock(mutex_);
  objects_.at(key).meta.type = store::ObjectType::Appendable;
}

void FakeStore::set_symlink(const std::string& key, const std::string& target) {
  Object object = link(target, {});
  const core::MutexLock lock(mutex_);
  insert(key, std::move(object));
}

void FakeStore::erase(const std::string& key) {
  const core::MutexLock lock(mutex_);
  objects_.erase(key);
}

std::optional<std::string> FakeStore::content(const std::string& key) const {
  const core::MutexLock lock(mutex_);
  const auto at = objects_.find(key);
  return at == objects_.end() ? std::nullopt : std::optional(*at->second.content);
}

std::optional<store::ObjectMeta> FakeStore::meta(const std::string& key) const {
  const core::MutexLock lock(mutex_);
  const auto at = objects_.find(key);
  return at == objects_.end() ? std::nullopt : std::optional(at->second.meta);
}

model::ObjectVersion FakeStore::version(const std::string& key) const {
  const auto found = meta(key);
  CORE_CHECK(found.has_value());
  model::ObjectVersion version;
  version.key = model::ObjectKey(key);
  version.etag = found->etag;
  version.size = found->size;
  return version;
}

std::vector<std::string> FakeStore::keys() const {
  const core::MutexLock lock(mutex_);
  std::vector<std::string> keys;
  for (const auto& [key, object] : objects_) {
    keys.push_back(key);
  }
  return keys;
}

std::size_t FakeStore::open_uploads() const {
  const core::MutexLock lock(mutex_);
  return uploads_.size();
}

void FakeStore::drop_uploads() {
  const core::MutexLock lock(mutex_);
  uploads_.clear();
}

void FakeStore::set_capabilities(const store::Capabilities& capabilities) {
  const core::MutexLock lock(mutex_);
  capabilities_ = capabilities;
}

void FakeStore::set_chunk_bytes(std::size_t bytes) {
  const core::MutexLock lock(mutex_);
  chunk_bytes_ = bytes;
}

// ---- store::ObjectStore

store::Capabilities FakeStore::capabilities() const {
  const core::MutexLock lock(mutex_);
  return capabilities_;
}

core::Result<store::ObjectMeta> FakeStore::head(const core::OpContext& context,
                                                const model::ObjectKey& key) {
  const Running running(*this, Op::Head);
  const auto effects = arrive({Op::Head, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY(lost_answer(effects));
  const core::MutexLock lock(mutex_);
  TRY_ASSIGN(const Object object, find(key, {}, false));
  return told(key, object, now());
}

void FakeStore::start_head(const core::OpContext& context, const model::ObjectKey& key,
                           HeadDone done) {
  network_.post([this, context, key, done = std::move(done)] { done(head(context, key)); });
}

store::ObjectMeta FakeStore::told(const model::ObjectKey& key, const Object& object,
                                  core::WallTime now) {
  store::ObjectMeta meta = object.meta;
  meta.settings.acl.reset();
  if (!meta.settings.tags->empty()) {
    meta.settings.tags.reset();
  }
  meta.settings.origin = key;
  meta.served_at = now;
  return meta;
}

core::Result<store::Acl> FakeStore::get_acl(const core::OpContext& context,
                                            const model::ObjectKey& key) {
  const Running running(*this, Op::GetAcl);
  const auto effects = arrive({Op::GetAcl, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY(lost_answer(effects));
  const core::MutexLock lock(mutex_);
  TRY_ASSIGN(const Object object, find(key, {}, false));
  return *object.meta.settings.acl;
}

core::Result<store::Tags> FakeStore::get_tags(const core::OpContext& context,
                                              const model::ObjectKey& key) {
  const Running running(*this, Op::GetTags);
  const auto effects = arrive({Op::GetTags, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY(lost_answer(effects));
  const core::MutexLock lock(mutex_);
  TRY_ASSIGN(const Object object, find(key, {}, false));
  return *object.meta.settings.tags;
}

core::Result<std::vector<store::KeptVersion>> FakeStore::versions_before(
    const core::OpContext& context, const model::ObjectKey& key, const std::string& id,
    unsigned most) {
  const Running running(*this, Op::Versions);
  const auto effects = arrive({Op::Versions, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  const core::MutexLock lock(mutex_);
  std::vector<store::KeptVersion> before;
  for (const store::KeptVersion& version : versions_[key.text()]) {
    if (version.id == id) {
      break;
    }
    before.insert(before.begin(), version);
  }
  before.resize(std::min<std::size_t>(before.size(), most));
  return before;
}

core::Result<store::ObjectSettings> FakeStore::complete_settings(
    const core::OpContext& context, const std::optional<store::ObjectSettings>& given) {
  return complete(context, given, store::Carried::All);
}

core::Result<store::ObjectSettings> FakeStore::complete(
    const core::OpContext& context, const std::optional<store::ObjectSettings>& given,
    store::Carried carried) {
  std::shared_ptr<store::Keeping> keeping;
  {
    const core::MutexLock lock(mutex_);
    keeping = keeping_;
  }
  return keeping->complete(*this, context, given, carried);
}

void FakeStore::keep_new_as(const store::ObjectSettings& settings) {
  const core::MutexLock lock(mutex_);
  keeping_ = std::make_shared<store::Keeping>(settings);
}

void FakeStore::start_read(const core::OpContext& context, const model::ObjectVersion& version,
                           model::ByteRange range, std::shared_ptr<store::Sink> sink,
                           ReadDone done) {
  network_.post([this, context, version, range, sink = std::move(sink), done = std::move(done)] {
    done(read(context, version, range, *sink), false);
  });
}

core::Result<store::ObjectMeta> FakeStore::read(const core::OpContext& context,
                                                const model::ObjectVersion& version,
                                                model::ByteRange range, store::Sink& sink) {
  const Running running(*this, Op::Read);
  const auto effects = arrive({Op::Read, version.key.text(), range, 0, context.cause});
  auto effect = effects.begin();
  // What is to happen before the first byte may change what we find.
  TRY(apply_all(context, {}));
  for (; effect != effects.end() && effect->after_bytes == 0 && !effect->after_effect; ++effect) {
    TRY(apply(context, *effect));
  }
  Object object;
  std::size_t chunk = 0;
  {
    const core::MutexLock lock(mutex_);
    TRY_ASSIGN(object, find(version.key, version.etag, true));
    chunk = chunk_bytes_;
  }
  if (range.first >= object.meta.size) {
    return core::fail(ErrorKind::OutOfRange,
                      core::format("{} ends before byte {}", version.key.text(), range.first));
  }
  if (range.empty()) {
    return core::fail(ErrorKind::InvalidArgument, "empty range");
  }
  std::string body =
      object.content->substr(range.first, std::min(range.last, object.meta.size) - range.first);
  for (const Effect& e : effects) {
    if (e.corrupts && e.after_bytes < body.size()) {
      body[e.after_bytes] = static_cast<char>(body[e.after_bytes] ^ 1);
    }
  }
  const store::ObjectMeta meta = told(version.key, object, now());
  sink.on_meta(meta);
  for (std::size_t at = 0; at < body.size();) {
    if (context.stopped()) {
      return core::fail(ErrorKind::Cancelled, "stopped");
    }
    std::size_t end = std::min(body.size(), at + chunk);
    if (effect != effects.end() && effect->after_bytes > at) {
      end = std::min<std::size_t>(end, effect->after_bytes);
    }
    {
      const core::MutexLock lock(mutex_);
      bytes_read_ += end - at;  // before whoever waits for these bytes can look
    }
    TRY(sink.on_data(core::as_bytes(std::string_view(body).substr(at, end - at))));
    at = end;
    for (; effect != effects.end() && effect->after_bytes <= at && !effect->after_effect;
         ++effect) {
      TRY(apply(context, *effect));
    }
  }
  TRY(lost_answer(effects));
  return meta;
}

bool FakeStore::corrupts(const std::vector<Effect>& effects) {
  return std::any_of(effects.begin(), effects.end(), [](const Effect& e) { return e.corrupts; });
}

core::Result<store::Published> FakeStore::put(const core::OpContext& context,
                                              const model::ObjectKey& key,
                                              std::shared_ptr<const store::Source> source,
                                              const store::ObjectAttributes& attributes,
                                              const store::Precondition& precondition) {
  const Running running(*this, Op::Put);
  const auto effects = arrive({Op::Put, key.text(), {0, source->size()}, 0, context.cause});
  TRY(apply_all(context, effects));
  if (source->size() > capabilities().max_put_bytes) {
    return core::fail(ErrorKind::TooLarge, "too large for one request");
  }
  TRY_ASSIGN(std::string content, collect(*source, {0, source->size()}));
  if (corrupts(effects)) {
    damage(content);
  }
  store::ObjectAttributes made = attributes;
  TRY_ASSIGN(made.settings, complete_settings(context, attributes.settings));
  Object object = plain(std::move(content), made);
  const core::MutexLock lock(mutex_);
  TRY(check(key.text(), precondition));
  auto published = insert(key.text(), std::move(object));
  TRY(lost_answer(effects));
  return published;
}

core::Result<store::Published> FakeStore::append(const core::OpContext& context,
                                                 const model::ObjectKey& key, const Tail& tail) {
  const Running running(*this, Op::Append);
  const auto effects = arrive({Op::Append, key.text(), tail.range, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY_ASSIGN(const std::string more, collect(*tail.source, tail.range));
  const core::MutexLock lock(mutex_);
  const auto at = objects_.find(key.text());
  if (at == objects_.end() || at->second.content->size() != tail.position) {
    return core::fail(ErrorKind::Changed, key.text() + " has another length");
  }
  if (at->second.meta.type != store::ObjectType::Appendable) {
    return core::fail(ErrorKind::Unsupported, key.text() + " is not appendable");
  }
  const store::ObjectMeta before = at->second.meta;
  store::ObjectAttributes attributes{before.content_type, before.user, before.content,
                                     before.settings};
  Object object = plain(*at->second.content + more, attributes);
  object.meta.type = store::ObjectType::Appendable;
  auto published = insert(key.text(), std::move(object));
  published.type = store::ObjectType::Appendable;
  TRY(lost_answer(effects));
  return published;
}

core::Result<store::Published> FakeStore::copy(const core::OpContext& context,
                                               const store::CopyRequest& request) {
  const Running running(*this, Op::Copy);
  const auto effects =
      arrive({Op::Copy, request.target.text(), {0, request.source.size}, 0, context.cause});
  TRY(apply_all(context, effects));
  auto given =
      request.replace && request.replace->settings ? request.replace->settings : request.settings;
  if (!given) {
    const core::MutexLock lock(mutex_);
    TRY_ASSIGN(const Object from, find(request.source.key, {}, false));
    given = told(request.source.key, from, now()).settings;
  }
  TRY_ASSIGN(store::ObjectSettings settings, complete(context, given, store::Carried::WithoutTags));
  const core::MutexLock lock(mutex_);
  TRY_ASSIGN(Object object, find(request.source.key, request.source.etag, false));
  if (object.meta.size > capabilities_.max_copy_bytes) {
    return core::fail(ErrorKind::TooLarge, "too large for one request");
  }
  TRY(check(request.target.text(), request.precondition));
  object.meta.last_modified = now();
  if (object.meta.type != store::ObjectType::Symlink) {
    object.meta.type = store::ObjectType::Normal;
    object.meta.etag = model::ETag(etag_of(*object.content));
  }
  settings.tags = object.meta.settings.tags;  // which the service copies by itself
  object.meta.settings = stored(settings);
  if (request.replace) {
    object.meta.content_type = request.replace->content_type;
    object.meta.content = request.replace->content;
    object.meta.user = request.replace->user;
  }
  auto published = insert(request.target.text(), std::move(object));
  TRY(lost_answer(effects));
  return published;
}

core::Status FakeStore::remove(const core::OpContext& context, const model::ObjectKey& key) {
  const Running running(*this, Op::Remove);
  const auto effects = arrive({Op::Remove, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  erase(key.text());
  return lost_answer(effects);
}

core::Status FakeStore::remove_many(const core::OpContext& context,
                                    const std::vector<model::ObjectKey>& keys) {
  constexpr std::size_t kBatch = 1000;
  const Running running(*this, Op::RemoveMany);
  core::Status first;
  for (std::size_t at = 0; at < keys.size(); at += kBatch) {
    const auto effects = arrive({Op::RemoveMany, keys[at].text(), {}, 0, context.cause});
    core::Status status = apply_all(context, effects);
    if (status) {
      for (std::size_t i = at; i < std::min(keys.size(), at + kBatch); ++i) {
        erase(keys[i].text());
      }
      status = lost_answer(effects);
    }
    if (first && !status) {
      first = status;
    }
  }
  return first;
}

core::Result<store::Published> FakeStore::put_symlink(const core::OpContext& context,
                                                      const model::ObjectKey& key,
                                                      const model::ObjectKey& target,
                                                      const store::ObjectAttributes& attributes,
                                                      const store::Precondition& precondition) {
  const Running running(*this, Op::PutSymlink);
  const auto effects = arrive({Op::PutSymlink, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  if (!capabilities().symlinks) {
    return core::fail(ErrorKind::Unsupported, "no symlinks in this dialect");
  }
  store::ObjectAttributes made = attributes;
  TRY_ASSIGN(made.settings, complete(context, attributes.settings, store::Carried::WithoutTags));
  Object object = link(target.text(), made);
  const core::MutexLock lock(mutex_);
  TRY(check(key.text(), precondition));
  auto published = insert(key.text(), std::move(object));
  TRY(lost_answer(effects));
  return published;
}

core::Result<store::SymlinkInfo> FakeStore::get_symlink(const core::OpContext& context,
                                                        const model::ObjectKey& key) {
  const Running running(*this, Op::GetSymlink);
  const auto effects = arrive({Op::GetSymlink, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY(lost_answer(effects));
  const core::MutexLock lock(mutex_);
  TRY_ASSIGN(const Object object, find(key, {}, false));
  if (object.meta.type != store::ObjectType::Symlink) {
    return core::fail(ErrorKind::InvalidArgument, key.text() + " is no symlink");
  }
  store::SymlinkInfo info;
  info.target_key = object.target;
  info.meta = told(key, object, now());
  return info;
}

core::Result<store::ObjectStore::Probe> FakeStore::probe(const core::OpContext& context,
                                                         const std::string& prefix) {
  const Running running(*this, Op::Probe);
  const auto effects = arrive({Op::Probe, prefix, {}, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY(lost_answer(effects));
  return Probe{};
}

core::Result<store::SignedUrl> FakeStore::presign(const core::OpContext& context,
                                                  const store::UrlRequest& request) {
  TRY(apply_all(context, {}));
  TRY(store::check_url_request(request));
  store::SignedUrl signed_url;
  signed_url.url =
      core::format("fake://{}/{}?for={}", to_string(request.method), request.key.text(),
                   std::chrono::duration_cast<std::chrono::seconds>(request.lifetime).count());
  signed_url.expires = clock_.wall_now() + request.lifetime;
  signed_url.headers = request.headers;
  return signed_url;
}

}  // namespace test
