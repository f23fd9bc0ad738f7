#pragma once
// What a thing is besides its content, written to the bucket: objects are copied onto themselves
// with other metadata, markers and links are put anew.
#include <optional>
#include <string>
#include <utility>

#include "fs/lookup.h"
#include "fs/mount.h"

namespace fs {

struct WrittenLink {
  store::Published published;
  store::ObjectAttributes attributes;
  std::uint64_t size = 0;
  store::ObjectType type = store::ObjectType::Normal;
};
/// A symbolic link at `key`, which lies in the directory at `directory_path`: the service's own
/// kind where it has one and the target can be a key, else an object of mode S_IFLNK whose body is
/// the text.
core::Result<WrittenLink> write_link(Mount& mount, const core::OpContext& context,
                                     const std::string& key, const std::string& directory_path,
                                     const Description& about, const std::optional<Stored>& stored,
                                     const store::Precondition& precondition);

/// Makes a claimed, exactly known node what `wanted` says; only here if it goes with an upload.
/// Errors: Changed: somebody else replaced it; NoSpace: more metadata than the service takes.
core::Status persist(Mount& mount, const core::OpContext& context, const NodePtr& node,
                     Description wanted);

/// Gives a directory that only its content shows a marker, so that it does not vanish with what is
/// about to be taken out of it.
core::Status keep_directory(Mount& mount, Lookup& lookup, const core::OpContext& context,
                            const NodePtr& directory);

}  // namespace fs
