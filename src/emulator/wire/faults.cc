#include "emulator/wire/faults.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/format.h"

namespace emulator {
namespace {

core::Result<std::uint64_t> bytes_of(std::string_view text) {
  const auto bytes = core::parse_size(text);
  if (!bytes) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("not a number of bytes: {}", text));
  }
  return *bytes;
}

core::Result<core::Duration> duration_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto duration = core::parse_duration(negative ? text.substr(1) : text);
  if (!duration) {
    return core::fail(core::ErrorKind::InvalidArgument, core::format("not a duration: {}", text));
  }
  return negative ? -*duration : *duration;
}

void merge(Fault& into, const Fault& from) {
  into.delay += from.delay;
  into.clock_offset += from.clock_offset;
  into.corrupt |= from.corrupt;
  into.lost_response |= from.lost_response;
  into.hang |= from.hang;
  into.hold |= from.hold;
  if (from.status) {
    into.status = from.status;
  }
  if (!from.code.empty()) {
    into.code = from.code;
  }
  if (from.reset) {
    into.reset = from.reset;
  }
  if (from.truncate) {
    into.truncate = from.truncate;
  }
  if (from.body) {
    into.body = from.body;
  }
  if (from.retry_after) {
    into.retry_after = from.retry_after;
  }
}

}  // namespace

core::Result<Fault> parse_fault(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view value =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  Fault fault;
  if (name == "status") {
    int status = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), status);
    if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || status < 400 ||
        status > 599) {
      return core::fail(core::ErrorKind::InvalidArgument,
                        core::format("not a status from 400 to 599: {}", value));
    }
    fault.status = status;
  } else if (name == "code" && !value.empty()) {
    fault.code = value;
  } else if (name == "delay") {
    TRY_ASSIGN(fault.delay, duration_of(value));
  } else if (name == "clock-offset") {
    TRY_ASSIGN(fault.clock_offset, duration_of(value));
  } else if (name == "reset") {
    TRY_ASSIGN(fault.reset, bytes_of(value));
  } else if (name == "truncate") {
    TRY_ASSIGN(fault.truncate, bytes_of(value));
  } else if (text == "corrupt") {
    fault.corrupt = true;
  } else if (text == "lost-response") {
    fault.lost_response = true;
  } else if (text == "hang") {
    fault.hang = true;
  } else if (text == "hold") {
    fault.hold = true;
  } else if (name == "body") {
    fault.body = value;
  } else {
    return core::fail(core::ErrorKind::InvalidArgument, core::format("unknown fault: {}", text));
  }
  return fault;
}

void Faults::add(FaultRule rule) {
  const core::MutexLock lock(mutex_);
  rules_.push_back(std::move(rule));
  any_ = true;
}

void Faults::clear() {
  const core::MutexLock lock(mutex_);
  rules_.clear();
  any_ = false;
  ++releases_;
}

void Faults::release() {
  const core::MutexLock lock(mutex_);
  std::erase_if(rules_, [](const FaultRule& rule) { return rule.fault.hold; });
  any_ = !rules_.empty();
  ++releases_;
}

Fault Faults::strike(std::string_view operation, std::string_view key) {
  Fault fault;
  if (!any_.load(std::memory_order_relaxed)) {
    return fault;
  }
  const core::MutexLock lock(mutex_);
  for (FaultRule& rule : rules_) {
    if (rule.operation != "*" && rule.operation != operation) {
      continue;
    }
    if (rule.key && !rule.key->found_in(key)) {
      continue;
    }
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    if (rule.probability < 1 && random_.unit() >= rule.probability) {
      continue;
    }
    if (rule.count) {
      if (*rule.count == 0) {
        continue;
      }
      --*rule.count;
    }
    merge(fault, rule.fault);
  }
  std::erase_if(rules_, [](const FaultRule& rule) { return rule.count && *rule.count == 0; });
  any_ = !rules_.empty();
  return fault;
}

}  // namespace emulator
