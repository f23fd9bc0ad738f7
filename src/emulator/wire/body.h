#pragma once
// The bytes of objects: immutable pieces of memory or of files, shared rather than copied, so that
// copies, appends and completed multipart uploads cost nothing.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace emulator {

/// A run of bytes with one home.
class Blob {
 public:
  Blob() = default;
  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;
  virtual ~Blob() = default;
  /// The bytes, where they are in memory; else empty.
  [[nodiscard]] virtual core::ByteView memory() const { return {}; }
  /// Number and path of the file, where they are in one; else zero and empty.
  [[nodiscard]] virtual std::uint64_t file() const { return 0; }
  [[nodiscard]] virtual std::string path() const { return {}; }
  /// True for the endless pattern that synthetic objects are made of.
  [[nodiscard]] virtual bool synthetic() const { return false; }
};

struct Piece {
  std::shared_ptr<const Blob> blob;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// The bytes of one object or part. Copying shares.
class Body {
 public:
  void add(Piece piece);
  void add(const Body& other);
  /// As add(), but joins small pieces in memory, so that many appends do not make many pieces.
  void extend(const Body& other);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  /// `length` bytes from `offset`; both inside the body.
  [[nodiscard]] Body slice(std::uint64_t offset, std::uint64_t length) const;

 private:
  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

/// Bytes that are in memory anyway.
std::shared_ptr<const Blob> make_memory_blob(std::string text);
Body make_memory_body(std::string text);
/// `size` bytes of a fixed pseudo-random pattern that repeats every MiB.
Body make_synthetic_body(std::uint64_t size);

/// Reads all of it. Errors: the disk's.
core::Result<std::uint64_t> crc64_of(const Body& body);

/// Where bodies live: in memory, or in files `FOLDER/NUMBER`.
/// Threads: any.
class BlobStore {
 public:
  /// An empty folder name keeps bodies in memory. Errors: the folder cannot be made.
  static core::Result<std::unique_ptr<BlobStore>> open(std::string folder);
  /// From now on files stay when their blobs end (the program stops, the objects remain).
  void keep_files() { keep_->store(true); }

  [[nodiscard]] bool on_disk() const { return !folder_.empty(); }
  /// The file `number` that open() found; nothing if it is gone.
  [[nodiscard]] std::shared_ptr<const Blob> existing(std::uint64_t number) const;
  /// Once the journal is read: removes the found files that nobody holds.
  void forget_found() { found_.clear(); }

  struct NewFile {
    core::UniqueFd fd;
    std::shared_ptr<const Blob> blob;
  };
  core::Result<NewFile> create();

 private:
  explicit BlobStore(std::string folder) : folder_(std::move(folder)) {}
  class FileBlob;
  [[nodiscard]] std::string path_of(std::uint64_t number) const;

  const std::string folder_;
  std::atomic<std::uint64_t> next_{1};
  std::shared_ptr<std::atomic<bool>> keep_ = std::make_shared<std::atomic<bool>>(false);
  std::map<std::uint64_t, std::shared_ptr<const Blob>> found_;  ///< by open()
};

/// What arrived.
struct Incoming {
  Body body;
  std::uint64_t crc64 = 0;
  std::string md5;     ///< raw; empty where it was not computed
  std::string sha256;  ///< raw; only where it was asked for
  /// Upper-case hex: the MD5, or for large bodies one made of CRC-64 and length.
  [[nodiscard]] std::string etag() const;
};

/// Takes in one body piece by piece, into the memory that will keep it or into a file.
class BodyWriter {
 public:
  struct Digests {
    bool md5 = false;  ///< also for bodies so large that it is left out by itself
    bool sha256 = false;
  };
  /// `expected`: the length where it is known.
  BodyWriter(BlobStore& store, std::optional<std::uint64_t> expected, Digests digests);
  ~BodyWriter();
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;

  /// Where the next bytes go; never empty. Call filled() with their number afterwards.
  std::span<std::byte> room();
  void filled(std::size_t n);
  /// Copies.
  void append(core::ByteView bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// True when flush() must run before room(): that one may block on the disk.
  [[nodiscard]] bool must_flush() const;
  core::Status flush();
  /// Errors: the disk's. The writer is done afterwards.
  core::Result<Incoming> finish();

 private:
  void seal();

  BlobStore& store_;
  const std::optional<std::uint64_t> expected_;
  std::optional<core::Hasher> md5_;
  std::optional<core::Hasher> sha256_;
  std::uint64_t crc64_ = 0;
  std::uint64_t size_ = 0;
  Body body_;
  std::shared_ptr<class Chunk> chunk_;
  std::size_t used_ = 0;
  BlobStore::NewFile file_;
  std::uint64_t in_file_ = 0;
};

}  // namespace emulator
