#include "state/journal.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/thread_pool.h"

namespace state {

core::Result<std::unique_ptr<Journal>> Journal::open(const std::string& path,
                                                     const Identity& identity,
                                                     core::Metrics& metrics) {
  std::unique_ptr<Journal> journal(new Journal(metrics));
  TRY(journal->tables_.open(path, identity));
  TRY_ASSIGN(journal->found_, journal->tables_.read());
  for (const KeptFile& file : journal->found_.files) {
    journal->next_number_ = std::max(journal->next_number_, file.number + 1);
  }
  journal->counters_.uploads.set(static_cast<std::int64_t>(journal->found_.uploads.size()));
  journal->writer_ = std::jthread([self = journal.get()] { self->run(); });
  return journal;
}

Journal::~Journal() {
  const core::MutexLock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
}

std::uint64_t Journal::new_number() {
  const core::MutexLock lock(mutex_);
  return next_number_++;
}

core::Status Journal::wait_for(Change change) {
  Outcome outcome;
  const core::MutexLock lock(mutex_);
  queued_.push_back({std::move(change), &outcome, {}});
  wake_.notify_one();
  while (!outcome.done) {
    finished_.wait(mutex_);
  }
  return std::move(outcome.status);
}

void Journal::post(Change change, std::function<void()> then) {
  const core::MutexLock lock(mutex_);
  queued_.push_back({std::move(change), nullptr, std::move(then)});
  wake_.notify_one();
}

void Journal::run() {
  core::name_this_thread("journal");
  for (;;) {
    std::vector<Waiting> batch;
    {
      const core::MutexLock lock(mutex_);
      while (queued_.empty() && !stopping_) {
        wake_.wait(mutex_);
      }
      if (queued_.empty()) {
        return;
      }
      batch = std::exchange(queued_, {});
    }
    write(std::move(batch));
  }
}

void Journal::write(std::vector<Waiting> batch) {
  const core::Status done = tables_.within_transaction([&]() -> core::Status {
    for (const Waiting& waiting : batch) {
      TRY(waiting.change(tables_));
    }
    return {};
  });
  if (done) {
    counters_.changes.add(static_cast<std::int64_t>(batch.size()));
    counters_.transactions.add();
  } else {
    counters_.failures.add();
    core::log(core::LogLevel::Error, "journal.failed", {{"error", core::describe(done.error())}});
  }
  for (const Waiting& waiting : batch) {
    if (done && waiting.then) {
      waiting.then();
    }
  }
  const core::MutexLock lock(mutex_);
  for (const Waiting& waiting : batch) {
    if (waiting.outcome != nullptr) {
      waiting.outcome->status = done;
      waiting.outcome->done = true;
    }
  }
  finished_.notify_all();
}

core::Status Journal::keep(const KeptFile& file) {
  return wait_for([&file](JournalTables& tables) { return tables.put_file(file); });
}

core::Status Journal::replace(const KeptFile& file, std::uint64_t other) {
  return wait_for([&file, other](JournalTables& tables) -> core::Status {
    TRY(tables.put_file(file));
    return tables.drop_file(other);
  });
}

core::Status Journal::keep_all(const std::vector<KeptFile>& files) {
  return wait_for([&files](JournalTables& tables) -> core::Status {
    for (const KeptFile& file : files) {
      TRY(tables.put_file(file));
    }
    return {};
  });
}

void Journal::drop(std::uint64_t number, std::function<void()> then) {
  post([number](JournalTables& tables) { return tables.drop_file(number); }, std::move(then));
}

void Journal::note_failure(std::uint64_t number, std::string error) {
  post([number, error = std::move(error)](JournalTables& tables) {
    return tables.note_failure(number, error);
  });
}

core::Status Journal::begin_upload(const KeptUpload& upload) {
  counters_.uploads.add();
  return wait_for([&upload](JournalTables& tables) { return tables.put_upload(upload); });
}

void Journal::note_part(std::string key, std::string id, KeptPart part) {
  post([key = std::move(key), id = std::move(id), part = std::move(part)](JournalTables& tables) {
    return tables.put_part(key, id, part);
  });
}

void Journal::end_upload(std::string key, std::string id) {
  post([this, key = std::move(key), id = std::move(id)](JournalTables& tables) -> core::Status {
    TRY_ASSIGN(const bool was_there, tables.drop_upload(key, id));
    counters_.uploads.add(was_there ? -1 : 0);
    return {};
  });
}

}  // namespace state
