#include "emulator/objects/change_codec.h"

#include <cstring>
#include <utility>

namespace emulator {
namespace {

class Encoder {
 public:
  void number(std::uint64_t value) { out_.append(reinterpret_cast<const char*>(&value), 8); }
  void text(std::string_view value) {
    number(value.size());
    out_.append(value);
  }
  void time(core::WallTime value) {
    number(static_cast<std::uint64_t>(value.time_since_epoch().count()));
  }
  void pairs(const Pairs& values) {
    number(values.size());
    for (const auto& [name, value] : values) {
      text(name);
      text(value);
    }
  }
  void body(const Body& value) {
    number(value.pieces().size());
    for (const Piece& piece : value.pieces()) {
      if (piece.blob->file() != 0) {
        number(kFile);
        number(piece.blob->file());
        number(piece.offset);
        number(piece.length);
      } else if (piece.blob->synthetic()) {
        number(kSynthetic);
        number(piece.offset);
        number(piece.length);
      } else {
        number(kInline);
        text(core::as_text(piece.blob->memory().subspan(piece.offset, piece.length)));
      }
    }
  }
  void version(const Version& v) {
    text(v.id);
    number(v.delete_marker ? 1 : 0);
    number(static_cast<std::uint64_t>(v.type));
    body(v.body);
    number(v.crc64);
    text(v.etag);
    text(v.md5);
    time(v.modified);
    pairs(v.headers);
    pairs(v.tags);
    text(v.acl);
    text(v.storage_class);
    text(v.symlink_target);
  }
  void facts(const BucketFacts& f) {
    text(f.name);
    time(f.created);
    number(static_cast<std::uint64_t>(f.versioning));
    text(f.acl);
    text(f.storage_class);
  }
  void part(const Part& p) {
    body(p.body);
    number(p.crc64);
    text(p.etag);
    time(p.modified);
  }
  [[nodiscard]] const std::string& bytes() const { return out_; }

  enum Kind : std::uint8_t { kInline, kFile, kSynthetic };

 private:
  std::string out_;
};

/// Reads what Encoder wrote. A short or nonsensical record sets failed() and gives zeros.
class Decoder {
 public:
  Decoder(std::string_view in, const BlobStore& blobs) : in_(in), blobs_(blobs) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    if (in_.size() < sizeof value) {
      failed_ = true;
      return 0;
    }
    std::memcpy(&value, in_.data(), sizeof value);
    in_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > in_.size()) {
      failed_ = true;
      return {};
    }
    std::string value(in_.substr(0, size));
    in_.remove_prefix(size);
    return value;
  }
  core::WallTime time() {
    return core::WallTime(core::Duration(static_cast<std::int64_t>(number())));
  }
  Pairs pairs() {
    Pairs values;
    for (std::uint64_t left = number(); left > 0 && !failed_; --left) {
      std::string name = text();
      values.emplace_back(std::move(name), text());
    }
    return values;
  }
  Body body() {
    Body value;
    for (std::uint64_t left = number(); left > 0 && !failed_; --left) {
      switch (number()) {
        case Encoder::kInline:
          value.add(make_memory_body(text()));
          break;
        case Encoder::kFile: {
          Piece piece;
          piece.blob = blobs_.existing(number());
          piece.offset = number();
          piece.length = number();
          if (!piece.blob) {
            failed_ = true;
            return {};
          }
          value.add(std::move(piece));
          break;
        }
        case Encoder::kSynthetic: {
          const std::uint64_t offset = number();
          value.add(make_synthetic_body(offset + number()).slice(offset, UINT64_MAX));
          break;
        }
        default:
          failed_ = true;
      }
    }
    return value;
  }
  Version version() {
    Version v;
    v.id = text();
    v.delete_marker = number() != 0;
    v.type = static_cast<ObjectType>(number());
    v.body = body();
    v.crc64 = number();
    v.etag = text();
    v.md5 = text();
    v.modified = time();
    v.headers = pairs();
    v.tags = pairs();
    v.acl = text();
    v.storage_class = text();
    v.symlink_target = text();
    return v;
  }
  BucketFacts facts() {
    BucketFacts f;
    f.name = text();
    f.created = time();
    f.versioning = static_cast<Versioning>(number());
    f.acl = text();
    f.storage_class = text();
    return f;
  }
  Part part() {
    Part p;
    p.body = body();
    p.crc64 = number();
    p.etag = text();
    p.modified = time();
    return p;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string_view in_;
  const BlobStore& blobs_;
  bool failed_ = false;
};

/// First number of a record; never renumber: old logs hold them.
enum Tag : std::uint64_t {
  kPutBucket = 1,
  kDropBucket,
  kPutVersion,
  kDropVersion,
  kPutUpload,
  kPutPart,
  kDropUpload,
  kFill,
  kAppend,
};

struct Encode {
  Encoder& to;
  void operator()(const PutBucketChange& c) const {
    to.number(kPutBucket);
    to.facts(c.facts);
  }
  void operator()(const DropBucketChange& c) const {
    to.number(kDropBucket);
    to.text(c.bucket);
  }
  void operator()(const PutVersionChange& c) const {
    to.number(kPutVersion);
    to.text(c.bucket);
    to.text(c.key);
    to.version(*c.version);
    to.number(c.in_place ? 1 : 0);
  }
  void operator()(const DropVersionChange& c) const {
    to.number(kDropVersion);
    to.text(c.bucket);
    to.text(c.key);
    to.text(c.id);
  }
  void operator()(const PutUploadChange& c) const {
    to.number(kPutUpload);
    to.text(c.bucket);
    to.text(c.upload.id);
    to.text(c.upload.key);
    to.version(c.upload.draft);
    to.time(c.upload.initiated);
  }
  void operator()(const PutPartChange& c) const {
    to.number(kPutPart);
    to.text(c.bucket);
    to.text(c.upload_id);
    to.number(static_cast<std::uint64_t>(c.number));
    to.part(c.part);
  }
  void operator()(const DropUploadChange& c) const {
    to.number(kDropUpload);
    to.text(c.bucket);
    to.text(c.upload_id);
  }
  void operator()(const AppendChange& c) const {
    to.number(kAppend);
    to.text(c.bucket);
    to.text(c.key);
    to.body(c.more);
    to.number(c.crc64);
    to.text(c.etag);
    to.time(c.modified);
  }
  void operator()(const FillChange& c) const {
    to.number(kFill);
    to.text(c.bucket);
    to.text(c.prefix);
    to.number(c.count);
    to.number(c.size);
    to.time(c.modified);
  }
};

}  // namespace

