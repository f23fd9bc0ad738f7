#include "emulator/wire/body.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <tuple>
#include <utility>

#include "core/format.h"
#include "core/mutex.h"
#include "core/os_error.h"

namespace emulator {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{2} << 20U;
constexpr std::size_t kSpareChunks = 128;  // 256 MiB at least are kept for the next bodies
constexpr std::size_t kPatternBytes = std::size_t{1} << 20U;
constexpr std::size_t kInlineBytes = 16384;      // smaller bodies stay in memory and journal
constexpr std::size_t kJoinBytes = 65536;        // appended pieces grow to twice this
constexpr std::size_t kWriteBytes = 16384;       // more at once lies in large pages: see fresh()
constexpr std::size_t kUnknownStart = 65536;     // first room where the length is not known
constexpr std::uint64_t kMd5Limit = 16U << 20U;  // larger bodies: MD5 costs 1.35 s a GB

/// Chunks of one size, recycled: fresh memory costs more than all else that a PUT does, on a
/// virtual machine whose host must find it by far. As many as are in use may be spare, so that
/// bodies that replace others of their size find their memory.
class ChunkPool {
 public:
  static ChunkPool& instance() {
    static ChunkPool pool;
    return pool;
  }
  ChunkPool() = default;
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool() {
    for (void* memory : spare_) {
      ::munmap(memory, kChunkBytes);
    }
  }
  void* take() {
    {
      const core::MutexLock lock(mutex_);
      ++in_use_;
      if (!spare_.empty()) {
        void* memory = spare_.back();
        spare_.pop_back();
        return memory;
      }
    }
    return fresh();
  }
  void give_back(void* memory) {
    const core::MutexLock lock(mutex_);
    --in_use_;
    spare_.push_back(memory);
    for (; spare_.size() > std::max(kSpareChunks, in_use_); spare_.pop_back()) {
      ::munmap(spare_.back(), kChunkBytes);
    }
  }

 private:
  /// Small pages, all at once: a host that takes free memory back from its guests takes it in huge
  /// pages, and a body in fresh huge ones then costs four times as much.
  static void* fresh() {
    void* memory = ::mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    return memory;
  }

  core::Mutex mutex_{core::LockRank::Leaf};
  std::vector<void*> spare_ GUARDED_BY(mutex_);
  std::size_t in_use_ GUARDED_BY(mutex_) = 0;
};

class TextBlob final : public Blob {
 public:
  explicit TextBlob(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] core::ByteView memory() const override { return core::as_bytes(text_); }

 private:
  const std::string text_;
};

class PatternBlob final : public Blob {
 public:
  PatternBlob() {
    std::uint64_t x = 0x9E3779B97F4A7C15U;
    for (std::size_t i = 0; i < kPatternBytes; i += sizeof x) {
      x ^= x << 13U;
      x ^= x >> 7U;
      x ^= x << 17U;
      std::memcpy(bytes_.data() + i, &x, sizeof x);
    }
  }
  [[nodiscard]] core::ByteView memory() const override { return bytes_; }
  [[nodiscard]] bool synthetic() const override { return true; }

 private:
  std::vector<std::byte> bytes_ = std::vector<std::byte>(kPatternBytes);
};

const std::shared_ptr<const Blob>& pattern() {
  static const std::shared_ptr<const Blob> blob = std::make_shared<PatternBlob>();
  return blob;
}

}  // namespace

/// Memory that is filled once and then shared: from the pool if it has the pool's size.
class Chunk final : public Blob {
 public:
  explicit Chunk(std::size_t size)
      : size_(size),
        data_(size == kChunkBytes ? ChunkPool::instance().take() : ::operator new(size)) {}
  ~Chunk() override {
    if (size_ == kChunkBytes) {
      ChunkPool::instance().give_back(data_);
    } else {
      ::operator delete(data_);
    }
  }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  [[nodiscard]] core::ByteView memory() const override { return writable(); }
  [[nodiscard]] std::span<std::byte> writable() const {
    return {static_cast<std::byte*>(data_), size_};
  }

 private:
  const std::size_t size_;
  void* const data_;
};

void Body::add(Piece piece) {
  if (piece.length == 0) {
    return;
  }
  size_ += piece.length;
  if (!pieces_.empty() && pieces_.back().blob == piece.blob && !piece.blob->synthetic() &&
      pieces_.back().offset + pieces_.back().length == piece.offset) {
    pieces_.back().length += piece.length;
    return;
  }
  pieces_.push_back(std::move(piece));
}

void Body::add(const Body& other) {
  for (const Piece& piece : other.pieces_) {
    add(piece);
  }
}

