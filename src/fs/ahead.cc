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

}  // namespace

Ahead::Ahead(Bucket& bucket, Learnt& learnt, core::Clock& clock, core::Metric& asked,
             transfer::RequestRate* rate)
    : bucket_(bucket), learnt_(learnt), clock_(clock), asked_(asked), rate_(rate) {}

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

void Ahead::listed(const std::string& directory, std::vector<Page> pages, core::SteadyTime until) {
  const core::MutexLock lock(mutex_);
  std::shared_ptr<Sequence>& sequence = sequences_[directory];
  const bool grows = sequence && sequence->pages.size() <= pages.size() &&
                     std::equal(sequence->pages.begin(), sequence->pages.end(), pages.begin());
  if (!grows) {
    sequence = std::make_shared<Sequence>();
  }
  sequence->pages = std::move(pages);
  sequence->first.clear();
  std::size_t names = 0;
  for (const Page& page : sequence->pages) {
    sequence->first.push_back(names);
    names += page->size();
  }
  sequence->siblings.grown(names);
  sequence->until = until;
  sequence->used = clock_.steady_now();
  if (!grows) {
    drop_unused();
  }
}

std::optional<Ahead::Spot> Ahead::find(const Sequence& sequence, std::string_view name) {
  // As directories are keyed, their names sort with a slash behind them.
  for (const std::string& key : {std::string(name), std::string(name) + '/'}) {
    for (std::size_t i = 0; i < sequence.pages.size(); ++i) {
      const auto& page = *sequence.pages[i];
      if (page.empty() || page.back().key() < key) {
        continue;
      }
      const auto row =
          std::lower_bound(page.begin(), page.end(), key,
                           [](const auto& one, const std::string& k) { return one.key() < k; });
      if (row != page.end() && row->name == name && row->key() == key) {
        return Spot{sequence.first[i] + static_cast<std::size_t>(row - page.begin()), &*row};
      }
      break;
    }
  }
  return std::nullopt;
}

const cache::ListedName& Ahead::at(const Sequence& sequence, std::size_t position) {
  const auto behind = std::upper_bound(sequence.first.begin(), sequence.first.end(), position);
  const auto page = static_cast<std::size_t>(behind - sequence.first.begin()) - 1;
  return (*sequence.pages[page])[position - sequence.first[page]];
}

std::optional<cache::ListedName> Ahead::hint(const std::string& directory,
                                             std::string_view name) const {
  const core::MutexLock lock(mutex_);
  const auto sequence = sequences_.find(directory);
  const auto spot = sequence == sequences_.end() ? std::nullopt : find(*sequence->second, name);
  return spot ? std::optional(*spot->row) : std::nullopt;
}

std::vector<Ahead::Question> Ahead::take(const std::string& directory, Sequence& sequence) {
  const core::SteadyTime now = clock_.steady_now();
  const bool listing_holds = sequence.until > now;
  std::vector<Question> questions;
  for (;;) {
    const Siblings::Range range = sequence.siblings.next(now);
    if (range.empty()) {
      return questions;
    }
    for (std::size_t position = range.from; position < range.to; ++position) {
      const cache::ListedName& row = at(sequence, position);
      Question question{
          directory + row.key(), {row.component, row.beside_directory}, row.directory};
      // That a directory is there only a fresh listing proves.
      if ((row.directory && !listing_holds) ||
          !in_flight_.try_emplace(question.key, false).second) {
        sequence.siblings.ended();
        continue;
      }
      questions.push_back(std::move(question));
    }
  }
}

void Ahead::looked(const std::string& directory, std::string_view name, bool known) {
  std::vector<Question> questions;
  {
    const core::MutexLock lock(mutex_);
    const auto found = sequences_.find(directory);
    if (found == sequences_.end()) {
      return;
    }
    Sequence& sequence = *found->second;
    const auto spot = find(sequence, name);
    if (!spot) {
      return;
    }
    sequence.used = clock_.steady_now();
    sequence.siblings.looked(spot->position, known, sequence.used);
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

bool Ahead::start_at_once(const FlightPtr& flight) {
  const Question& question = flight->question;
  if (question.directory || learnt_.fresh(question.key)) {
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
  bucket_.start_object(
      flight->context, question.key, question.component, [this, flight](core::Result<Found> found) {
        flight->permit.reset();
        const bool gone = !found && found.error().kind == core::ErrorKind::NotFound;
        if (found || gone || flight->context.stopped()) {
          learn(*flight, std::move(found));
          land(*flight);
        } else {
          pool_.post([this, flight] { ask(flight); });
        }
      });
  return true;
}

core::Result<Found> Ahead::ask_bucket(Flight& flight) {
  const Question& question = flight.question;
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
  if (!flight->context.stopped() && !learnt_.fresh(flight->question.key)) {
    learn(*flight, ask_bucket(*flight));
    flight->permit.reset();
  }
  land(*flight);
}

void Ahead::learn(const Flight& flight, core::Result<Found> found) {
  if (found) {
    learnt_.add(flight.question.key, std::make_shared<const Found>(*std::move(found)), flight.asked,
                flight.ticket);
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
    if (sequence != sequences_.end() && sequence->second->siblings.in_flight() > 0) {
      sequence->second->siblings.ended();
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
    if (context.deadline == core::SteadyTime::max()) {
      answered_.wait(mutex_);
    } else {
      clock_.wait_until(answered_, mutex_, context.deadline);
    }
  }
}

}  // namespace fs
