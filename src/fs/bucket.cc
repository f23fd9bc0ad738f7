#include "fs/bucket.h"

#include <utility>

#include "core/task_group.h"
#include "core/text.h"

namespace fs {
namespace {

using core::ErrorKind;

constexpr core::Duration kDenialLasts = std::chrono::seconds{60};
constexpr std::size_t kMostDenials = 10'000;
// How far to look for a name that only a listing can resolve.
constexpr int kMostPages = 100;

bool is(const core::Error& error, ErrorKind kind) { return error.kind == kind; }

/// Without list rights, some services answer 403 for what does not exist.
bool maybe_absent(const core::Error& error) {
  return is(error, ErrorKind::NotFound) || is(error, ErrorKind::Denied);
}

core::Error not_found(std::string_view name) {
  return core::fail(ErrorKind::NotFound, "no " + core::percent_encode(name, true));
}

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + '/' + std::string(name);
}

}  // namespace

Bucket::Bucket(const Options& options, const Parts& parts) : parts_(parts) {
  for (const std::string& path : options.assumed_directories) {
    std::string way;
    for (const std::string_view name : core::split(path, '/')) {
      if (!name.empty()) {
        way = joined(way, name);
        assumed_.insert(way);
      }
    }
  }
}

std::set<std::string> Bucket::assumed_in(const std::string& path) const {
  std::set<std::string> names;
  const std::string start = path.empty() ? "" : path + '/';
  for (auto at = assumed_.lower_bound(start); at != assumed_.end() && at->starts_with(start);
       ++at) {
    const std::string rest = at->substr(start.size());
    if (!rest.empty() && rest.find('/') == std::string::npos) {
      names.insert(rest);
    }
  }
  return names;
}

bool Bucket::listing_denied(const std::string& directory) const {
  const core::MutexLock lock(mutex_);
  const auto at = denied_.find(directory);
  return at != denied_.end() && at->second > parts_.clock.steady_now();
}

void Bucket::note_listing(const std::string& directory, bool denied) {
  const core::MutexLock lock(mutex_);
  if (!denied) {
    denied_.erase(directory);
    return;
  }
  if (denied_.size() >= kMostDenials) {
    denied_.clear();
  }
  denied_[directory] = parts_.clock.steady_now() + kDenialLasts;
}

core::Result<model::KeyComponent> Bucket::component_of(const core::OpContext& context,
                                                       const std::string& directory,
                                                       std::string_view name) {
  auto parsed = model::parse_file_name(name);
  if (!parsed) {
    return is(parsed.error(), ErrorKind::NameTooLong) ? parsed.error() : not_found(name);
  }
  if (const auto* component = std::get_if<model::KeyComponent>(&*parsed)) {
    return *component;
  }
  const auto& wanted = std::get<model::LongName>(*parsed);
  store::ListQuery query;
  query.prefix = directory + wanted.head;
  query.delimiter = "/";
  for (int page = 0; page < kMostPages; ++page) {
    TRY_ASSIGN(const store::ListPage listed, parts_.store.list(context, query));
    for (const bool beside : {false, true}) {
      for (const store::ListedObject& object : listed.objects) {
        model::KeyComponent component{object.key.text().substr(directory.size()), beside};
        if (model::file_name(component) == name) {
          return component;
        }
      }
      for (const std::string& prefix : listed.common_prefixes) {
        model::KeyComponent component{
            prefix.substr(directory.size(), prefix.size() - directory.size() - 1), beside};
        if (model::file_name(component) == name) {
          return component;
        }
      }
    }
    if (listed.next_token.empty()) {
      break;
    }
    query.continuation_token = listed.next_token;
  }
  return not_found(name);
}

core::Result<Found> Bucket::object(const core::OpContext& context, const std::string& key,
                                   model::KeyComponent component) {
  TRY_ASSIGN(store::ObjectMeta meta, parts_.store.head(context, model::ObjectKey(key)));
  Found found;
  found.component = std::move(component);
  if (meta.type == store::ObjectType::Symlink && !meta.user.contains("symlink-target")) {
    TRY_ASSIGN(store::SymlinkInfo link, parts_.store.get_symlink(context, model::ObjectKey(key)));
    found.symlink_key = std::move(link.target_key);
  }
  found.meta = std::move(meta);
  return found;
}