void Body::extend(const Body& other) {
  const auto small = [](const Piece& piece) {
    return piece.length <= kJoinBytes && !piece.blob->memory().empty() && !piece.blob->synthetic();
  };
  const auto text = [](const Piece& piece) {
    return core::as_text(piece.blob->memory().subspan(piece.offset, piece.length));
  };
  for (const Piece& piece : other.pieces_) {
    if (pieces_.empty() || !small(pieces_.back()) || !small(piece)) {
      add(piece);
      continue;
    }
    Piece& last = pieces_.back();
    std::string joined(text(last));
    joined += text(piece);
    size_ += piece.length;
    last.length = joined.size();
    last.offset = 0;
    last.blob = make_memory_blob(std::move(joined));
  }
}

Body Body::slice(std::uint64_t offset, std::uint64_t length) const {
  Body out;
  for (const Piece& piece : pieces_) {
    if (length == 0) {
      break;
    }
    if (offset >= piece.length) {
      offset -= piece.length;
      continue;
    }
    const std::uint64_t take = std::min(length, piece.length - offset);
    out.add(Piece{piece.blob, piece.offset + offset, take});
    offset = 0;
    length -= take;
  }
  return out;
}

std::shared_ptr<const Blob> make_memory_blob(std::string text) {
  return std::make_shared<TextBlob>(std::move(text));
}

Body make_memory_body(std::string text) {
  Body body;
  const std::uint64_t size = text.size();
  body.add(Piece{make_memory_blob(std::move(text)), 0, size});
  return body;
}

Body make_synthetic_body(std::uint64_t size) {
  Body body;
  while (size > 0) {
    const std::uint64_t take = std::min<std::uint64_t>(size, kPatternBytes);
    body.add(Piece{pattern(), 0, take});
    size -= take;
  }
  return body;
}

namespace {

core::Result<std::uint64_t> crc64_of(const Piece& piece) {
  if (!piece.blob->memory().empty()) {
    return core::crc64(piece.blob->memory().subspan(piece.offset, piece.length));
  }
  const std::string path = piece.blob->path();
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return core::os_error(errno, "open " + path);
  }
  std::uint64_t sum = 0;
  std::vector<std::byte> buffer(kPatternBytes);
  for (std::uint64_t done = 0; done < piece.length;) {
    const std::uint64_t want = std::min<std::uint64_t>(buffer.size(), piece.length - done);
    const ssize_t n =
        ::pread(fd.get(), buffer.data(), want, static_cast<off_t>(piece.offset + done));
    if (n <= 0) {
      return core::os_error(n < 0 ? errno : EIO, "read " + path);
    }
    sum = core::crc64(std::span(buffer).first(static_cast<std::size_t>(n)), sum);
    done += static_cast<std::uint64_t>(n);
  }
  return sum;
}

}  // namespace

core::Result<std::uint64_t> crc64_of(const Body& body) {
  std::uint64_t sum = 0;
  // Big bodies are a few pieces over and over: a pattern, or zeros that were copied.
  std::map<std::tuple<const Blob*, std::uint64_t, std::uint64_t>, std::uint64_t> known;
  for (const Piece& piece : body.pieces()) {
    const auto [at, is_new] = known.try_emplace({piece.blob.get(), piece.offset, piece.length});
    if (is_new) {
      TRY_ASSIGN(at->second, crc64_of(piece));
    }
    sum = core::crc64_combine(sum, at->second, piece.length);
  }
  return sum;
}

class BlobStore::FileBlob final : public Blob {
 public:
  FileBlob(std::uint64_t number, std::string path, std::shared_ptr<std::atomic<bool>> keep)
      : number_(number), path_(std::move(path)), keep_(std::move(keep)) {}
  ~FileBlob() override {
    if (!keep_->load(std::memory_order_relaxed)) {
      ::unlink(path_.c_str());
    }
  }
  FileBlob(const FileBlob&) = delete;
  FileBlob& operator=(const FileBlob&) = delete;
  [[nodiscard]] std::uint64_t file() const override { return number_; }
  [[nodiscard]] std::string path() const override { return path_; }

 private:
  const std::uint64_t number_;
  const std::string path_;
  const std::shared_ptr<std::atomic<bool>> keep_;
};

core::Result<std::unique_ptr<BlobStore>> BlobStore::open(std::string folder) {
  std::unique_ptr<BlobStore> store(new BlobStore(std::move(folder)));
  if (!store->on_disk()) {
    return store;
  }
  if (::mkdir(store->folder_.c_str(), 0700) != 0 && errno != EEXIST) {
    return core::os_error(errno, "make the folder " + store->folder_);
  }
  DIR* dir = ::opendir(store->folder_.c_str());
  if (dir == nullptr) {
    return core::os_error(errno, "read the folder " + store->folder_);
  }
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name(entry->d_name);
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) {
      store->found_[number] =
          std::make_shared<FileBlob>(number, store->path_of(number), store->keep_);
    }
  }
  ::closedir(dir);
  store->next_ = store->found_.empty() ? 1 : store->found_.rbegin()->first + 1;
  return store;
}

