#include "state/journal_tables.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "core/digest.h"
#include "core/format.h"
#include "core/os_error.h"
#include "state/row.h"

namespace state {
namespace {

using core::ErrorKind;

constexpr std::int64_t kSchema = 1;

// FULL: what was committed outlives the machine's power. The lock stays, for nobody else has to do
// with the file, and with it SQLite needs no memory shared with others.
constexpr const char* kSettings =
    "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4096;";
constexpr const char* kTables =
    "BEGIN;"
    "CREATE TABLE about(identity BLOB NOT NULL, sequence INTEGER NOT NULL,"
    " total INTEGER NOT NULL);"
    "CREATE TABLE file(number INTEGER PRIMARY KEY, key BLOB NOT NULL, inode INTEGER NOT NULL,"
    " size INTEGER NOT NULL, inside INTEGER NOT NULL, wanted BLOB NOT NULL, base BLOB NOT NULL,"
    " sent BLOB NOT NULL, tries INTEGER NOT NULL,"
    " error BLOB NOT NULL, sum INTEGER NOT NULL);"
    "CREATE TABLE content(number INTEGER PRIMARY KEY, sum INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE TABLE upload(key BLOB NOT NULL, id BLOB NOT NULL, attributes BLOB NOT NULL,"
    " sum INTEGER NOT NULL, PRIMARY KEY(key, id)) WITHOUT ROWID;"
    "CREATE TABLE part(key BLOB NOT NULL, id BLOB NOT NULL, number INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, crc64 INTEGER NOT NULL, etag BLOB NOT NULL,"
    " sum INTEGER NOT NULL, PRIMARY KEY(key, id, number)) WITHOUT ROWID;";

constexpr char kSeparator = '\0';

std::string join(const Identity& identity) {
  std::string text;
  for (const std::string* part : {&identity.dialect, &identity.endpoint, &identity.bucket,
                                  &identity.prefix, &identity.host}) {
    (text += *part) += kSeparator;
  }
  return text;
}

Identity split(std::string_view text) {
  Identity identity;
  for (std::string* part : {&identity.dialect, &identity.endpoint, &identity.bucket,
                            &identity.prefix, &identity.host}) {
    const auto end = text.find(kSeparator);
    *part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return identity;
}

std::int64_t as_signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }
std::uint64_t as_unsigned(std::int64_t number) { return static_cast<std::uint64_t>(number); }

/// A sum over fields, each behind its length.
class Sum {
 public:
  explicit Sum(std::string_view table) { add(table); }
  Sum& add(std::string_view field) {
    add(field.size());
    sum_ = core::crc64(core::as_bytes(field), sum_);
    return *this;
  }
  Sum& add(std::uint64_t number) {
    sum_ = core::crc64(std::as_bytes(std::span(&number, 1)), sum_);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return sum_; }

