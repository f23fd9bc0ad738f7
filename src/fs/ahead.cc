#include "fs/ahead.h"

#include <algorithm>
#include <utility>

namespace fs {
namespace {

// How many directories somebody may go through at once, and how long after the last look at a name
// it counts as going through.
constexpr std::size_t kMostSequences = 32;
constexpr core::Duration kKept = std::chrono::seconds{30};
constexpr core::Duration kPatience = std::chrono::seconds{60};
// Who has looked at most names of a directory goes on so in the next that he lists, if that is soon
// and the directories are no tiny ones.
constexpr core::Duration kGoesOn = std::chrono::seconds{1};
constexpr std::size_t kFewNames = 8;
constexpr std::size_t kExpected = 128;  // of them he will look at soon
// What is read ahead whole.
constexpr std::uint64_t kSmallBytes = std::uint64_t{256} << 10U;
constexpr std::size_t kMostRead = 64;  // ahead of the last look

}  // namespace

Ahead::Ahead(Bucket& bucket, const cache::KeyIndex& names, Learnt& learnt,
             transfer::Downloads& downloads, core::Clock& clock, core::Metric& asked,
             transfer::RequestRate* rate)
    : bucket_(bucket),
      names_(names),
      learnt_(learnt),
      downloads_(downloads),
      clock_(clock),
      asked_(asked),
      rate_(rate) {}

Ahead::~Ahead() {
  stop_.request_stop();
  const core::MutexLock lock(mutex_);
  while (!in_flight_.empty()) {
    answered_.wait(mutex_);
  }
}

void Ahead::drop_unused() {
  const core::SteadyTime now = clock_.steady_now();
  std::erase_if(sequences_, [&](const auto& one) {
    return one.second->used + kKept < now && one.second->siblings.in_flight() == 0;
  });
  while (sequences_.size() >= kMostSequences) {
    const auto oldest = std::min_element(
        sequences_.begin(), sequences_.end(),
        [](const auto& a, const auto& b) { return a.second->used < b.second->used; });
    sequences_.erase(oldest);
  }
}

void Ahead::listed(const std::string& directory, std::size_t index, const Page& page) {
  std::vector<Question> questions;
  {
    const core::MutexLock lock(mutex_);
    if (add(directory, index, page)) {
      questions = expect(directory);
    }
  }
  start(directory, std::move(questions));
}

std::vector<Ahead::Question> Ahead::expect(const std::string& directory) {
  constexpr std::size_t kBegin = 2;  // looks that it takes to be believed (Siblings)
  std::vector<Question> questions;
  Sequence& sequence = *sequences_.at(directory);
  const core::SteadyTime now = clock_.steady_now();
  if (gone_through_ == core::SteadyTime{} || gone_through_ + kGoesOn < now ||
      sequence.names.size() < kFewNames) {
    return questions;
  }
  const std::size_t most = sequence.is_read() ? kMostRead : kExpected;
  for (std::size_t position = 0; position < std::min(most, sequence.names.size()); ++position) {
    if (auto next = question(directory, sequence, position)) {
      questions.push_back(*std::move(next));
    }
  }
  for (std::size_t position = 0; position < kBegin; ++position) {
    sequence.siblings.looked(position, false, now);
  }
  for (Question& next : take(directory, sequence)) {
    questions.push_back(std::move(next));
  }
  return questions;
}

void Ahead::met(const std::string& directory, const Page& page) {
  const core::MutexLock lock(mutex_);
  const auto at = sequences_.find(directory);
  const bool follows = at != sequences_.end() &&
                       cache::comes_before(at->second->names.pages().back()->back(), page->front());
  add(directory, follows ? at->second->names.pages().size() : 0, page);
}

bool Ahead::add(const std::string& directory, std::size_t index, const Page& page) {
  const auto at = sequences_.find(directory);
  std::shared_ptr<Sequence> sequence = at == sequences_.end() ? nullptr : at->second;
  const bool known =
      sequence && index < sequence->names.pages().size() && sequence->names.pages()[index] == page;
  std::shared_ptr<Sequence> former;
  if (!known) {
    if (index == 0) {
      drop_unused();
      former = std::exchange(sequence, std::make_shared<Sequence>());
      if (former) {
        sequence->numbered = former->numbered;
        sequence->looks = former->looks;
        sequence->opens = former->opens;
      }
      sequences_[directory] = sequence;
    }
    if (!sequence || index != sequence->names.pages().size()) {
      return false;  // of a listing that is not the latest
    }
    sequence->names.add(page);
    sequence->siblings.grown(sequence->names.size());
  }
  sequence->used = clock_.steady_now();
  return !known && index == 0 && !former;
}

std::optional<Ahead::Hint> Ahead::hint(const std::string& directory, std::string_view name) const {
  const core::MutexLock lock(mutex_);
  const auto sequence = sequences_.find(directory);
  if (sequence == sequences_.end()) {
    return std::nullopt;
  }
  const auto position = sequence->second->names.find(name);
  if (!position) {
    return std::nullopt;
  }
  const cache::ListedName row = sequence->second->names[*position];
  return Hint{{std::string(row.component), row.beside_directory},
              row.directory,
              content(directory, *sequence->second, row)};
}

std::optional<model::ObjectVersion> Ahead::content(const std::string& directory,
                                                   const Sequence& sequence,
                                                   const cache::ListedName& row) {
  if (!sequence.is_read() || row.directory || row.symlink || row.size == 0 ||
      row.size > kSmallBytes) {
    return std::nullopt;
  }
  return model::ObjectVersion{
      model::ObjectKey(directory + row.key()), model::ETag(row.etag), row.size, {}};
}

std::optional<Ahead::Question> Ahead::question(const std::string& directory,
                                               const Sequence& sequence, std::size_t position) {
  const cache::ListedName row = sequence.names[position];
  Question question{directory + row.key(),
                    {std::string(row.component), row.beside_directory},
                    row.directory,
                    content(directory, sequence, row)};
  if (!in_flight_.try_emplace(question.key, false).second) {
    return std::nullopt;
  }
  return question;
}

std::vector<Ahead::Question> Ahead::take(const std::string& directory, Sequence& sequence) {
  const core::SteadyTime now = clock_.steady_now();
  std::vector<Question> questions;
  const std::size_t most = sequence.is_read() ? kMostRead : Siblings::kMostAhead;
  sequence.siblings.limit(most);
  for (Siblings::Range range = sequence.siblings.next(now); !range.empty();
       range = sequence.siblings.next(now)) {
    for (std::size_t position = range.from; position < range.to; ++position) {
      if (auto next = question(directory, sequence, position)) {
        next->in_order = true;
        questions.push_back(*std::move(next));
      } else {
        sequence.siblings.ended();
      }
    }
  }
  sequence.numbered.limit(most);
  for (const std::string& name : sequence.numbered.next(now)) {
    const auto position = sequence.names.find(name);
    auto next = position ? question(directory, sequence, *position) : std::nullopt;
    if (next) {
      questions.push_back(*std::move(next));
    }
  }
  return questions;
}

void Ahead::looked(const std::string& directory, std::string_view name, bool known) {
  note(directory, name, known, false);
}

void Ahead::opened(const std::string& directory, std::string_view name, bool known) {
  note(directory, name, known, true);
}

void Ahead::note(const std::string& directory, std::string_view name, bool known, bool open) {
  std::vector<Question> questions;
  {
    const core::MutexLock lock(mutex_);
    const auto found = sequences_.find(directory);
    if (found == sequences_.end()) {
      return;
    }
    Sequence& sequence = *found->second;
    const auto position = sequence.names.find(name);
    if (!position) {
      return;
    }
    sequence.used = clock_.steady_now();
    ++(open ? sequence.opens : sequence.looks);
    if (sequence.names.size() >= kFewNames && 4 * sequence.looks >= 3 * sequence.names.size()) {
      gone_through_ = sequence.used;
    }
    sequence.siblings.looked(*position, known, sequence.used);
    sequence.numbered.looked(name, known, sequence.used);
    questions = take(directory, sequence);
  }
  start(directory, std::move(questions));
}

Ahead::FlightPtr Ahead::prepare(const std::string& directory, Question question) {
  auto flight = std::make_shared<Flight>();
  flight->directory = directory;
  flight->question = std::move(question);
  flight->context.cause = core::Cause::Prefetch;
  flight->context.stop = stop_.get_token();
  flight->asked = clock_.steady_now();
  flight->context.deadline = flight->asked + kPatience;
  flight->ticket = learnt_.ticket();
  return flight;
}

void Ahead::start(const std::string& directory, std::vector<Question> questions) {
  for (Question& question : questions) {
    const FlightPtr flight = prepare(directory, std::move(question));
    if (!start_at_once(flight)) {
      pool_.post([this, flight] { ask(flight); });
    }
  }
}

bool Ahead::is_known(const Question& question) const {
  return question.content ? learnt_.is_brought(question.key)
                          : learnt_.fresh(question.key).has_value();
}

bool Ahead::start_at_once(const FlightPtr& flight) {
  const Question& question = flight->question;
  if (question.directory || is_known(question)) {
    return false;
  }
  if (rate_ != nullptr) {
    auto permit = rate_->try_take();
    if (!permit) {
      return false;
    }
    flight->permit.emplace(*std::move(permit));
  }
  asked_.add();
  if (question.content &&
      downloads_.bring(flight->context, *question.content, question.content->size,
                       [this, flight](core::Result<store::ObjectMeta> meta) {
                         if (!meta || meta->etag != flight->question.content->etag) {
                           answered(flight, core::fail(core::ErrorKind::Changed, "not as listed"));
                           return;
                         }
                         Found found;
                         found.component = flight->question.component;
                         found.meta = *std::move(meta);
                         flight->brought = true;
                         answered(flight, std::move(found));
                       })) {
    return true;
  }
  bucket_.start_object(
      flight->context, question.key, question.component, [this, flight](core::Result<Found> found) {
        // Its bytes were here before.
        const auto& content = flight->question.content;
        flight->brought = content && found && found->meta && found->meta->etag == content->etag;
        answered(flight, std::move(found));
      });
  return true;
}

void Ahead::answered(const FlightPtr& flight, core::Result<Found> found) {
  flight->permit.reset();
  const bool gone = !found && found.error().kind == core::ErrorKind::NotFound;
  if (found || gone || flight->context.stopped()) {
    learn(*flight, std::move(found));
    land(*flight);
  } else {
    pool_.post([this, flight] { ask(flight); });
  }
}

bool Ahead::is_listed(const Flight& flight) const {
  const Question& question = flight.question;
  const cache::KeyIndex::Answer answer =
      names_.find(flight.directory, model::file_name(question.component));
  const cache::ListedName* const row = answer.listed();
  return row != nullptr && row->directory && flight.directory + row->key() == question.key;
}

core::Result<Found> Ahead::ask_bucket(Flight& flight) {
  const Question& question = flight.question;
  // That a directory is there only a fresh listing proves, and no change of ours since: those from
  // here on make the flight's ticket void.
  if (question.directory && !is_listed(flight)) {
    return core::fail(core::ErrorKind::NotFound, "not listed any more");
  }
  if (rate_ != nullptr) {
    TRY_ASSIGN(transfer::RequestRate::Permit turn, rate_->take(flight.context));
    flight.permit.emplace(std::move(turn));
  }
  asked_.add();
  TRY_ASSIGN(Found found, question.directory
                              ? bucket_.listed_directory(flight.context, question.key)
                              : bucket_.object(flight.context, question.key, question.component));
  found.component = question.component;
  return found;
}

void Ahead::ask(const FlightPtr& flight) {
  if (!flight->context.stopped() && !is_known(flight->question)) {
    learn(*flight, ask_bucket(*flight));
    flight->permit.reset();
  }
  land(*flight);
}

void Ahead::learn(const Flight& flight, core::Result<Found> found) {
  if (found) {
    learnt_.add(flight.question.key, std::make_shared<const Found>(*std::move(found)), flight.asked,
                flight.ticket, flight.brought);
  }
  // Else whoever looks asks himself, and gets the error.
}

void Ahead::land(const Flight& flight) {
  std::vector<Question> next;
  {
    const core::MutexLock lock(mutex_);
    const auto at = in_flight_.find(flight.question.key);
    const bool awaited = at->second;
    in_flight_.erase(at);
    if (awaited || in_flight_.empty()) {
      answered_.notify_all();
    }
    const auto sequence = sequences_.find(flight.directory);
    if (sequence != sequences_.end()) {
      Siblings& siblings = sequence->second->siblings;
      // Another sequence may have begun since, which asked for nothing yet.
      if (flight.question.in_order && siblings.in_flight() > 0) {
        siblings.ended();
      }
      if (!flight.context.stopped()) {
        next = take(flight.directory, *sequence->second);
      }
    }
  }
  start(flight.directory, std::move(next));
}

void Ahead::await(const core::OpContext& context, const std::string& key) {
  const std::stop_callback wake(context.stop, [this] {
    const core::MutexLock lock(mutex_);
    answered_.notify_all();
  });
  const core::MutexLock lock(mutex_);
  for (;;) {
    const auto at = in_flight_.find(key);
    if (at == in_flight_.end() || context.stopped() || clock_.steady_now() >= context.deadline) {
      return;
    }
    at->second = true;
    clock_.wait_until(answered_, mutex_, context.deadline);
  }
}

}  // namespace fs
