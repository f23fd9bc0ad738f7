#include "state/database.h"

#include <sqlite3.h>

namespace state {
namespace {

core::Error failure(sqlite3* connection, int code) {
  auto kind = core::ErrorKind::Io;
  switch (code & 0xff) {  // the rest are details
    case SQLITE_FULL:
      kind = core::ErrorKind::NoSpace;
      break;
    case SQLITE_ERROR:  // no such table: the schema is not ours
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
      kind = core::ErrorKind::Corrupt;
      break;
    case SQLITE_READONLY:
      kind = core::ErrorKind::ReadOnly;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      kind = core::ErrorKind::Busy;
      break;
    default:
      break;
  }
  return core::fail(
      kind, std::string("SQLite: ") +
                (connection == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(connection)));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int parameter, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), parameter, number);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view bytes) {
  // A null pointer would bind NULL, which equals nothing.
  sqlite3_bind_blob64(statement_.get(), parameter, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      nullptr);
  return *this;
}

core::Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW || code == SQLITE_DONE) {
    return code == SQLITE_ROW;
  }
  return failure(sqlite3_db_handle(statement_.get()), code);
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr
             ? std::string_view{}
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

core::Status Statement::run() {
  const auto stepped = step();
  reset();
  TRY(stepped);
  return {};
}

void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

core::Result<Database> Database::open(const std::string& path, Access access) {
  // SQLite's own locks are not needed: a connection is used by one thread at a time.
  const int flags =
      SQLITE_OPEN_NOMUTEX |
      (access == Access::Read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  Database database;
  database.connection_.reset(connection);
  if (code != SQLITE_OK) {
    return failure(connection, code);
  }
  return database;
}

core::Status Database::run(const char* sql) {
  const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return failure(connection_.get(), code);
  }
  return {};
}

core::Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) {
    return failure(connection_.get(), code);
  }
  Statement statement;
  statement.statement_.reset(raw);
  return statement;
}

std::int64_t Database::changes() const { return sqlite3_changes64(connection_.get()); }

}  // namespace state