std::string BlobStore::path_of(std::uint64_t number) const {
  return core::format("{}/{}", folder_, number);
}

std::shared_ptr<const Blob> BlobStore::existing(std::uint64_t number) const {
  const auto at = found_.find(number);
  return at == found_.end() ? nullptr : at->second;
}

core::Result<BlobStore::NewFile> BlobStore::create() {
  const std::uint64_t number = next_.fetch_add(1);
  std::string path = path_of(number);
  core::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return core::os_error(errno, "create " + path);
  }
  NewFile file;
  file.fd = std::move(fd);
  file.blob = std::make_shared<FileBlob>(number, std::move(path), keep_);
  return file;
}

std::string Incoming::etag() const {
  if (!md5.empty()) {
    return core::upper_hex(md5);
  }
  return core::format("{:016X}{:016X}", crc64, body.size());
}

BodyWriter::BodyWriter(BlobStore& store, std::optional<std::uint64_t> expected, Digests digests)
    : store_(store), expected_(expected) {
  if (digests.md5 || !expected || *expected <= kMd5Limit) {
    md5_.emplace(core::Hasher::Kind::Md5);
  }
  if (digests.sha256) {
    sha256_.emplace(core::Hasher::Kind::Sha256);
  }
}

BodyWriter::~BodyWriter() = default;

bool BodyWriter::must_flush() const {
  return store_.on_disk() && chunk_ && used_ == chunk_->writable().size() && used_ > kInlineBytes;
}

std::span<std::byte> BodyWriter::room() {
  if (chunk_ && used_ == chunk_->writable().size()) {
    seal();
  }
  if (!chunk_) {
    std::size_t size = size_ == 0 ? kUnknownStart : kChunkBytes;
    if (expected_ && *expected_ > size_) {
      size = static_cast<std::size_t>(std::min<std::uint64_t>(*expected_ - size_, kChunkBytes));
    }
    chunk_ = std::make_shared<Chunk>(size);
    used_ = 0;
  }
  return chunk_->writable().subspan(used_);
}

void BodyWriter::filled(std::size_t n) {
  const core::ByteView bytes = chunk_->memory().subspan(used_, n);
  crc64_ = core::crc64(bytes, crc64_);
  if (md5_) {
    md5_->update(bytes);
  }
  if (sha256_) {
    sha256_->update(bytes);
  }
  used_ += n;
  size_ += n;
}

void BodyWriter::append(core::ByteView bytes) {
  while (!bytes.empty()) {
    const std::span<std::byte> space = room();
    const std::size_t n = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), n);
    filled(n);
    bytes = bytes.subspan(n);
  }
}

/// Hands the current chunk over to the body; a mostly empty one is copied to its size first.
void BodyWriter::seal() {
  if (!chunk_) {
    return;
  }
  if (used_ < chunk_->writable().size() / 2) {
    body_.add(Piece{make_memory_blob(std::string(core::as_text(chunk_->memory().first(used_)))), 0,
                    used_});
  } else {
    body_.add(Piece{chunk_, 0, used_});
  }
  chunk_.reset();
  used_ = 0;
}

core::Status BodyWriter::flush() {
  if (!file_.fd.valid()) {
    TRY_ASSIGN(file_, store_.create());
  }
  // Bytes that were sealed in memory before the length called for a file come first.
  Body pending = std::exchange(body_, Body());
  if (chunk_) {
    pending.add(Piece{chunk_, 0, used_});
  }
  for (const Piece& piece : pending.pieces()) {
    core::ByteView bytes = piece.blob->memory().subspan(piece.offset, piece.length);
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_.fd.get(), bytes.data(), std::min(bytes.size(), kWriteBytes));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return core::os_error(errno, "write " + file_.blob->path());
      }
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      in_file_ += static_cast<std::uint64_t>(n);
    }
  }
  used_ = 0;
  return {};
}

core::Result<Incoming> BodyWriter::finish() {
  Incoming incoming;
  if (store_.on_disk() && size_ > kInlineBytes) {
    TRY(flush());
    incoming.body.add(Piece{file_.blob, 0, in_file_});
  } else {
    seal();
    incoming.body = std::move(body_);
  }
  chunk_.reset();
  incoming.crc64 = crc64_;
  if (md5_) {
    incoming.md5 = md5_->finish();
  }
  if (sha256_) {
    incoming.sha256 = sha256_->finish();
  }
  return incoming;
}

}  // namespace emulator
