#include "state/object_memory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/log.h"
#include "core/os_error.h"
#include "core/thread_pool.h"

namespace state {
namespace {

using core::ErrorKind;
using core::LogLevel;

constexpr core::Duration kGather = std::chrono::milliseconds{50};  // how long a batch grows
constexpr std::size_t kBatch = 2048;                               // … or until it has these
constexpr core::Duration kTryAgain = std::chrono::minutes{1};
constexpr std::size_t kMostUsed = 1024;  // ranges that wait to be noted as used
// Forgets are never dropped: beyond this many times the bound on the queue everything is forgotten.
constexpr std::size_t kMostForgets = 4;

/// What is said of names goes before what was read.
std::vector<Remembered> merge(std::vector<Remembered> rows, Changes::Names said,
                              std::size_t directory_length) {
  for (Remembered& row : rows) {
    std::string name = row.key.substr(directory_length);
    said.try_emplace(std::move(name), std::make_shared<const Remembered>(std::move(row)));
  }
  rows.clear();
  for (const auto& [name, row] : said) {
    if (row != nullptr) {
      rows.push_back(*row);
    }
  }
  return rows;
}

}  // namespace

ObjectMemory::ObjectMemory(std::string path, std::string identity, Limits limits,
                           core::Clock& clock, core::Metrics& metrics)
    : path_(std::move(path)),
      identity_(std::move(identity)),
      limits_(limits),
      clock_(clock),
      counters_(metrics),
      try_again_(limits.most_objects == 0 ? core::SteadyTime::max() : core::SteadyTime{}) {}

std::unique_ptr<ObjectMemory> ObjectMemory::open(const std::string& path,
                                                 const std::string& identity, Limits limits,
                                                 core::Clock& clock, core::Metrics& metrics) {
  std::unique_ptr<ObjectMemory> memory(new ObjectMemory(path, identity, limits, clock, metrics));
  if (limits.most_objects > 0) {
    memory->open_file(std::nullopt);
    memory->writer_ = std::jthread([self = memory.get()] { self->run(); });
  }
  return memory;
}

ObjectMemory::~ObjectMemory() {
  {
    const core::MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (writer_.joinable()) {
    writer_.join();
  }
  core::MutexLock lock(mutex_);
  const File file = std::exchange(file_, nullptr);
  lock.unlock();
  if (file) {
    file->close();
  }
}

// --- The file, of the thread that writes.

core::Status ObjectMemory::take_lock() {
  if (lock_.valid()) {
    return {};
  }
  const std::string name = path_ + ".lock";
  core::UniqueFd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return core::os_error(errno, name);
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? core::fail(ErrorKind::Busy, "another process uses it")
                                : core::os_error(errno, name);
  }
  lock_ = std::move(fd);
  return {};
}

void ObjectMemory::remove_file(const core::Error& why) {
  counters_.begun_anew.add();
  core::log(LogLevel::Info, "memory.begun_anew", {{"file", path_}, {"why", core::describe(why)}});
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    ::unlink((path_ + suffix).c_str());
  }
}

core::Result<ObjectMemory::File> ObjectMemory::begin(std::optional<core::Error> distrust) {
  TRY(take_lock());
  for (;;) {
    if (distrust) {
      remove_file(*distrust);
    }
    // SQLite would make it readable for all. Closed before SQLite opens it: closing later would end
    // SQLite's locks.
    if (!core::UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)).valid()) {
      return core::os_error(errno, path_);
    }
    auto file =
        MemoryFile::open(path_, identity_, {limits_.most_objects, limits_.most_bytes}, counters_);
    if (file) {
      return File(*std::move(file));
    }
    const auto kind = file.error().kind;
    if (distrust || (kind != ErrorKind::Corrupt && kind != ErrorKind::Changed)) {
      return std::move(file).error();
    }
    distrust = std::move(file).error();
  }
}