 private:
  std::uint64_t sum_ = 0;
};

/// Each row behind its length.
std::string encode_all(const std::vector<Remembered>& rows) {
  std::string text;
  for (const Remembered& one : rows) {
    const std::string row = encode_row(one);
    const std::uint64_t size = row.size();
    text.append(reinterpret_cast<const char*>(&size), sizeof size);
    text += row;
  }
  return text;
}

std::optional<std::vector<Remembered>> decode_all(const std::string& key, std::string_view text) {
  std::vector<Remembered> rows;
  while (!text.empty()) {
    std::uint64_t size = 0;
    if (text.size() < sizeof size) {
      return std::nullopt;
    }
    std::memcpy(&size, text.data(), sizeof size);
    text.remove_prefix(sizeof size);
    auto row = size <= text.size() ? decode_row(key, 0, text.substr(0, size)) : std::nullopt;
    if (!row) {
      return std::nullopt;
    }
    rows.push_back(*std::move(row));
    text.remove_prefix(size);
  }
  return rows;
}

/// A file's row as it lies in the table.
struct FileRow {
  explicit FileRow(const KeptFile& file)
      : wanted(encode_row(file.wanted)),
        base(encode_row(file.base)),
        sent(encode_all(file.sent)),
        sum(Sum("file")
                .add(file.number)
                .add(file.wanted.key)
                .add(file.wanted.inode)
                .add(file.size)
                .add(file.inside ? 1U : 0U)
                .add(wanted)
                .add(base)
                .add(sent)
                .add(file.tries)
                .add(file.error)
                .value()) {}
  std::string wanted;
  std::string base;
  std::string sent;
  std::uint64_t sum;
};

std::uint64_t sum_of(std::uint64_t number, std::string_view content) {
  return Sum("content").add(number).add(content).value();
}

std::uint64_t sum_of(const KeptUpload& upload) {
  return Sum("upload").add(upload.key).add(upload.id).add(upload.attributes).value();
}

std::uint64_t sum_of(const std::string& key, const std::string& id, const KeptPart& part) {
  return Sum("part")
      .add(key)
      .add(id)
      .add(part.number)
      .add(part.first)
      .add(part.last)
      .add(part.crc64)
      .add(part.etag)
      .value();
}

}  // namespace

std::string describe(const Identity& identity) {
  return core::format("{}://{}{}{} at {}, of host {}", identity.dialect, identity.bucket,
                      identity.prefix.empty() ? "" : "/", identity.prefix, identity.endpoint,
                      identity.host);
}

core::Error JournalTables::damaged(const std::string& what) const {
  return core::fail(
      ErrorKind::Corrupt,
      core::format("the journal {} is damaged ({}): nothing was changed. What is not uploaded lies "
                   "in files in the folder data beside it. To mount without it, move the journal "
                   "and that folder away together",
                   path_, what));
}

core::Status JournalTables::open(const std::string& path, const Identity& identity) {
  path_ = path;
  // SQLite would make it readable for all.
  if (!core::UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600))
           .valid()) {
    return core::os_error(errno, "open the journal " + path);
  }
  const std::string witness = path + ".seen";
  witness_.reset(::open(witness.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!witness_.valid()) {
    return core::os_error(errno, "open " + witness);
  }
  core::Status opened = configure();
  if (opened) {
    opened = check_schema();
  }
  if (opened) {
    opened = check_identity(identity);
  }
  if (!opened && opened.error().kind == ErrorKind::Corrupt &&
      opened.error().message.find(path) == std::string::npos) {
    return damaged(opened.error().message);
  }
  if (!opened && opened.error().message.find(path) == std::string::npos) {
    return std::move(opened).error().within("the journal " + path);
  }
  return opened;
}

core::Status JournalTables::configure() {
  TRY_ASSIGN(database_, Database::open(path_, Database::Access::Write));
  TRY(database_.run("PRAGMA locking_mode=EXCLUSIVE"));
  {
    TRY_ASSIGN(Statement mode, database_.prepare("PRAGMA journal_mode=WAL"));
    TRY(mode.step());
    if (mode.bytes(0) != "wal") {
      return core::fail(ErrorKind::Unsupported, "this file system cannot hold SQLite's log");
    }
  }
  TRY(database_.run(kSettings));
  TRY_ASSIGN(Statement check, database_.prepare("PRAGMA quick_check(1)"));
  TRY_ASSIGN(const bool told, check.step());
  if (!told || check.bytes(0) != "ok") {
    return core::fail(ErrorKind::Corrupt, std::string(check.bytes(0)));
  }
  return {};
}

