#include "state/memory_file.h"

#include <algorithm>
#include <utility>

#include "core/format.h"

namespace state {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr std::uint64_t kPageBytes = 4096;  // SQLite's default
constexpr std::size_t kReaders = 4;
constexpr std::uint64_t kGenerations = 16;

// NORMAL: the file stays sound whatever happens, and its last moments may be lost, which a cache
// can bear.
constexpr const char* kSettings =
    "PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4096;"
    "PRAGMA journal_size_limit=16777216;";
constexpr const char* kTables =
    "BEGIN;"
    // Without row ids the siblings of a directory lie side by side on the pages.
    "CREATE TABLE object(directory BLOB NOT NULL, name BLOB NOT NULL, inode INTEGER NOT NULL,"
    " used INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY(directory, name)) WITHOUT ROWID;"
    "CREATE INDEX object_inode ON object(inode) WHERE inode <> 0;"
    "CREATE TABLE about(identity BLOB NOT NULL, generation INTEGER NOT NULL,"
    " objects INTEGER NOT NULL, highest_inode INTEGER NOT NULL);";

/// Behind everything that begins with `prefix`, which ends in '/'.
std::string end_of(std::string_view prefix) {
  std::string end(prefix);
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

}  // namespace

struct MemoryFile::Writer {
  Database database;
  Statement update;
  Statement insert;
  Statement forget;
  Statement forget_all;
  Statement forget_tree;
  Statement use;
  Statement evict;
  Statement note;
};

struct MemoryFile::Reader {
  Database database;
  Statement between;
  Statement by_inode;
};

/// A reader for the time of one question.
class MemoryFile::Lent {
 public:
  explicit Lent(MemoryFile& file) : file_(file), pass_(file.gate_.enter()) {
    if (!pass_) {
      return;
    }
    const core::MutexLock lock(file_.mutex_);
    while (file_.idle_.empty()) {
      file_.returned_.wait(file_.mutex_);
    }
    reader_ = std::move(file_.idle_.back());
    file_.idle_.pop_back();
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    if (reader_) {
      const core::MutexLock lock(file_.mutex_);
      file_.idle_.push_back(std::move(reader_));
      file_.returned_.notify_one();
    }
  }
  /// None once the file is closed.
  [[nodiscard]] Reader* get() const { return reader_.get(); }

