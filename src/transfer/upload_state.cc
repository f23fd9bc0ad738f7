#include "transfer/upload_state.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/check.h"

namespace transfer {
namespace {

using model::ByteRange;
using Goal = UploadState::Goal;
using Kind = UploadStep::Kind;
using Service = UploadState::Service;
using Steps = std::vector<UploadStep>;

constexpr std::size_t kPartsOfOneSize = 1000;
// Whoever has changed so many parts that were sent already does not write from one end to the
// other.
constexpr std::size_t kMostChangedAfter = 4;
// Writers that run side by side keep a few ranges apart; whoever writes here and there, many.
constexpr std::size_t kMostApart = 64;

/// Writing has reached what was apart.
void join(UploadState& state) {
  for (auto at = state.apart.begin(); at != state.apart.end() && at->first <= state.in_order;
       at = state.apart.erase(at)) {
    state.in_order = std::max(state.in_order, at->second);
  }
}

void note_apart(UploadState& state, ByteRange range) {
  auto at = state.apart.lower_bound(range.first);
  if (at != state.apart.begin() && std::prev(at)->second >= range.first) {
    --at;
  }
  while (at != state.apart.end() && at->first <= range.last) {
    range.first = std::min(range.first, at->first);
    range.last = std::max(range.last, at->second);
    at = state.apart.erase(at);
  }
  if (state.apart.size() < kMostApart) {
    state.apart[range.first] = range.last;
  } else {
    state.paused = true;  // what is forgotten looks like a gap, which the end fills
  }
}

/// What was begun of `range` is not what is there now.
void make_stale(UploadState& state, ByteRange range) {
  if (range.empty()) {
    return;
  }
  auto part =
      std::partition_point(state.parts.begin(), state.parts.end(),
                           [&](const SentPart& one) { return one.range.last <= range.first; });
  for (; part != state.parts.end() && part->range.first < range.last; ++part) {
    if (!std::exchange(part->stale, true) && ++state.changed_after >= kMostChangedAfter) {
      state.paused = true;
    }
  }
}

void send(UploadState& state, std::size_t index, ByteRange range, Steps& steps) {
  SentPart& part = state.parts[index];
  part.range = range;
  part.sending = true;
  part.ahead = state.goal == Goal::Gather;
  part.stale = false;
  part.receipt.reset();
  ++state.sending;
  state.sending_bytes += range.size();
  steps.push_back({Kind::Send, index, range});
}

void send_full_parts(UploadState& state, const UploadRules& rules, Steps& steps) {
  while (!state.paused && state.parts.size() < rules.max_parts) {
    const ByteRange range = scheduled_part(rules, state.parts.size());
    if (range.last > state.in_order) {
      return;
    }
    state.parts.emplace_back();
    send(state, state.parts.size() - 1, range, steps);
  }
}

/// Sends what is missing, and completes when nothing is.
void send_the_rest(UploadState& state, const UploadRules& rules, Steps& steps) {
  if (state.completing) {
    return;
  }
  std::size_t count = 0;
  bool all = true;
  for (; count < rules.max_parts; ++count) {
    ByteRange range = scheduled_part(rules, count);
    if (range.first >= state.size) {
      break;
    }
    range.last = std::min(range.last, state.size);
    if (count == state.parts.size()) {
      state.parts.emplace_back();
    }
    const SentPart& part = state.parts[count];
    const bool right = part.receipt && !part.stale && part.range == range;
    all = all && right;
    if (!right && !part.sending) {
      send(state, count, range, steps);
    }
  }
  if (all && state.sending == 0) {
    state.parts.resize(count);  // what was cut off is not listed, so the service drops it
    state.completing = true;
    steps.push_back({Kind::Complete, 0, {}});
  }
}

/// The end of whatever is not completed, once nothing of it is on its way.
void end(UploadState& state, Steps& steps) {
  if (state.service == Service::Initiating || state.sending > 0) {
    return;
  }
  if (state.service == Service::Open) {
    steps.push_back({Kind::Abort, 0, {}});
  }
  state.service = Service::Nothing;
  const Goal goal = std::exchange(state.goal, Goal::Over);
  if (goal == Goal::PutWhole) {
    steps.push_back({Kind::PutWhole, 0, {}});
  } else if (goal == Goal::GiveUp) {
    steps.push_back({Kind::GiveUp, 0, {}});
  }
}

bool is_worth_beginning(const UploadState& state, const UploadRules& rules) {
  return state.service == Service::Nothing && !state.paused &&
         state.in_order >= rules.threshold_bytes && state.in_order > scheduled_part(rules, 0).last;
}

/// What the state asks for, whatever led to it.
Steps advance(UploadState& state, const UploadRules& rules) {
  Steps steps;
  switch (state.goal) {
    case Goal::Gather:
      if (state.service == Service::Open) {
        send_full_parts(state, rules, steps);
      } else if (is_worth_beginning(state, rules)) {
        state.service = Service::Asked;
        steps.push_back({Kind::AskTarget, 0, {}});
      }
      break;
    case Goal::Complete:
      if (state.service == Service::Open) {
        send_the_rest(state, rules, steps);
      } else if (state.service != Service::Initiating) {
        state.goal = Goal::PutWhole;
        end(state, steps);
      }
      break;
    case Goal::PutWhole:
    case Goal::GiveUp:
    case Goal::Abandon:
      end(state, steps);
      break;
    case Goal::Over:
      break;
  }
  return steps;
}

bool fits(const UploadRules& rules, std::uint64_t size) {
  return size > rules.head_bytes && size >= rules.threshold_bytes &&
         size <= scheduled_part(rules, rules.max_parts - 1).last;
}

/// One event each: what it changes. What follows from that is for advance().
struct Change {
  UploadState& state;
  const UploadRules& rules;