void Bucket::start_object(const core::OpContext& context, const std::string& key,
                          model::KeyComponent component, Done done) {
  parts_.store.start_head(context, model::ObjectKey(key),
                          [component = std::move(component),
                           done = std::move(done)](core::Result<store::ObjectMeta> meta) mutable {
                            if (!meta) {
                              done(std::move(meta).error());
                              return;
                            }
                            Found found;
                            found.component = std::move(component);
                            found.meta = *std::move(meta);
                            done(std::move(found));
                          });
}

core::Result<Found> Bucket::marker(const core::OpContext& context, const std::string& key) {
  TRY_ASSIGN(store::ObjectMeta meta, parts_.store.head(context, model::ObjectKey(key)));
  Found found;
  found.directory = true;
  found.meta = std::move(meta);
  return found;
}

core::Result<Found> Bucket::listed_directory(const core::OpContext& context,
                                             const std::string& key) {
  auto found = marker(context, key);
  if (found || !maybe_absent(found.error())) {
    return found;
  }
  Found bare;
  bare.directory = true;
  return bare;
}

core::Result<Found> Bucket::directory(const core::OpContext& context, const std::string& key,
                                      const std::string& path, bool expect_marker) {
  Found bare;
  bare.directory = true;
  if (expect_marker || is_assumed(path) || listing_denied(key)) {
    auto found = marker(context, key);
    if (found || !maybe_absent(found.error())) {
      return found;
    }
    if (is_assumed(path)) {
      return bare;
    }
    if (listing_denied(key)) {
      return not_found(path);
    }
  }
  store::ListQuery query;
  query.prefix = key;
  query.max_keys = 1;
  const auto page = parts_.store.list(context, query);
  if (!page) {
    if (is(page.error(), ErrorKind::Denied)) {
      note_listing(key, true);
      return directory(context, key, path, true);
    }
    return page.error();
  }
  if (page->objects.empty()) {
    return not_found(path);
  }
  if (page->objects.front().key.text() != key) {
    return bare;
  }
  auto found = marker(context, key);
  return found || !maybe_absent(found.error()) ? found : core::Result<Found>(bare);
}

core::Result<Found> Bucket::find(const core::OpContext& context, const std::string& directory_key,
                                 const std::string& path, std::string_view name) {
  TRY_ASSIGN(const model::KeyComponent component, component_of(context, directory_key, name));
  const std::string key = directory_key + component.text;
  if (component.text.empty() && component.beside_directory) {
    // What the marker of the directory itself holds.
    TRY_ASSIGN(Found found, object(context, key, component));
    return found.meta->size > 0 ? core::Result<Found>(std::move(found)) : not_found(name);
  }
  if (key.size() > model::kMaxKeyBytes) {
    return core::fail(ErrorKind::NameTooLong, "a key of more than 1023 bytes");
  }
  // An empty component is only ever a directory: as an object it is the marker of the one above.
  core::Result<Found> beside = not_found(name);
  core::TaskGroup group(parts_.pool, context, 1);
  if (!component.text.empty()) {
    group.start([&](const core::OpContext& own) -> core::Status {
      beside = object(own, key, component);
      return {};
    });
  }
  auto below = directory(context, key + '/', joined(path, name), false);
  TRY(group.wait());
  if (below) {
    if (component.beside_directory) {
      return beside;
    }
    below->component = component;
    return below;
  }
  if (!is(below.error(), ErrorKind::NotFound)) {
    return std::move(below).error();
  }
  if (component.beside_directory) {
    return not_found(name);
  }
  if (!beside && is(beside.error(), ErrorKind::Denied) && listing_denied(key + '/')) {
    return not_found(name);
  }
  return beside;
}

core::Result<bool> Bucket::is_empty(const core::OpContext& context, const std::string& key) {
  store::ListQuery query;
  query.prefix = key;
  query.max_keys = 2;
  TRY_ASSIGN(const store::ListPage page, parts_.store.list(context, query));
  for (const store::ListedObject& object : page.objects) {
    if (object.key.text() != key || object.size > 0) {
      return false;
    }
  }
  return true;
}

}  // namespace fs
