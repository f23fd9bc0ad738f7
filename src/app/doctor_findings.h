#pragma once
// What a doctor can find, each thing with a name for programs, how a mount would end, and what to
// do. The manual lists the same rows (DOCTOR); a test compares them.
#include <cstdint>
#include <span>
#include <string_view>

#include "app/exit_code.h"

namespace app {

enum class Verdict : std::uint8_t { Ok, Warning, Failed, Skipped };
std::string_view to_string(Verdict verdict);

enum class Finding : std::uint8_t {
  // the way there
  NameUnknown,
  Unreachable,
  InternalUnreachable,
  NotTheService,
  ForeignAnswer,
  InternalEndpoint,
  // TLS
  PlainHttp,
  CertificateExpired,
  CertificateName,
  CertificateAuthority,
  // region and clock
  RegionUnknown,
  RegionWrong,
  ClockOff,
  ClockFarOff,
  // credentials
  NoCredentials,
  KeyRefused,
  SecretWrong,
  TokenExpired,
  RoleMissing,
  RoleRefused,
  StsUnreachable,
  KeyNeverExpires,
  // the bucket
  BucketMissing,
  ServiceTrouble,
  Versioned,
  // rights
  ListDenied,
  ReadDenied,
  ReadHidden,
  VersionDenied,
  WriteDenied,
  AbortDenied,
  CopyDenied,
  DeleteDenied,
  ReadOnly,
  // guards
  GuardsUntried,
  WriteUnguarded,
  CompleteUnguarded,
  CopyUnguarded,
  LooksFirst,
  LeftBehind,
};

struct FindingFacts {
  Finding finding;
  std::string_view name;   ///< stable: programs read it
  std::string_view check;  ///< the step that finds it
  Verdict verdict;
  Exit exit;  ///< how a mount would end
  std::string_view advice;
};

/// In the order of Finding.
std::span<const FindingFacts> all_findings();
const FindingFacts& facts_of(Finding finding);

}  // namespace app