core::Status JournalTables::check_schema() {
  std::int64_t schema = 0;
  {
    TRY_ASSIGN(Statement version, database_.prepare("PRAGMA user_version"));
    TRY(version.step());
    schema = version.number(0);
  }
  if (schema > kSchema) {
    return core::fail(ErrorKind::Unsupported,
                      core::format("the journal {} was written by a newer stsfs (schema {}, this "
                                   "one knows {}): use that one",
                                   path_, schema, kSchema));
  }
  if (schema == kSchema) {
    return {};
  }
  if (schema != 0) {
    return core::fail(ErrorKind::Corrupt, core::format("there is no schema {}", schema));
  }
  std::uint64_t seen = 0;
  if (::pread(witness_.get(), &seen, sizeof seen, 0) == sizeof seen && seen > 0) {
    return core::fail(ErrorKind::Corrupt, "its content is gone");
  }
  TRY(database_.run(kTables));
  TRY_ASSIGN(Statement first, database_.prepare("INSERT INTO about VALUES('', 0, 0)"));
  TRY(first.run());
  return database_.run(core::format("PRAGMA user_version={}; COMMIT", kSchema).c_str());
}

core::Status JournalTables::check_witness() {
  std::uint64_t seen = 0;
  const ssize_t n = ::pread(witness_.get(), &seen, sizeof seen, 0);
  if (n == sizeof seen && seen > sequence_) {
    return core::fail(ErrorKind::Corrupt,
                      core::format("its last {} transactions are gone", seen - sequence_));
  }
  return {};
}

void JournalTables::tell_witness() {
  // Not waited for: it serves after a crash of the process, and after a crash of the machine if it
  // happened to be written.
  [[maybe_unused]] const ssize_t told = ::pwrite(witness_.get(), &sequence_, sizeof sequence_, 0);
}

core::Status JournalTables::check_identity(const Identity& identity) {
  std::string whose;
  {
    TRY_ASSIGN(Statement about, database_.prepare("SELECT identity, sequence, total FROM about"));
    TRY_ASSIGN(const bool found, about.step());
    if (!found) {
      return core::fail(ErrorKind::Corrupt, "it does not say whose it is");
    }
    whose = about.bytes(0);
    sequence_ = as_unsigned(about.number(1));
    total_ = as_unsigned(about.number(2));
  }
  TRY(check_witness());
  TRY(prepare());
  TRY_ASSIGN(found_, read());
  if (whose == join(identity)) {
    return {};
  }
  if (found_.files.empty() && found_.uploads.empty()) {
    return stamp(identity);
  }
  return core::fail(
      ErrorKind::Changed,
      core::format("the journal {} holds {} files that are not uploaded and {} uploads under way "
                   "of {}; this is {}. Mount that one here once more, or use stsfs recover, or "
                   "another --state-dir",
                   path_, found_.files.size(), found_.uploads.size(), describe(split(whose)),
                   describe(identity)));
}

core::Status JournalTables::stamp(const Identity& identity) {
  const std::string whose = join(identity);
  return within_transaction([&]() -> core::Status {
    TRY_ASSIGN(Statement owner, database_.prepare("UPDATE about SET identity=?1"));
    return owner.bind(1, whose).run();
  });
}