std::string encode_change(const Change& change) {
  Encoder encoder;
  std::visit(Encode{encoder}, change);
  return encoder.bytes();
}

std::optional<Change> decode_change(std::string_view bytes, const BlobStore& blobs) {
  Decoder from(bytes, blobs);
  std::optional<Change> change;
  switch (from.number()) {
    case kPutBucket:
      change = PutBucketChange{from.facts()};
      break;
    case kDropBucket:
      change = DropBucketChange{from.text()};
      break;
    case kPutVersion: {
      PutVersionChange c;
      c.bucket = from.text();
      c.key = from.text();
      c.version = std::make_shared<const Version>(from.version());
      c.in_place = from.number() != 0;
      change = std::move(c);
      break;
    }
    case kDropVersion: {
      DropVersionChange c;
      c.bucket = from.text();
      c.key = from.text();
      c.id = from.text();
      change = std::move(c);
      break;
    }
    case kPutUpload: {
      PutUploadChange c;
      c.bucket = from.text();
      c.upload.id = from.text();
      c.upload.key = from.text();
      c.upload.draft = from.version();
      c.upload.initiated = from.time();
      change = std::move(c);
      break;
    }
    case kPutPart: {
      PutPartChange c;
      c.bucket = from.text();
      c.upload_id = from.text();
      c.number = static_cast<int>(from.number());
      c.part = from.part();
      change = std::move(c);
      break;
    }
    case kDropUpload: {
      DropUploadChange c;
      c.bucket = from.text();
      c.upload_id = from.text();
      change = std::move(c);
      break;
    }
    case kFill: {
      FillChange c;
      c.bucket = from.text();
      c.prefix = from.text();
      c.count = from.number();
      c.size = from.number();
      c.modified = from.time();
      change = std::move(c);
      break;
    }
    case kAppend: {
      AppendChange c;
      c.bucket = from.text();
      c.key = from.text();
      c.more = from.body();
      c.crc64 = from.number();
      c.etag = from.text();
      c.modified = from.time();
      change = std::move(c);
      break;
    }
    default:
      return std::nullopt;
  }
  return from.failed() ? std::nullopt : change;
}

}  // namespace emulator
