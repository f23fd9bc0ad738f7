#include "emulator/account/assume.h"

#include <charconv>

namespace emulator {

bool may_assume(const Bearer& caller, const Role& role, const Place& place,
                const ConditionValues& conditions) {
  const std::string& principal = caller.role == nullptr ? caller.user->arn : caller.role->arn;
  return caller.principal.grants != nullptr &&
         caller.principal.grants->decide("sts:AssumeRole", role.arn, conditions) ==
             Verdict::Allow &&
         role.trust.admits(TrustPolicy::Kind::Ram, principal, place.account, conditions);
}

std::optional<core::Duration> parse_lifetime(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t kSane = 1'000'000'000;
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > kSane) {
    return std::nullopt;
  }
  return std::chrono::seconds{seconds};
}

}  // namespace emulator
