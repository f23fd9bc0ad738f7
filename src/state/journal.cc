#include "state/journal.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/thread_pool.h"

namespace state {
namespace {

// What nobody waits for is written with something that somebody does, or after so long.
constexpr core::Duration kAnytime = std::chrono::milliseconds{200};

}  // namespace

core::Result<std::unique_ptr<Journal>> Journal::open(const std::string& path,
                                                     const Identity& identity,
                                                     core::Metrics& metrics) {
  std::unique_ptr<Journal> journal(new Journal(metrics));
  TRY(journal->tables_.open(path, identity));
  journal->found_ = journal->tables_.take_found();
  std::uint64_t next = 1;
  for (const KeptFile& file : journal->found_.files) {
    next = std::max(next, file.number + 1);
  }
  {
    const core::MutexLock lock(journal->mutex_);
    journal->next_number_ = next;
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
  {
    const core::MutexLock lock(mutex_);
    queued_.push_back({std::move(change), &outcome, {}});
  }
  for (;;) {
    std::vector<Waiting> batch;
    {
      const core::MutexLock lock(mutex_);
      while (writing_ && !outcome.done) {
        finished_.wait(mutex_);
      }
      if (outcome.done) {
        return std::move(outcome.status);
      }
      batch = take_queued();
    }
    write(std::move(batch));
  }
}

void Journal::post(Change change, When when, std::function<void()> then) {
  const core::MutexLock lock(mutex_);
  const bool first = queued_.empty();
  queued_.push_back({std::move(change), nullptr, std::move(then)});
  if (when == When::Soon) {
    due_ = core::SteadyTime::min();
  } else if (first) {
    due_ = core::BootClock::now() + kAnytime;
  } else {
    return;
  }
  wake_.notify_one();
}

core::Status Journal::settle() {
  {
    const core::MutexLock lock(mutex_);
    if (queued_.empty() && !writing_) {
      return {};
    }
  }
  return wait_for([](JournalTables& /*tables*/) { return core::Status(); });
}

std::vector<Journal::Waiting> Journal::take_queued() {
  writing_ = true;
  due_ = core::SteadyTime::max();
  return std::exchange(queued_, {});
}

void Journal::run() {
  core::name_this_thread("journal");
  for (;;) {
    std::vector<Waiting> batch;
    {
      const core::MutexLock lock(mutex_);
      while (writing_ || (!stopping_ && (queued_.empty() || core::BootClock::now() < due_))) {
        wake_.wait_until(mutex_, writing_ ? core::SteadyTime::max() : due_);
      }
      if (queued_.empty()) {
        return;
      }
      batch = take_queued();
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
  writing_ = false;
  finished_.notify_all();
  if (stopping_ || !queued_.empty()) {
    wake_.notify_one();
  }
}

core::Status Journal::keep(const KeptFile& file, const std::string* content) {
  return wait_for(
      [&file, content](JournalTables& tables) { return tables.put_file(file, content); });
}

core::Status Journal::visit_contents(const JournalTables::Visit& visit) {
  return wait_for([&visit](JournalTables& tables) { return tables.visit_contents(visit); });
}

core::Status Journal::replace(const KeptFile& file, const std::string* content,
                              std::uint64_t other) {
  return wait_for([&file, content, other](JournalTables& tables) -> core::Status {
    TRY(tables.put_file(file, content));
    return tables.drop_file(other);
  });
}

core::Status Journal::rename_all(const std::vector<Renamed>& renamed) {
  return wait_for([&renamed](JournalTables& tables) -> core::Status {
    for (const Renamed& one : renamed) {
      TRY(tables.rename(one.number, one.key));
    }
    return {};
  });
}

void Journal::drop(std::uint64_t number, When when, std::function<void()> then) {
  post([number](JournalTables& tables) { return tables.drop_file(number); }, when, std::move(then));
}

void Journal::note_failure(std::uint64_t number, std::string error) {
  post([number, error = std::move(error)](
           JournalTables& tables) { return tables.note_failure(number, error); },
       When::Anytime);
}

core::Status Journal::begin_upload(const KeptUpload& upload) {
  counters_.uploads.add();
  return wait_for([&upload](JournalTables& tables) { return tables.put_upload(upload); });
}

void Journal::note_part(std::string key, std::string id, KeptPart part) {
  post([key = std::move(key), id = std::move(id),
        part = std::move(part)](JournalTables& tables) { return tables.put_part(key, id, part); },
       When::Anytime);
}

void Journal::end_upload(std::string key, std::string id) {
  post(
      [this, key = std::move(key), id = std::move(id)](JournalTables& tables) -> core::Status {
        TRY_ASSIGN(const bool was_there, tables.drop_upload(key, id));
        counters_.uploads.add(was_there ? -1 : 0);
        return {};
      },
      When::Anytime);
}

}  // namespace state