core::Status JournalTables::prepare() {
  const auto make = [&](Statement& statement, std::string_view sql) -> core::Status {
    TRY_ASSIGN(statement, database_.prepare(sql));
    return {};
  };
  TRY(make(put_file_,
           "INSERT OR REPLACE INTO file VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"));
  TRY(make(get_file_, "SELECT * FROM file WHERE number=?1"));
  TRY(make(put_content_, "INSERT OR REPLACE INTO content VALUES(?1, ?2, ?3)"));
  TRY(make(content_sum_, "SELECT sum FROM content WHERE number=?1"));
  TRY(make(drop_content_, "DELETE FROM content WHERE number=?1"));
  TRY(make(file_sum_, "SELECT sum FROM file WHERE number=?1"));
  TRY(make(drop_file_, "DELETE FROM file WHERE number=?1"));
  TRY(make(put_upload_, "INSERT OR REPLACE INTO upload VALUES(?1, ?2, ?3, ?4)"));
  TRY(make(upload_sum_, "SELECT sum FROM upload WHERE key=?1 AND id=?2"));
  TRY(make(drop_upload_, "DELETE FROM upload WHERE key=?1 AND id=?2"));
  TRY(make(put_part_, "INSERT OR REPLACE INTO part VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  TRY(make(part_sum_, "SELECT sum FROM part WHERE key=?1 AND id=?2 AND number=?3"));
  TRY(make(part_sums_, "SELECT sum FROM part WHERE key=?1 AND id=?2"));
  TRY(make(drop_parts_, "DELETE FROM part WHERE key=?1 AND id=?2"));
  return make(note_, "UPDATE about SET sequence=?1, total=?2");
}

// ---- changing

core::Status JournalTables::within_transaction(const std::function<core::Status()>& work) {
  const std::uint64_t total = total_;
  TRY(database_.run("BEGIN IMMEDIATE"));
  core::Status done = work();
  if (done) {
    done = note_.bind(1, as_signed(sequence_ + 1)).bind(2, as_signed(total_)).run();
  }
  if (done) {
    done = database_.run("COMMIT");
  }
  if (!done) {
    static_cast<void>(database_.run("ROLLBACK"));  // some failures have done so by themselves
    total_ = total;
    return std::move(done).error().within("write the journal " + path_);
  }
  ++sequence_;
  tell_witness();
  return {};
}

/// Of all rows that `select` finds, joined; resets it.
core::Result<std::uint64_t> JournalTables::sums_of(Statement& select) {
  std::uint64_t sums = 0;
  for (;;) {
    const auto more = select.step();
    if (!more || !*more) {
      select.reset();
      TRY(more);
      return sums;
    }
    sums ^= as_unsigned(select.number(0));
  }
}

core::Status JournalTables::put_content(std::uint64_t number, const std::string& content) {
  const std::uint64_t sum = sum_of(number, content);
  TRY_ASSIGN(const std::uint64_t before, sums_of(content_sum_.bind(1, as_signed(number))));
  TRY(put_content_.bind(1, as_signed(number)).bind(2, as_signed(sum)).bind(3, content).run());
  total_ ^= before ^ sum;
  return {};
}

core::Status JournalTables::drop_content(std::uint64_t number) {
  TRY_ASSIGN(const std::uint64_t before, sums_of(content_sum_.bind(1, as_signed(number))));
  TRY(drop_content_.bind(1, as_signed(number)).run());
  total_ ^= before;
  return {};
}

core::Status JournalTables::put_file(const KeptFile& file, const std::string* content) {
  if (!file.inside || file.size == 0) {
    TRY(drop_content(file.number));
  } else if (content != nullptr) {
    TRY(put_content(file.number, *content));
  }
  const FileRow row(file);
  TRY_ASSIGN(const std::uint64_t before, sums_of(file_sum_.bind(1, as_signed(file.number))));
  TRY(put_file_.bind(1, as_signed(file.number))
          .bind(2, file.wanted.key)
          .bind(3, as_signed(file.wanted.inode))
          .bind(4, as_signed(file.size))
          .bind(5, std::int64_t{file.inside ? 1 : 0})
          .bind(6, row.wanted)
          .bind(7, row.base)
          .bind(8, row.sent)
          .bind(9, as_signed(file.tries))
          .bind(10, file.error)
          .bind(11, as_signed(row.sum))
          .run());
  total_ ^= before ^ row.sum;
  return {};
}

core::Status JournalTables::drop_file(std::uint64_t number) {
  TRY(drop_content(number));
  TRY_ASSIGN(const std::uint64_t before, sums_of(file_sum_.bind(1, as_signed(number))));
  TRY(drop_file_.bind(1, as_signed(number)).run());
  total_ ^= before;
  return {};
}

core::Status JournalTables::change(std::uint64_t number,
                                   const std::function<void(KeptFile&)>& edit) {
  TRY_ASSIGN(const bool found, get_file_.bind(1, as_signed(number)).step());
  if (!found) {
    get_file_.reset();
    return {};  // it is done by now
  }
  auto file = file_of(get_file_);
  get_file_.reset();
  TRY(file);
  edit(*file);
  return put_file(*file, nullptr);
}

core::Status JournalTables::note_failure(std::uint64_t number, const std::string& error) {
  return change(number, [&](KeptFile& file) {
    ++file.tries;
    file.error = error;
  });
}

core::Status JournalTables::rename(std::uint64_t number, const std::string& key) {
  return change(number, [&](KeptFile& file) {
    file.wanted.key = file.base.key = key;
    for (Remembered& one : file.sent) {
      one.key = key;
    }
  });
}

core::Status JournalTables::put_upload(const KeptUpload& upload) {
  const std::uint64_t sum = sum_of(upload);
  TRY_ASSIGN(const std::uint64_t before,
             sums_of(upload_sum_.bind(1, upload.key).bind(2, upload.id)));
  TRY(put_upload_.bind(1, upload.key)
          .bind(2, upload.id)
          .bind(3, upload.attributes)
          .bind(4, as_signed(sum))
          .run());
  total_ ^= before ^ sum;
  return {};
}

core::Status JournalTables::put_part(const std::string& key, const std::string& id,
                                     const KeptPart& part) {
  TRY_ASSIGN(const bool begun, upload_sum_.bind(1, key).bind(2, id).step());
  upload_sum_.reset();
  if (!begun) {
    return {};  // it is over by now
  }
  const std::uint64_t sum = sum_of(key, id, part);
  TRY_ASSIGN(const std::uint64_t before,
             sums_of(part_sum_.bind(1, key).bind(2, id).bind(3, as_signed(part.number))));
  TRY(put_part_.bind(1, key)
          .bind(2, id)
          .bind(3, as_signed(part.number))
          .bind(4, as_signed(part.first))
          .bind(5, as_signed(part.last))
          .bind(6, as_signed(part.crc64))
          .bind(7, part.etag)
          .bind(8, as_signed(sum))
          .run());
  total_ ^= before ^ sum;
  return {};
}

core::Result<bool> JournalTables::drop_upload(const std::string& key, const std::string& id) {
  TRY_ASSIGN(const std::uint64_t upload, sums_of(upload_sum_.bind(1, key).bind(2, id)));
  TRY_ASSIGN(const std::uint64_t parts, sums_of(part_sums_.bind(1, key).bind(2, id)));
  TRY(drop_parts_.bind(1, key).bind(2, id).run());
  TRY(drop_upload_.bind(1, key).bind(2, id).run());
  const bool was_there = database_.changes() > 0;
  total_ ^= upload ^ parts;
  return was_there;
}

// ---- reading

core::Result<KeptFile> JournalTables::file_of(Statement& row) {
  KeptFile file;
  file.number = as_unsigned(row.number(0));
  const auto inode = as_unsigned(row.number(2));
  auto wanted = decode_row(std::string(row.bytes(1)), inode, row.bytes(5));
  auto base = decode_row(std::string(row.bytes(1)), 0, row.bytes(6));
  file.size = as_unsigned(row.number(3));
  file.inside = row.number(4) != 0;
  auto sent = decode_all(std::string(row.bytes(1)), row.bytes(7));
  file.tries = as_unsigned(row.number(8));
  file.error = row.bytes(9);
  if (!wanted || !base || !sent) {
    return core::fail(ErrorKind::Corrupt, core::format("the row of file {}", file.number));
  }
  file.wanted = *std::move(wanted);
  file.base = *std::move(base);
  file.sent = *std::move(sent);
  if (FileRow(file).sum != as_unsigned(row.number(10))) {
    return core::fail(ErrorKind::Corrupt, core::format("the row of file {}", file.number));
  }
  return file;
}

core::Result<std::vector<KeptFile>> JournalTables::read_files(std::uint64_t& total) {
  TRY_ASSIGN(Statement all, database_.prepare("SELECT * FROM file ORDER BY number"));
  std::vector<KeptFile> files;
  for (;;) {
    TRY_ASSIGN(const bool more, all.step());
    if (!more) {
      return files;
    }
    TRY_ASSIGN(KeptFile file, file_of(all));
    total ^= as_unsigned(all.number(10));
    files.push_back(std::move(file));
  }
}

core::Status JournalTables::check_contents(const std::vector<KeptFile>& files,
                                           std::uint64_t& total) {
  TRY_ASSIGN(Statement all,
             database_.prepare("SELECT number, sum, bytes FROM content ORDER BY number"));
  for (const KeptFile& file : files) {
    if (!file.inside || file.size == 0) {
      continue;
    }
    TRY_ASSIGN(const bool found, all.step());
    const std::string_view bytes = found ? all.bytes(2) : std::string_view();
    if (!found || as_unsigned(all.number(0)) != file.number || bytes.size() != file.size ||
        as_unsigned(all.number(1)) != sum_of(file.number, bytes)) {
      return core::fail(ErrorKind::Corrupt, core::format("the content of file {}", file.number));
    }
    total ^= as_unsigned(all.number(1));
  }
  TRY_ASSIGN(const bool more, all.step());
  return more ? core::Status(core::fail(ErrorKind::Corrupt, "there is content of no file"))
              : core::Status();
}

core::Status JournalTables::visit_contents(const Visit& visit) {
  TRY_ASSIGN(Statement all, database_.prepare("SELECT number, sum, bytes FROM content"));
  for (;;) {
    TRY_ASSIGN(const bool more, all.step());
    if (!more) {
      return {};
    }
    const std::uint64_t number = as_unsigned(all.number(0));
    if (as_unsigned(all.number(1)) != sum_of(number, all.bytes(2))) {
      return core::fail(ErrorKind::Corrupt, core::format("the content of file {}", number));
    }
    TRY(visit(number, all.bytes(2)));
  }
}

core::Status JournalTables::read_parts(KeptUpload& upload, std::uint64_t& total) {
  TRY_ASSIGN(Statement parts,
             database_.prepare("SELECT number, first, last, crc64, etag, sum FROM part"
                               " WHERE key=?1 AND id=?2 ORDER BY number"));
  parts.bind(1, upload.key).bind(2, upload.id);
  for (;;) {
    TRY_ASSIGN(const bool more, parts.step());
    if (!more) {
      return {};
    }
    KeptPart part{as_unsigned(parts.number(0)), as_unsigned(parts.number(1)),
                  as_unsigned(parts.number(2)), as_unsigned(parts.number(3)),
                  std::string(parts.bytes(4))};
    const std::uint64_t sum = as_unsigned(parts.number(5));
    if (sum != sum_of(upload.key, upload.id, part)) {
      return core::fail(ErrorKind::Corrupt, "the row of a part");
    }
    total ^= sum;
    upload.parts.push_back(std::move(part));
  }
}

core::Result<std::vector<KeptUpload>> JournalTables::read_uploads(std::uint64_t& total) {
  TRY_ASSIGN(Statement all, database_.prepare("SELECT key, id, attributes, sum FROM upload"));
  std::vector<KeptUpload> uploads;
  for (;;) {
    TRY_ASSIGN(const bool more, all.step());
    if (!more) {
      return uploads;
    }
    KeptUpload upload{
        std::string(all.bytes(0)), std::string(all.bytes(1)), std::string(all.bytes(2)), {}};
    const std::uint64_t sum = as_unsigned(all.number(3));
    if (sum != sum_of(upload)) {
      return core::fail(ErrorKind::Corrupt, "the row of an upload");
    }
    total ^= sum;
    TRY(read_parts(upload, total));
    uploads.push_back(std::move(upload));
  }
}

core::Result<JournalTables::Contents> JournalTables::read() {
  Contents contents;
  std::uint64_t total = 0;
  TRY_ASSIGN(contents.files, read_files(total));
  TRY(check_contents(contents.files, total));
  TRY_ASSIGN(contents.uploads, read_uploads(total));
  if (total != total_) {
    return core::fail(ErrorKind::Corrupt, "rows are missing");
  }
  return contents;
}

}  // namespace state
