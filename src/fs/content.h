#pragma once
// The bytes of files between programs and the bucket: into the staging area before the first write,
// into the bucket when a program closes or syncs.
#include <optional>
#include <string>

#include "fs/mount.h"

namespace fs {

/// Threads: any. Calls block; none may be made under Mount::mutex.
class Content {
 public:
  explicit Content(Mount& mount) : mount_(mount) {}

  /// How much of the present content is wanted in the staged file.
  enum class Keep : std::uint8_t { All, Nothing };
  /// Brings the content of a claimed node into a staged file, unless it is there.
  /// Errors: NoSpace; Changed: the object is no longer the version that we know.
  core::Status stage(const core::OpContext& context, const NodePtr& node, Keep keep);

  /// Begins to send what is being written, where its attributes can be told before its end. The
  /// caller is one of the node's writers.
  void send_ahead(const NodePtr& node, transfer::Outgoing& outgoing);

  /// Uploads what is dirty, and reports how that went. What could not be uploaded stays dirty.
  /// Errors: Changed: somebody else published first, and the content lies under a conflict name.
  core::Status publish(const core::OpContext& context, const NodePtr& node);

  /// Where and over what a claimed node's content goes, if not to its own place.
  struct Destination {
    std::string key;
    store::Precondition precondition;
  };
  /// The same of a node that the caller has claimed, for renames.
  core::Status publish_claimed(const core::OpContext& context, const NodePtr& node,
                               const std::optional<Destination>& destination);

 private:
  struct Upload {
    std::string key;
    std::string path;
    std::shared_ptr<transfer::StagedFile> staged;
    std::shared_ptr<transfer::Outgoing> outgoing;  ///< none: nothing was sent before
    store::ObjectAttributes attributes;
    /// Of what was sent before the last write, whose time nobody set.
    std::optional<store::ObjectAttributes> untimed;
    store::Precondition precondition;
    core::Status amended;  ///< whether the object has `attributes`, once it is there
  };
  core::Result<Upload> plan(const NodePtr& node, const std::optional<Destination>& destination);
  /// Publishes, and tells in `upload` what the object has.
  core::Result<store::Published> send(const core::OpContext& context, Upload& upload);
  /// Publishing failed because something is there: is it what we sent ourselves, before an answer
  /// was lost?
  core::Result<store::Published> recognise(const core::OpContext& context, const Upload& upload,
                                           core::Error error);
  void published(const NodePtr& node, const Upload& upload, const store::Published& published);
  void failed(const NodePtr& node, const Upload& upload, const core::Error& error);
  /// Somebody else was first. The error to report, once the data lies under another name.
  core::Error keep_apart(const core::OpContext& context, const NodePtr& node, const Upload& upload,
                         const core::Error& why);

  Mount& mount_;
};

}  // namespace fs
