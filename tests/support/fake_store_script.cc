// The hooks of FakeStore: counting, scripted effects, holding.
#include <algorithm>

#include "core/check.h"
#include "support/fake_store.h"

namespace test {
namespace {

bool matches(const Rule& rule, const Call& call) {
  return rule.op == call.op && (rule.key.empty() || rule.key == call.key) &&
         (rule.part == 0 || rule.part == call.part) &&
         (!rule.offset || *rule.offset == call.range.first);
}

}  // namespace

void FakeStore::fail(Rule rule, core::Error error) {
  const core::MutexLock lock(mutex_);
  Script script;
  script.rule = std::move(rule);
  script.error = std::move(error);
  scripts_.push_back(std::move(script));
}

void FakeStore::before(Rule rule, std::function<void()> action) {
  const core::MutexLock lock(mutex_);
  Script script;
  script.rule = std::move(rule);
  script.action = std::move(action);
  scripts_.push_back(std::move(script));
}

void FakeStore::corrupt(Rule rule) {
  const core::MutexLock lock(mutex_);
  Script script;
  script.rule = std::move(rule);
  script.corrupts = true;
  scripts_.push_back(std::move(script));
}

FakeStore::Hold FakeStore::hold(Rule rule) {
  const core::MutexLock lock(mutex_);
  holds_.emplace_back();
  Script script;
  script.rule = std::move(rule);
  script.hold = holds_.size() - 1;
  scripts_.push_back(std::move(script));
  return {*this, holds_.size() - 1};
}

void FakeStore::Hold::await(std::size_t count) {
  const core::MutexLock lock(store_->mutex_);
  while (store_->holds_[id_].waiting < count) {
    store_->changed_.wait(store_->mutex_);
  }
}

std::size_t FakeStore::Hold::waiting() const {
  const core::MutexLock lock(store_->mutex_);
  return store_->holds_[id_].waiting;
}

void FakeStore::Hold::release() {
  if (store_ != nullptr) {
    store_->release(id_);
  }
}

void FakeStore::release(std::size_t id) {
  const core::MutexLock lock(mutex_);
  holds_[id].released = true;
  changed_.notify_all();
}

std::vector<FakeStore::Effect> FakeStore::arrive(const Call& call) {
  const core::MutexLock lock(mutex_);
  calls_.push_back(call);
  std::vector<Effect> effects;
  for (Script& script : scripts_) {
    if (!matches(script.rule, call)) {
      continue;
    }
    const std::size_t nth = script.seen++;
    const Rule& rule = script.rule;
    if (nth < rule.skip || (rule.times != 0 && nth >= rule.skip + rule.times)) {
      continue;
    }
    Effect effect;
    effect.after_bytes = rule.after_bytes;
    effect.after_effect = rule.after_effect;
    effect.error = script.error;
    effect.action = script.action;
    effect.corrupts = script.corrupts;
    effect.hold = script.hold;
    effects.push_back(std::move(effect));
  }
  std::stable_sort(effects.begin(), effects.end(),
                   [](const Effect& a, const Effect& b) { return a.after_bytes < b.after_bytes; });
  return effects;
}

core::Status FakeStore::apply(const core::OpContext& context, const Effect& effect) {
  if (effect.hold) {
    TRY(wait_released(context, *effect.hold));
  }
  if (effect.action) {
    effect.action();
  }
  if (effect.error) {
    return *effect.error;
  }
  return {};
}

core::Status FakeStore::apply_all(const core::OpContext& context,
                                  const std::vector<Effect>& effects) {
  if (context.stopped()) {
    return core::fail(core::ErrorKind::Cancelled, "stopped");
  }
  if (clock_.steady_now() >= context.deadline) {
    return core::fail(core::ErrorKind::Timeout, "deadline passed");
  }
  for (const Effect& effect : effects) {
    if (!effect.after_effect) {
      TRY(apply(context, effect));
    }
  }
  return {};
}

core::Status FakeStore::lost_answer(const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    if (effect.after_effect && effect.error) {
      return *effect.error;
    }
  }
  return {};
}

core::Status FakeStore::wait_released(const core::OpContext& context, std::size_t id) {
  const std::stop_callback wake(context.stop, [this] {
    const core::MutexLock lock(mutex_);
    changed_.notify_all();
  });
  const core::MutexLock lock(mutex_);
  ++holds_[id].waiting;
  changed_.notify_all();
  core::Status status;
  while (!holds_[id].released) {
    if (context.stopped()) {
      status = core::fail(core::ErrorKind::Cancelled, "stopped");
      break;
    }
    if (clock_.steady_now() >= context.deadline) {
      status = core::fail(core::ErrorKind::Timeout, "deadline passed");
      break;
    }
    if (context.deadline == core::SteadyTime::max()) {
      changed_.wait(mutex_);
    } else {
      clock_.wait_until(changed_, mutex_, context.deadline);
    }
  }
  --holds_[id].waiting;
  return status;
}

FakeStore::Running::Running(FakeStore& store, Op op)
    : store_(store), index_(static_cast<std::size_t>(op)) {
  const core::MutexLock lock(store_.mutex_);
  store_.most_[index_] = std::max(store_.most_[index_], ++store_.running_[index_]);
}

FakeStore::Running::~Running() {
  const core::MutexLock lock(store_.mutex_);
  --store_.running_[index_];
}

std::size_t FakeStore::count(Op op) const {
  const core::MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(calls_.begin(), calls_.end(),
                                                [op](const Call& call) { return call.op == op; }));
}

std::size_t FakeStore::requests() const {
  const core::MutexLock lock(mutex_);
  return calls_.size();
}

std::vector<Call> FakeStore::calls(Op op) const {
  const core::MutexLock lock(mutex_);
  std::vector<Call> found;
  std::copy_if(calls_.begin(), calls_.end(), std::back_inserter(found),
               [op](const Call& call) { return call.op == op; });
  return found;
}

std::uint64_t FakeStore::bytes_read() const {
  const core::MutexLock lock(mutex_);
  return bytes_read_;
}

std::size_t FakeStore::most_at_once(Op op) const {
  const core::MutexLock lock(mutex_);
  return most_[static_cast<std::size_t>(op)];
}

void FakeStore::reset_counts() {
  const core::MutexLock lock(mutex_);
  calls_.clear();
  bytes_read_ = 0;
  most_ = running_;
}

}  // namespace test
