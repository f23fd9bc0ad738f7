#include "store/keeping.h"

#include <utility>

#include "core/log.h"
#include "store/object_store.h"

namespace store {
namespace {

using core::ErrorKind;

/// There is no object to keep anything of, or the service has no such thing.
bool has_none(ErrorKind kind) {
  return kind == ErrorKind::NotFound || kind == ErrorKind::Unsupported ||
         kind == ErrorKind::NotPermitted;
}

ObjectSettings complete_for_new(ObjectSettings settings) {
  settings.acl = std::move(settings.acl).value_or(Acl{});
  settings.tags = std::move(settings.tags).value_or(Tags{});
  return settings;
}

}  // namespace

Keeping::Keeping(ObjectSettings for_new) : for_new_(complete_for_new(std::move(for_new))) {}

core::Result<Acl> Keeping::acl_of(ObjectStore& store, const core::OpContext& context,
                                  const model::ObjectKey& key) {
  auto acl = store.get_acl(context, key);
  if (acl) {
    return acl;
  }
  if (acl.error().kind == ErrorKind::Denied) {
    if (!told_.exchange(true)) {
      core::log(core::LogLevel::Warn,
                "the ACL of an object may not be read: objects that are edited get the bucket's",
                {{"key", key.text()}, {"error", core::describe(acl.error())}});
    }
    return Acl{};
  }
  return has_none(acl.error().kind) ? core::Result<Acl>(Acl{}) : std::move(acl).error();
}

core::Result<ObjectSettings> Keeping::complete(ObjectStore& store, const core::OpContext& context,
                                               const std::optional<ObjectSettings>& given,
                                               Carried carried) {
  if (!given) {
    return for_new_;
  }
  ObjectSettings settings = *given;
  if (!settings.acl) {
    TRY_ASSIGN(settings.acl, acl_of(store, context, settings.origin));
  }
  if (!settings.tags && carried == Carried::All) {
    auto tags = store.get_tags(context, settings.origin);
    if (!tags && !has_none(tags.error().kind)) {
      core::Error error = std::move(tags).error();
      return error.kind == ErrorKind::Denied
                 ? std::move(error).within("its tags would be lost, for they may not be read")
                 : error;
    }
    settings.tags = tags ? *std::move(tags) : Tags{};
  }
  return settings;
}

}  // namespace store
