#pragma once
// The bytes of files between programs and the bucket: into the staging area before the first write,
// into the bucket when a program closes or syncs.
#include <functional>
#include <optional>
#include <string>

#include "core/gate.h"
#include "fs/mount.h"
#include "state/journal_rows.h"

namespace fs {

/// Threads: any. Calls block; none may be made under Mount::mutex.
class Content {
 public:
  explicit Content(Mount& mount) : mount_(mount) {}
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  ~Content() { fetching_.close(); }

  /// What is wanted of the present content in the staged file.
  enum class Keep : std::uint8_t {
    All,      ///< every byte, for the object is about to go
    Over,     ///< to write over it; what is not changed may stay in the bucket
    Nothing,  ///< it begins empty
  };
  /// Gives a claimed node a staged file with its content, unless it has one.
  /// Errors: NoSpace; Changed: the object is no longer the version that we know.
  core::Status stage(const core::OpContext& context, const NodePtr& node, Keep keep);

  /// Somebody wrote `range`: begins to fetch what publishing it will take besides. Nobody waits for
  /// that, and a failure only means that publishing fetches it.
  void fetch_beside(const NodePtr& node, const std::shared_ptr<transfer::LayeredFile>& staged,
                    model::ByteRange range);

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
  /// Does what close() and fsync() promise: publishes, or makes it safe on this host and leaves the
  /// rest to whoever is told by on_safe(). Content of which some is in the bucket alone is
  /// published in any case.
  core::Status commit(const core::OpContext& context, const NodePtr& node);
  core::Status commit_claimed(const core::OpContext& context, const NodePtr& node);
  /// Writes down what a claimed node has become besides its content, if that was written down.
  core::Status note_again(const core::OpContext& context, const NodePtr& node);
  /// Leaves what was promised of a claimed node as it is, where the node is about to be cut to
  /// `size`: the node gets a copy of what is left. As long as the file is open nothing is promised
  /// of that.
  core::Status start_anew(const NodePtr& node, std::uint64_t size);
  /// Gives a claimed node another key before the bucket has anything of it: over `replaced`, if
  /// that is anything. False: that takes the bucket. Nothing is known of it here but the journal.
  core::Result<bool> retarget(const NodePtr& node, const std::string& key, const NodePtr& replaced);
  /// Waits until the journal says what is so. After content was published, before anybody changes
  /// its object again, and after a name went: or the next daemon would bring it back.
  /// A failure is the journal's to tell of, and no reason to keep a name.
  void settle_journal() const;
  /// The same keys changed for all that lies below a claimed directory.
  core::Status note_tree(const NodePtr& directory);
  /// Who uploads what is safe. Under Mount::mutex.
  void on_safe(std::function<void(const NodePtr&)> call) { on_safe_ = std::move(call); }

  /// The same of a node that the caller has claimed, for renames.
  core::Status publish_claimed(const core::OpContext& context, const NodePtr& node,
                               const std::optional<Destination>& destination);

 private:
  /// Fills an empty staged file with all of an object.
  core::Status fetch_whole(const core::OpContext& context, const model::ObjectVersion& version,
                           transfer::LayeredFile& staged);
  struct Upload {
    std::string key;
    std::string path;
    std::shared_ptr<transfer::LayeredFile> staged;
    transfer::Overlay overlay;                     ///< of no base: nothing of it is in the bucket
    std::shared_ptr<transfer::Outgoing> outgoing;  ///< none: nothing was sent before
    store::ObjectAttributes attributes;
    /// Of what was sent before the last write, whose time nobody set.
    std::optional<store::ObjectAttributes> untimed;
    store::Precondition precondition;
    core::Status amended;  ///< whether the object has `attributes`, once it is there
  };
  /// Whether appending is all that was done to an object that allows it: it is appended to then,
  /// and its time is the service's.
  [[nodiscard]] bool stays_appendable(const Node& node, const std::string& key) const
      REQUIRES(mount_.mutex);
  core::Result<Upload> plan(const NodePtr& node, const std::optional<Destination>& destination);
  /// Publishes content that nothing was sent of, to wherever.
  core::Result<store::Published> send_staged(const core::OpContext& context, const Upload& upload,
                                             const model::ObjectKey& key,
                                             const store::Precondition& precondition);
  /// Publishes, and tells in `upload` what the object has.
  core::Result<store::Published> send(const core::OpContext& context, Upload& upload);
  /// Takes note of what the object of an upload is, if it was appended to.
  static store::Published as_appended(Upload& upload, store::Published published);
  /// The CRC-64 of all content; nothing where some of it is not here and its sum not known.
  static core::Result<std::optional<std::uint64_t>> sum_of(const Upload& upload);
  /// Publishing failed because something is there: is it what we sent ourselves, before an answer
  /// was lost?
  core::Result<store::Published> recognise(const core::OpContext& context, const Upload& upload,
                                           core::Error error);
  /// What stands there is what an earlier try of ours has made, whose answer was lost: that is what
  /// the content lies over from now on.
  bool stands_on_ours(const core::OpContext& context, const NodePtr& node, const Upload& upload);
  /// What a failed upload may have made.
  static store::ObjectMeta made_of(const Upload& upload);
  void published(const NodePtr& node, const Upload& upload, const store::Published& published);
  void failed(const NodePtr& node, const Upload& upload, const core::Error& error);
  /// The same to a conflict name. Where the object that it lies over is gone, what nobody fetched
  /// of that is zeros; `lost_bytes` says how much that is.
  core::Result<store::Published> send_apart(const core::OpContext& context, const Upload& upload,
                                            const model::ObjectKey& key, std::uint64_t& lost_bytes);
  /// Somebody else was first. The error to report, once the data lies under another name.
  core::Error keep_apart(const core::OpContext& context, const NodePtr& node, const Upload& upload,
                         const core::Error& why);

  /// Content and journal, in this order. Errors: NoSpace, Io.
  core::Status make_safe(const NodePtr& node);
  /// Content that becomes safe.
  struct Keeping {
    state::KeptFile row;
    std::shared_ptr<transfer::LayeredFile> staged;
    std::shared_ptr<transfer::KeptFile> kept;
    Draft::Note before;  ///< in whose place it is noted
  };
  core::Status keep_inside(const Keeping& keeping);
  core::Status keep_beside(const NodePtr& node, Keeping& keeping);
  core::Status note(const Keeping& keeping, const std::string* content);
  /// What is written down of a node. Under Mount::mutex.
  core::Result<state::KeptFile> row_of(const Node& node, const std::string& key,
                                       const std::optional<Stored>& stored) const;

  Mount& mount_;
  core::Gate fetching_;  ///< what nobody waits for
  std::function<void(const NodePtr&)> on_safe_;
};

}  // namespace fs
