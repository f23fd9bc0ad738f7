#pragma once
// Between what the bucket tells and what a node is: defaults, metadata, what listings leave out.
#include "cache/listed_page.h"
#include "fs/bucket.h"
#include "fs/node.h"
#include "fs/options.h"

namespace fs {

/// What an object (or a directory, with or without a marker) is. `key` is its own.
Description describe(const Options& options, const std::string& key, const Found& found);

/// What a row of a listing tells for certain; none where an object has to be asked: with exact
/// attributes always, with plain ones for links, whose target no listing shows.
std::shared_ptr<const Found> found_in(const Options& options, const cache::ListedName& row);

/// What a new thing of ours begins as.
Attributes new_attributes(mode_t mode, uid_t uid, gid_t gid, core::WallTime now);

/// The same where attributes are plain; `type` as S_IFMT has it.
Attributes plain_attributes(const Options& options, mode_t type, core::WallTime now);

/// Whose times an object is to show.
enum class Times : std::uint8_t {
  Ours,        ///< as `about` says, with the object
  TheService,  ///< when it was published, as the service says: nothing is told of ours
};
/// What to store with the object under `key`: what `about` says, and for the rest what the object
/// has that it replaces or is copied from. A new one has the type that its name promises.
/// Errors: NoSpace: over 8 KiB together; InvalidArgument; Unsupported: extended attributes beside
///   those of another tool that are in no form that we know.
core::Result<store::ObjectAttributes> object_attributes(const Options& options,
                                                        const std::string& key,
                                                        const std::optional<Stored>& stored,
                                                        const Description& about,
                                                        Times times = Times::Ours);

/// What the bucket has of a thing that was found; nothing of a directory without a marker.
std::optional<Stored> stored_of(const std::string& key, const Found& found);

/// Is what was found, and is described as `about`, still the thing that the node stands for: of its
/// type, and of its version? Another has a node of its own.
bool is_same_thing(const Node& node, const Found& found, const Description& about);

/// Takes over what the bucket said of the same thing. Requires Mount::mutex, and that the node is
/// neither local nor claimed.
void update(Node& node, const std::string& key, const Found& found, Description about);

/// Would a look at the object show the same, but for its length and times, which are the service's?
bool is_all_stored(const Options& options, const Stored& stored, const Description& about);
/// Whether an object with these attributes shows when the service published it.
bool shows_service_times(const Options& options, const store::ObjectAttributes& attributes);

/// What our own publishing or copying made of a node: the object `key`, of `size` bytes. Requires
/// Mount::mutex.
void settle(Node& node, const Options& options, const std::string& key, std::uint64_t size,
            const store::Published& published, const store::ObjectAttributes& attributes,
            store::ObjectType type);

}  // namespace fs
