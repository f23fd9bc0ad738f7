#pragma once
// Between what the bucket tells and what a node is: defaults, metadata, what listings leave out.
#include "cache/metadata_cache.h"
#include "fs/bucket.h"
#include "fs/file_system.h"
#include "fs/node.h"

namespace fs {

/// What an object (or a directory, with or without a marker) is, exactly.
Description describe(const Options& options, const Found& found);
Stored stored_of(const std::string& key, const store::ObjectMeta& meta);

/// The same of a row of a listing: default owner and mode.
Description describe(const Options& options, const cache::ListedName& row);
/// What a new thing of ours begins as.
Attributes new_attributes(mode_t mode, uid_t uid, gid_t gid, core::WallTime now);

/// What to store with the object under `key`: what `about` says, and for the rest what the object
/// has that it replaces or is copied from. A new one has the type that its name promises.
/// Errors: NoSpace: over 8 KiB together; InvalidArgument; Unsupported: extended attributes beside
///   those of another tool that are in no form that we know.
core::Result<store::ObjectAttributes> object_attributes(const Options& options,
                                                        const std::string& key,
                                                        const std::optional<Stored>& stored,
                                                        const Description& about);

/// Is what `found` says still a thing of the node's type? The kernel accepts no change of type.
bool same_type(const Node& node, const Description& found);

/// Takes over what the bucket said. A version that is not ours begins a new lineage; says so.
/// Requires Mount::mutex, and that the node is neither local nor claimed.
bool update(Node& node, const Options& options, const std::string& key, const Found& found);

/// Whether a row can be believed for a known node, without asking for more.
bool row_fits(const Node& node, const cache::ListedName& row);
/// As update(); what was known exactly stays while ETag and Last-Modified stand.
bool update(Node& node, const Options& options, const std::string& key,
            const cache::ListedName& row);

}  // namespace fs