  void operator()(const Wrote& event) const {
    state.in_order = std::max(state.in_order, rules.head_bytes);
    note_head(event.range.first);
    make_stale(state, event.range);
    if (event.range.first <= state.in_order) {
      state.in_order = std::max(state.in_order, event.range.last);
      join(state);
    } else {
      note_apart(state, event.range);
    }
  }
  void operator()(const Altered& event) const {
    note_head(event.range.first);
    make_stale(state, event.range);
  }
  void operator()(const Truncated& event) const {
    note_head(event.size);
    make_stale(state, {event.size, UINT64_MAX});
    state.in_order = std::min(state.in_order, event.size);
    while (!state.apart.empty() && std::prev(state.apart.end())->second > event.size) {
      const auto last = std::prev(state.apart.end());
      if (last->first < event.size) {
        last->second = event.size;
      } else {
        state.apart.erase(last);
      }
    }
  }
  void operator()(const TargetKnown& /*event*/) const { state.service = Service::Initiating; }
  void operator()(const Initiated& /*event*/) const { state.service = Service::Open; }
  void operator()(const NotInitiated& /*event*/) const {
    state.service = Service::Nothing;
    state.paused = true;
  }
  void operator()(const PartDone& event) const {
    ended(event.index);
    state.parts[event.index].receipt = event.receipt;
  }
  void operator()(const PartFailed& event) const {
    ended(event.index);
    const SentPart& part = state.parts[event.index];
    state.paused = state.paused || !part.stale;  // what changed underway is not what was summed up
    if (event.vanished) {
      vanish();
    } else if (state.goal == Goal::Complete && !part.ahead && !part.stale) {
      state.goal = Goal::GiveUp;
    }
  }
  void operator()(const Finish& event) const {
    state.size = event.size;
    const bool by_parts = !event.elsewhere && !state.head_changed && fits(rules, event.size);
    state.goal = by_parts ? Goal::Complete : Goal::PutWhole;
  }
  void operator()(const Completed& /*event*/) const {
    state.service = Service::Nothing;
    state.goal = Goal::Over;
  }
  void operator()(const NotCompleted& event) const {
    state.goal = Goal::GiveUp;
    if (event.vanished) {
      vanish();
      state.goal = Goal::PutWhole;
    }
  }
  void operator()(const Interrupted& /*event*/) const {
    if (!state.completing && state.goal != Goal::Over) {
      state.goal = Goal::GiveUp;
    }
  }
  void operator()(const Abandoned& /*event*/) const {
    if (state.goal != Goal::Over) {
      state.goal = Goal::Abandon;
    }
  }

 private:
  void note_head(std::uint64_t first) const {
    if (first < rules.head_bytes) {
      state.head_changed = true;
      state.paused = true;
    }
  }
  void ended(std::size_t index) const {
    SentPart& part = state.parts[index];
    CORE_CHECK(part.sending);
    part.sending = false;
    --state.sending;
    state.sending_bytes -= part.range.size();
  }
  /// Somebody (a lifecycle rule, an operator) threw the upload away: once may be bad luck.
  void vanish() const {
    state.service = Service::Vanished;
    if (state.goal == Goal::Complete) {
      state.goal = Goal::PutWhole;
    }
  }
};

}  // namespace

ByteRange scheduled_part(const UploadRules& rules, std::size_t index) {
  std::uint64_t first = rules.head_bytes;
  std::uint64_t size = std::min(rules.part_bytes, rules.max_part_bytes);
  for (; index >= kPartsOfOneSize; index -= kPartsOfOneSize) {
    first += kPartsOfOneSize * size;
    size = std::min(2 * size, rules.max_part_bytes);
  }
  first += index * size;
  return {first, first + size};
}

Steps next(UploadState& state, const UploadEvent& event, const UploadRules& rules) {
  std::visit(Change{state, rules}, event);
  Steps steps = advance(state, rules);
  if (std::holds_alternative<TargetKnown>(event)) {
    steps.insert(steps.begin(), {Kind::Initiate, 0, {}});
  }
  return steps;
}

std::uint64_t backlog(const UploadState& state, const UploadRules& rules) {
  const bool sends = state.goal == Goal::Gather && !state.paused &&
                     (state.service == Service::Initiating || state.service == Service::Open);
  if (!sends) {
    return 0;
  }
  const std::uint64_t begun =
      state.parts.empty() ? rules.head_bytes : state.parts.back().range.last;
  return state.sending_bytes + (state.in_order - std::min(begun, state.in_order));
}

std::vector<store::PartReceipt> receipts(const UploadState& state) {
  std::vector<store::PartReceipt> all;
  all.reserve(state.parts.size());
  for (const SentPart& part : state.parts) {
    CORE_CHECK(part.receipt && !part.stale);
    all.push_back(*part.receipt);
  }
  return all;
}

}  // namespace transfer
