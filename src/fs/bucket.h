#pragma once
// What the bucket says about a name: pure questions, no memory but of where listing is forbidden.
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/mutex.h"
#include "fs/options.h"
#include "model/names.h"
#include "store/object_store.h"

namespace fs {

struct Found {
  bool directory = false;
  /// Of the object; of a directory: of its marker, if it has one.
  std::optional<store::ObjectMeta> meta;
  std::optional<std::string> symlink_key;  ///< of a Symlink object without our exact text
  model::KeyComponent component;
  bool listed = false;  ///< from a listing: `meta` has no more than that shows

  /// Its key behind that of the directory.
  [[nodiscard]] std::string key() const { return component.text + (directory ? "/" : ""); }
};

/// Threads: any; everything blocks up to context.deadline.
class Bucket {
 public:
  Bucket(const Options& options, const Parts& parts);

  /// What `name` is in the directory whose key prefix is `directory` and whose path is `path`: asks
  /// for the object and for anything below at the same time; a directory goes before an object.
  ///
  /// Without list rights only a marker or --assume-dirs shows a directory, and a key that answers
  /// 403 counts as absent: a name may be created then, but never over something (the publish
  /// demands absence).
  /// Errors: NotFound, also for names that are none.
  core::Result<Found> find(const core::OpContext& context, const std::string& directory,
                           const std::string& path, std::string_view name);

  /// The object alone. Errors: NotFound.
  core::Result<Found> object(const core::OpContext& context, const std::string& key,
                             model::KeyComponent component);
  using Done = std::function<void(core::Result<Found>)>;
  /// The same without waiting: `done` as of ObjectStore::start_head.
  /// Errors: any only says that object() has to be asked.
  void start_object(const core::OpContext& context, const std::string& key,
                    model::KeyComponent component, Done done);
  /// The directory alone, cheaply where its marker is expected. Errors: NotFound.
  core::Result<Found> directory(const core::OpContext& context, const std::string& key,
                                const std::string& path, bool expect_marker);
  /// A directory that a listing has just shown. Errors: never NotFound.
  core::Result<Found> listed_directory(const core::OpContext& context, const std::string& key);

  /// Is there nothing in the directory besides its marker?
  core::Result<bool> is_empty(const core::OpContext& context, const std::string& key);

  /// One of --assume-dirs, or on the way to one.
  [[nodiscard]] bool is_assumed(const std::string& path) const { return assumed_.contains(path); }
  /// The names of those in the directory at `path`.
  [[nodiscard]] std::set<std::string> assumed_in(const std::string& path) const;

 private:
  core::Result<model::KeyComponent> component_of(const core::OpContext& context,
                                                 const std::string& directory,
                                                 std::string_view name);
  /// Directory, with its marker's metadata where it has one.
  core::Result<Found> marker(const core::OpContext& context, const std::string& key);
  [[nodiscard]] bool listing_denied(const std::string& directory) const;
  void note_listing(const std::string& directory, bool denied);

  const Parts& parts_;
  std::set<std::string> assumed_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  /// Directories below which listing was refused, until when to believe that.
  std::map<std::string, core::SteadyTime> denied_ GUARDED_BY(mutex_);
};

}  // namespace fs