 private:
  MemoryFile& file_;
  std::optional<core::Gate::Pass> pass_;
  std::unique_ptr<Reader> reader_;
};

MemoryFile::MemoryFile(Bound bound, Counters& counters) : bound_(bound), counters_(counters) {}

core::Result<std::unique_ptr<MemoryFile>> MemoryFile::open(const std::string& path,
                                                           const std::string& identity, Bound bound,
                                                           Counters& counters) {
  std::unique_ptr<MemoryFile> file(new MemoryFile(bound, counters));
  TRY(file->prepare(path, identity));
  return file;
}

core::Status MemoryFile::prepare(const std::string& path, const std::string& identity) {
  TRY_ASSIGN(Database database, Database::open(path, Database::Access::Write));
  writer_ = std::make_unique<Writer>();
  writer_->database = std::move(database);
  TRY(check(identity));
  Database& writing = writer_->database;
  TRY_ASSIGN(writer_->update, writing.prepare("UPDATE object SET inode=?3, used=?4, value=?5"
                                              " WHERE directory=?1 AND name=?2"));
  TRY_ASSIGN(writer_->insert, writing.prepare("INSERT INTO object VALUES(?1, ?2, ?3, ?4, ?5)"));
  TRY_ASSIGN(writer_->forget, writing.prepare("DELETE FROM object WHERE directory=?1 AND name=?2"));
  // A condition, or the count of rows would not be told.
  TRY_ASSIGN(writer_->forget_all, writing.prepare("DELETE FROM object WHERE true"));
  TRY_ASSIGN(writer_->forget_tree,
             writing.prepare("DELETE FROM object WHERE directory>=?1 AND directory<?2"));
  TRY_ASSIGN(writer_->use, writing.prepare("UPDATE object SET used=?4 WHERE directory=?1"
                                           " AND name BETWEEN ?2 AND ?3 AND used<?4"));
  TRY_ASSIGN(writer_->evict,
             writing.prepare("DELETE FROM object WHERE (directory, name) IN"
                             " (SELECT directory, name FROM object ORDER BY used LIMIT ?1)"));
  TRY_ASSIGN(writer_->note,
             writing.prepare("UPDATE about SET generation=?1, objects=?2, highest_inode=?3"));
  const core::MutexLock lock(mutex_);
  while (idle_.size() < kReaders) {
    auto reader = std::make_unique<Reader>();
    TRY_ASSIGN(reader->database, Database::open(path, Database::Access::Read));
    TRY(reader->database.run("PRAGMA cache_size=-1024"));
    TRY_ASSIGN(reader->between,
               reader->database.prepare("SELECT directory, name, inode, used, value FROM object"
                                        " WHERE directory=?1 AND name BETWEEN ?2 AND ?3"
                                        " ORDER BY name"));
    TRY_ASSIGN(reader->by_inode,
               reader->database.prepare("SELECT directory, name, inode, used, value FROM object"
                                        " WHERE inode=?1 AND inode<>0"));
    idle_.push_back(std::move(reader));
  }
  return {};
}

core::Status MemoryFile::check(const std::string& identity) {
  Database& database = writer_->database;
  {
    TRY_ASSIGN(Statement journal, database.prepare("PRAGMA journal_mode=WAL"));
    TRY(journal.step());
    if (journal.bytes(0) != "wal") {  // readers would wait for the writer
      return core::fail(core::ErrorKind::Unsupported, "this file system cannot hold a shared log");
    }
  }
  TRY(database.run(kSettings));
  TRY(database.run(core::format("PRAGMA max_page_count={}",
                                std::max<std::uint64_t>(bound_.bytes / kPageBytes, 1))
                       .c_str()));
  std::int64_t schema = 0;
  {
    TRY_ASSIGN(Statement version, database.prepare("PRAGMA user_version"));
    TRY(version.step());
    schema = version.number(0);
  }
  if (schema == 0) {
    TRY(database.run(kTables));
    TRY_ASSIGN(Statement owner, database.prepare("INSERT INTO about VALUES(?1, 1, 0, 0)"));
    TRY(owner.bind(1, identity).run());
    return database.run(core::format("PRAGMA user_version={}; COMMIT", kSchema).c_str());
  }
  if (schema != kSchema) {
    return core::fail(core::ErrorKind::Changed, core::format("it has schema {}", schema));
  }
  TRY_ASSIGN(Statement about,
             database.prepare("SELECT identity, generation, objects, highest_inode FROM about"));
  TRY_ASSIGN(const bool told, about.step());
  if (!told || about.bytes(0) != identity) {
    return core::fail(core::ErrorKind::Changed, "it is of another bucket");
  }
  generation_ = about.number(1);
  objects_ = about.number(2);
  highest_inode_ = static_cast<std::uint64_t>(about.number(3));
  counters_.objects.set(objects_);
  return {};
}

MemoryFile::~MemoryFile() { close(); }

void MemoryFile::close() {
  gate_.close();
  {
    const core::MutexLock lock(mutex_);
    idle_.clear();
  }
  writer_.reset();  // the last connection tidies up
}

core::Result<MemoryFile::Rows> MemoryFile::rows_of(Statement& statement) {
  Rows found;
  const std::int64_t generation = generation_;
  for (;;) {
    const auto more = statement.step();
    if (!more || !*more) {
      statement.reset();
      TRY(more);
      return found;
    }
    std::string key(statement.bytes(0));
    key += statement.bytes(1);
    auto row = decode_row(std::move(key), static_cast<std::uint64_t>(statement.number(2)),
                          statement.bytes(4));
    if (!row) {
      counters_.damaged.add();
      continue;
    }
    found.rows.push_back(*std::move(row));
    found.to_use = found.to_use || statement.number(3) < generation;
  }
}

core::Result<MemoryFile::Rows> MemoryFile::between(std::string_view directory,
                                                   std::string_view first, std::string_view last) {
  const Lent reader(*this);
  if (reader.get() == nullptr) {
    return Rows{};
  }
  return rows_of(reader.get()->between.bind(1, directory).bind(2, first).bind(3, last));
}

core::Result<MemoryFile::Rows> MemoryFile::by_inode(std::uint64_t inode) {
  const Lent reader(*this);
  if (reader.get() == nullptr) {
    return Rows{};
  }
  return rows_of(reader.get()->by_inode.bind(1, static_cast<std::int64_t>(inode)));
}

core::Status MemoryFile::within_transaction(
    const std::function<core::Status(std::int64_t& objects)>& work) {
  Database& database = writer_->database;
  TRY(database.run("BEGIN IMMEDIATE"));
  std::int64_t objects = objects_;
  core::Status done = work(objects);
  if (done) {
    done = writer_->note.bind(1, generation_)
               .bind(2, objects)
               .bind(3, static_cast<std::int64_t>(highest_inode_))
               .run();
  }
  if (done) {
    done = database.run("COMMIT");
  }
  if (!done) {
    static_cast<void>(database.run("ROLLBACK"));  // some failures have done so by themselves
    return done;
  }
  objects_ = objects;
  counters_.objects.set(objects);
  return {};
}

core::Status MemoryFile::write(const Changes& changes) {
  Writer& writer = *writer_;
  return within_transaction([&](std::int64_t& objects) -> core::Status {
    for (const std::string& tree : changes.trees()) {
      if (tree.empty()) {
        TRY(writer.forget_all.run());
      } else {
        const std::string end = end_of(tree);
        TRY(writer.forget_tree.bind(1, tree).bind(2, end).run());
      }
      objects -= writer.database.changes();
    }
    for (const auto& [directory, names] : changes.directories()) {
      for (const auto& [name, row] : names) {
        TRY(write_row(directory, name, row.get(), objects));
      }
    }
    for (const Changes::Used& used : changes.used()) {
      TRY(writer.use.bind(1, used.directory)
              .bind(2, used.first)
              .bind(3, used.last)
              .bind(4, generation_)
              .run());
    }
    return {};
  });
}

core::Status MemoryFile::write_row(std::string_view directory, std::string_view name,
                                   const Remembered* row, std::int64_t& objects) {
  Writer& writer = *writer_;
  if (row == nullptr) {
    TRY(writer.forget.bind(1, directory).bind(2, name).run());
    objects -= writer.database.changes();
    return {};
  }
  const std::string value = encode_row(*row);
  const auto run = [&](Statement& statement) {
    return statement.bind(1, directory)
        .bind(2, name)
        .bind(3, static_cast<std::int64_t>(row->inode))
        .bind(4, generation_)
        .bind(5, value)
        .run();
  };
  TRY(run(writer.update));
  if (writer.database.changes() == 0) {
    TRY(run(writer.insert));
    ++objects;
  }
  return {};
}

core::Status MemoryFile::evict(std::uint64_t count) {
  return within_transaction([&](std::int64_t& objects) -> core::Status {
    TRY(writer_->evict.bind(1, static_cast<std::int64_t>(count)).run());
    const std::int64_t gone = writer_->database.changes();
    objects -= gone;
    counters_.evicted.add(gone);
    return {};
  });
}

core::Status MemoryFile::apply(const Changes& changes, std::uint64_t highest_inode) {
  highest_inode_ = std::max(highest_inode_, highest_inode);
  auto done = write(changes);
  if (!done && done.error().kind == core::ErrorKind::NoSpace && objects_ > 0) {
    TRY(evict(static_cast<std::uint64_t>(objects_) / kGenerations + 2 * changes.rows()));
    done = write(changes);
  }
  TRY(done);
  counters_.written.add(static_cast<std::int64_t>(changes.rows()));
  const std::uint64_t share = std::max<std::uint64_t>(bound_.objects / kGenerations, 1);
  written_ += changes.rows();
  if (written_ >= share) {
    written_ = 0;
    ++generation_;
  }
  const auto objects = static_cast<std::uint64_t>(std::max<std::int64_t>(objects_, 0));
  if (objects > bound_.objects) {
    return evict(objects - bound_.objects + share);
  }
  return {};
}

}  // namespace state