ObjectMemory::File ObjectMemory::open_file(std::optional<core::Error> distrust) {
  File old;
  {
    const core::MutexLock lock(mutex_);
    old.swap(file_);
    if (missed_forgets_ && !distrust) {
      distrust = core::fail(ErrorKind::Changed, "it was not told of all changes");
    }
  }
  if (old) {
    old->close();
  }
  auto begun = begin(distrust);
  if (!begun) {
    complain("memory.off", begun.error());
  }
  const core::MutexLock lock(mutex_);
  if (!begun) {
    missed_forgets_ = missed_forgets_ || distrust.has_value();
    try_again_ = clock_.steady_now() + kTryAgain;
    return nullptr;
  }
  missed_forgets_ = false;
  highest_inode_ = std::max(highest_inode_, (*begun)->highest_inode());
  file_ = *std::move(begun);
  return file_;
}

void ObjectMemory::complain(std::string_view event, const core::Error& error) {
  if (!std::exchange(quiet_, true)) {
    core::log(LogLevel::Warn, event, {{"file", path_}, {"error", core::describe(error)}});
  }
}

void ObjectMemory::run() {
  core::name_this_thread("memory");
  while (const auto batch = next_batch()) {
    write(*batch);
    const core::MutexLock lock(mutex_);
    writing_ = nullptr;
    written_ = batch_ - 1;
    finished_.notify_all();
  }
}

std::shared_ptr<const Changes> ObjectMemory::next_batch() {
  const core::MutexLock lock(mutex_);
  while (queued_.empty() && !damaged_ && !stopping_) {
    wake_.wait(mutex_);
  }
  if (queued_.empty() && stopping_) {
    return nullptr;
  }
  const auto until = clock_.steady_now() + kGather;
  while (!damaged_ && !stopping_ && wanted_ < batch_ && queued_.rows() < kBatch &&
         clock_.steady_now() < until) {
    clock_.wait_until(wake_, mutex_, until);
  }
  writing_ = std::make_shared<const Changes>(std::exchange(queued_, Changes{}));
  ++batch_;
  return writing_;
}

void ObjectMemory::write(const Changes& changes) {
  File file;
  bool damaged = false;
  std::uint64_t highest_inode = 0;
  {
    const core::MutexLock lock(mutex_);
    file = file_;
    damaged = std::exchange(damaged_, false);
    highest_inode = highest_inode_;
  }
  if (file && damaged) {
    file = open_file(core::fail(ErrorKind::Corrupt, "a read found it damaged"));
  } else if (!file) {
    file = open_file(std::nullopt);
  }
  if (!file) {
    counters_.dropped.add(static_cast<std::int64_t>(changes.rows()));
    const core::MutexLock lock(mutex_);
    missed_forgets_ = missed_forgets_ || changes.forgets_any();
    return;
  }
  auto done = file->apply(changes, highest_inode);
  if (done) {
    quiet_ = false;
    return;
  }
  counters_.dropped.add(static_cast<std::int64_t>(changes.rows()));
  // What should have been forgotten must not come back.
  if (changes.forgets_any() || done.error().kind == ErrorKind::Corrupt) {
    open_file(std::move(done).error());
  } else {
    complain("memory.not_written", done.error());
  }
}

// --- Changes.

bool ObjectMemory::hopeless() const { return !file_ && clock_.steady_now() < try_again_; }

void ObjectMemory::wake_writer(bool was_empty) const {
  if (was_empty || queued_.rows() == kBatch) {
    wake_.notify_one();
  }
}

void ObjectMemory::remember(Remembered about) {
  auto row = std::make_shared<const Remembered>(std::move(about));
  const core::MutexLock lock(mutex_);
  highest_inode_ = std::max(highest_inode_, row->inode);
  if (hopeless() || queued_.rows() >= limits_.most_queued) {
    counters_.dropped.add();
    return;
  }
  const bool was_empty = queued_.empty();
  queued_.remember(std::move(row));
  wake_writer(was_empty);
}

template <class Forget>
void ObjectMemory::forget_by(const Forget& forget) {
  const core::MutexLock lock(mutex_);
  if (hopeless()) {
    missed_forgets_ = true;
    return;
  }
  const bool was_empty = queued_.empty();
  forget(queued_);
  if (queued_.rows() > kMostForgets * limits_.most_queued) {
    queued_.forget_tree("");
  }
  wake_writer(was_empty);
}

