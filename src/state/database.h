#pragma once
// SQLite as values with owners: this and its .cc are all that know its interface.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace state {

/// One statement, prepared once and run often. Threads: those of its database.
class Statement {
 public:
  Statement() = default;

  /// Parameters count from 1, columns from 0. A text is bytes, compared as bytes, and has to live
  /// until the statement is reset.
  Statement& bind(int parameter, std::int64_t number);
  Statement& bind(int parameter, std::string_view bytes);
  /// True: there is a row. Errors: as Database's.
  core::Result<bool> step();
  [[nodiscard]] std::int64_t number(int column) const;
  /// Until the next step.
  [[nodiscard]] std::string_view bytes(int column) const;
  void reset();
  /// step() and reset(), for what has no rows.
  core::Status run();

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection. Threads: one at a time; statements end before it does.
///
/// Errors of all that follows: NoSpace (the disk, or the bound on its size), Corrupt (damaged, or
/// not what we made), ReadOnly, Busy, Io.
class Database {
 public:
  enum class Access : std::uint8_t { Read, Write };
  /// Writing makes the file where it is missing.
  static core::Result<Database> open(const std::string& path, Access access);

  core::Status run(const char* sql);
  core::Result<Statement> prepare(std::string_view sql);
  /// Rows that the last statement changed.
  [[nodiscard]] std::int64_t changes() const;

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace state
