#pragma once
// What both dialects of STS ask before they hand out a session.
#include "emulator/account/key_ring.h"

namespace emulator {

/// Both sides must agree: the caller's policies, and the role's trust policy.
bool may_assume(const Bearer& caller, const Role& role, const Place& place,
                const ConditionValues& conditions);

/// DurationSeconds as sent. Nothing if it is no number of seconds from 0 to some decades.
std::optional<core::Duration> parse_lifetime(std::string_view text);

}  // namespace emulator