void ObjectMemory::forget(std::string_view key) {
  forget_by([key](Changes& changes) { changes.forget(key); });
}

void ObjectMemory::forget_tree(std::string_view prefix) {
  forget_by([prefix](Changes& changes) { changes.forget_tree(prefix); });
}

void ObjectMemory::flush() {
  const core::MutexLock lock(mutex_);
  const std::uint64_t target = queued_.empty() ? batch_ - 1 : batch_;
  wanted_ = std::max(wanted_, target);
  wake_.notify_one();
  while (written_ < target) {
    finished_.wait(mutex_);
  }
}

// --- Reads: first what is queued, then the file. What was queued at the first look is in the file
// if it is not queued any more.

std::optional<Changes::Row> ObjectMemory::said(std::string_view key) const {
  const Place place = place_of(key);
  auto row = queued_.find(place.directory, place.name);
  if (!row && writing_) {
    row = writing_->find(place.directory, place.name);
  }
  return row;
}

std::vector<Remembered> ObjectMemory::checked(core::Result<MemoryFile::Rows> found) const {
  if (!found) {
    if (found.error().kind == ErrorKind::Corrupt) {
      const core::MutexLock lock(mutex_);
      damaged_ = true;
      wake_.notify_one();
    }
    return {};
  }
  return std::move(found->rows);
}

std::vector<Remembered> ObjectMemory::read(MemoryFile& file, Changes::Used range) const {
  auto found = file.between(range.directory, range.first, range.last);
  if (found && found->to_use) {
    const core::MutexLock lock(mutex_);
    if (queued_.used().size() < kMostUsed) {
      const bool was_empty = queued_.empty();
      queued_.use(std::move(range));
      wake_writer(was_empty);
    }
  }
  return checked(std::move(found));
}

std::vector<Remembered> ObjectMemory::between(std::string_view directory, std::string_view first,
                                              std::string_view last) const {
  Changes::Names said;
  bool forgotten = false;
  File file;
  {
    const core::MutexLock lock(mutex_);
    file = file_;
    for (const Changes* changes : std::array<const Changes*, 2>{writing_.get(), &queued_}) {
      if (changes == nullptr) {
        continue;
      }
      if (changes->forgets(directory)) {
        said.clear();
        forgotten = true;
      }
      changes->collect(directory, first, last, said);
    }
  }
  std::vector<Remembered> rows;
  if (file && !forgotten) {
    rows = read(*file, {std::string(directory), std::string(first), std::string(last)});
  }
  if (!said.empty()) {
    rows = merge(std::move(rows), std::move(said), directory.size());
  }
  counters_.recalled.add(static_cast<std::int64_t>(rows.size()));
  return rows;
}

std::optional<Remembered> ObjectMemory::find(std::string_view key) const {
  Place place = place_of(key);
  auto rows = between(place.directory, place.name, place.name);
  if (rows.empty()) {
    return std::nullopt;
  }
  return std::move(rows.front());
}

std::optional<Remembered> ObjectMemory::by_inode(std::uint64_t inode) const {
  for (;;) {
    File file;
    std::uint64_t written = 0;
    {
      const core::MutexLock lock(mutex_);
      file = file_;
      written = written_;
      for (const auto& row :
           {queued_.by_inode(inode), writing_ ? writing_->by_inode(inode) : nullptr}) {
        if (row && said(row->key) == row) {
          counters_.recalled.add();
          return *row;
        }
      }
    }
    auto rows = file ? checked(file->by_inode(inode)) : std::vector<Remembered>{};
    const core::MutexLock lock(mutex_);
    if (written != written_) {
      continue;  // what is said of these rows may just have gone into the file
    }
    for (Remembered& row : rows) {
      if (!said(row.key)) {
        counters_.recalled.add();
        return std::move(row);
      }
    }
    return std::nullopt;
  }
}

std::uint64_t ObjectMemory::highest_inode() const {
  const core::MutexLock lock(mutex_);
  return highest_inode_;
}

}  // namespace state
