// What the doctor asks of a bucket.
#include <string_view>

#include "app/doctor.h"

namespace app {
namespace {

using core::ErrorKind;

/// A guard must hold: the request has to fail with `kind`.
template <class T>
core::Status must_refuse(const core::Result<T>& result, ErrorKind kind) {
  if (result) {
    return core::fail(ErrorKind::Unsupported, "the service did it in spite of the condition");
  }
  return result.error().kind == kind ? core::Status() : core::Status(result.error());
}

template <class T>
core::Status status_of(const core::Result<T>& result) {
  return result ? core::Status() : core::Status(result.error());
}

/// What the service must answer to what names nothing that exists.
template <class T>
core::Status must_miss(const core::Result<T>& result, ErrorKind kind) {
  return result || result.error().kind == kind ? core::Status() : core::Status(result.error());
}

/// No service gives an upload such an id.
constexpr const char* kNoUpload = "0004B9894A22E5B1888A1E29F823FFFF";

class Nothing final : public store::Sink {
 public:
  core::Status on_data(core::ByteView /*data*/) override { return {}; }
};

/// A write for trial, which must be removed again.
class Trial {
 public:
  Trial(const core::OpContext& context, store::ObjectStore& store, const std::string& key)
      : context_(context), store_(store), key_(key), copy_(key + ".copy") {}

  void run(RightsFound& found) {
    const auto put = store_.put(context_, key_, store::text_source(kText), {}, {});
    found.put = status_of(put);
    if (!put) {
      return;
    }
    made_.push_back(key_);
    // Conclusive, where a missing object may be hidden from who may not list, or shown to who may.
    found.read = status_of(store_.head(context_, key_));
    found.looks_first = !store_.capabilities().create_exclusive;
    found.versioned = !put->version_id.empty() && put->version_id != "null";
    if (found.versioned) {
      // Without an ETag, which would do instead.
      Nothing nothing;
      const model::ObjectVersion made{key_, {}, std::string_view(kText).size(), put->version_id};
      found.version = status_of(store_.read(context_, made, {0, 1}, nothing));
    }
    if (!found.looks_first) {
      found.guarded_put = must_refuse(
          store_.put(context_, key_, store::text_source(kOther), {}, absent_), ErrorKind::Exists);
      if (*found.abort) {  // else the upload would stay
        join(found);
      }
    }
    copies(found, put->etag);
    for (const model::ObjectKey& key : made_) {
      if (core::Status removed = store_.remove(context_, key); !removed) {
        found.remove = std::move(removed);
        found.left.push_back(key.text());
      }
    }
  }

 private:
  static constexpr const char* kText = "stsfs doctor: may be deleted\n";
  static constexpr const char* kOther = "stsfs doctor: may be deleted, and differs\n";

  void join(RightsFound& found) {
    const auto id = store_.start_upload(context_, key_, {});
    if (!id) {
      found.guarded_join = id.error();
      return;
    }
    const auto part = store_.upload_part(context_, key_, *id, 1, store::text_source(kOther),
                                         {0, std::string_view(kOther).size()});
    if (!part) {
      found.guarded_join = part.error();
    } else {
      found.guarded_join = must_refuse(
          store_.complete_upload(context_, key_, *id, {*part}, absent_), ErrorKind::Exists);
    }
    // Also after a completion that was refused; where it was not, there is nothing to end.
    if (core::Status aborted = store_.abort_upload(context_, key_, *id);
        !aborted && aborted.error().kind != ErrorKind::NoUpload) {
      found.abort = std::move(aborted);
    }
  }

  void copies(RightsFound& found, const model::ETag& etag) {
    store::CopyRequest request;
    request.source.key = key_;
    request.source.etag = model::ETag("00000000000000000000000000000000");
    request.source.size = std::string_view(kText).size();
    request.target = copy_;
    request.settings.emplace();  // those of an object that was made a moment ago
    request.settings->acl.emplace();
    const auto wrong = store_.copy(context_, request);
    if (wrong) {
      made_.push_back(copy_);
    }
    found.guarded_copy = must_refuse(wrong, ErrorKind::Changed);
    // Where a guard did not hold, another content has taken its place.
    const bool ours =
        (!found.guarded_put || *found.guarded_put) && (!found.guarded_join || *found.guarded_join);
    request.source.etag = ours ? etag : model::ETag();
    const auto right = store_.copy(context_, request);
    found.copy = status_of(right);
    if (right && !wrong) {
      made_.push_back(copy_);
    }
  }

  const core::OpContext& context_;
  store::ObjectStore& store_;
  const model::ObjectKey key_;
  const model::ObjectKey copy_;
  const store::Precondition absent_{store::Precondition::Kind::Absent, {}};
  std::vector<model::ObjectKey> made_;
};

}  // namespace

RightsFound probe_rights(const core::OpContext& context, store::ObjectStore& store,
                         const std::string& prefix, const std::string& name, bool read_only) {
  RightsFound found;
  store::ListQuery query;
  query.prefix = prefix;
  query.max_keys = 1;
  found.list = status_of(store.list(context, query));
  const auto kind = [&] { return *found.list ? ErrorKind::Internal : found.list->error().kind; };
  if (!*found.list && kind() != ErrorKind::Denied) {
    return found;  // no bucket, no key, no service: nothing else would tell more
  }
  const auto read = store.head(context, model::ObjectKey(prefix + name));
  found.read = read || read.error().kind == ErrorKind::NotFound ? core::Status()
                                                                : core::Status(read.error());
  if (read_only) {
    return found;
  }
  const model::ObjectKey nobody(prefix + name);
  found.write =
      must_miss(store.upload_part(context, nobody, kNoUpload, 1, store::text_source(""), {}),
                ErrorKind::NoUpload);
  found.abort = must_miss(store.abort_upload(context, nobody, kNoUpload), ErrorKind::NoUpload);
  found.remove = store.remove(context, nobody);
  if (*found.write && *found.remove) {
    Trial(context, store, prefix + name).run(found);
  }
  return found;
}

}  // namespace app
