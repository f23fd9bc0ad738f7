#pragma once
// The journal's tables: one connection, each row with a sum, all rows with one.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "state/database.h"
#include "state/journal_rows.h"

namespace state {

/// What damage could hide is found in three ways: SQLite's own check of the file; a sum in each row
/// and one over all; and the number of the last transaction, told to a file beside (the witness)
/// once it is durable, which shows when SQLite took the end of its log for never written.
///
/// Threads: one at a time.
/// Errors: those of Database.
class JournalTables {
 public:
  JournalTables() = default;
  JournalTables(const JournalTables&) = delete;
  JournalTables& operator=(const JournalTables&) = delete;

  /// Makes the file where it is missing.
  /// Errors: Changed: of another bucket or host, and not empty; Unsupported: of a newer schema;
  /// Corrupt. Each says which file, what of it, and what to do; none changes anything.
  core::Status open(const std::string& path, const Identity& identity);

  struct Contents {
    std::vector<KeptFile> files;  ///< oldest first
    std::vector<KeptUpload> uploads;
  };
  /// What was there when it was opened, once.
  Contents take_found() { return std::move(found_); }

  using Visit = std::function<core::Status(std::uint64_t number, std::string_view content)>;
  /// All content that is inside and not empty. Errors: Corrupt, before `visit` sees any of it; what
  /// `visit` returns, which ends it.
  core::Status visit_contents(const Visit& visit);

  /// Runs `work` in one transaction, durable upon return; a failure leaves all as it was.
  core::Status within_transaction(const std::function<core::Status()>& work);

  // Within a transaction.
  /// No `content`: it is as it was, or not inside.
  core::Status put_file(const KeptFile& file, const std::string* content);
  core::Status drop_file(std::uint64_t number);
  /// No change where there is no such number.
  core::Status rename(std::uint64_t number, const std::string& key);
  core::Status note_failure(std::uint64_t number, const std::string& error);
  core::Status put_upload(const KeptUpload& upload);
  core::Status put_part(const std::string& key, const std::string& id, const KeptPart& part);
  /// Whether it was there.
  core::Result<bool> drop_upload(const std::string& key, const std::string& id);

 private:
  core::Status configure();
  core::Status check_schema();
  core::Status check_identity(const Identity& identity);
  core::Status check_witness();
  core::Status stamp(const Identity& identity);
  core::Status prepare();
  core::Result<std::uint64_t> sums_of(Statement& select);
  core::Result<Contents> read();
  core::Status put_content(std::uint64_t number, const std::string& content);
  core::Status drop_content(std::uint64_t number);
  core::Status check_contents(const std::vector<KeptFile>& files, std::uint64_t& total);
  core::Result<std::vector<KeptFile>> read_files(std::uint64_t& total);
  core::Result<std::vector<KeptUpload>> read_uploads(std::uint64_t& total);
  core::Status read_parts(KeptUpload& upload, std::uint64_t& total);
  core::Result<KeptFile> file_of(Statement& row);
  core::Status change(std::uint64_t number, const std::function<void(KeptFile&)>& edit);
  void tell_witness();
  [[nodiscard]] core::Error damaged(const std::string& what) const;

  std::string path_;
  core::UniqueFd witness_;
  Database database_;
  Statement put_file_;
  Statement get_file_;
  Statement file_sum_;
  Statement drop_file_;
  Statement put_content_;
  Statement content_sum_;
  Statement drop_content_;
  Statement put_upload_;
  Statement upload_sum_;
  Statement drop_upload_;
  Statement put_part_;
  Statement part_sum_;
  Statement part_sums_;
  Statement drop_parts_;
  Statement note_;
  std::uint64_t sequence_ = 0;  ///< of the last transaction
  std::uint64_t total_ = 0;     ///< the sums of all rows, joined by exclusive or
  Contents found_;
};

}  // namespace state
