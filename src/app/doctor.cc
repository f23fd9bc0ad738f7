#include "app/doctor.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/format.h"
#include "core/log.h"

namespace app {
namespace {

using core::ErrorKind;

std::string seconds(core::Duration duration) {
  return core::format("{} s", std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

/// Why there was no answer.
Finding why_unreachable(const core::Error& error, const std::string& endpoint) {
  using core::Reason;
  const Finding nobody = endpoint.find("-internal.") == std::string::npos
                             ? Finding::Unreachable
                             : Finding::InternalUnreachable;
  if (!error.reason) {
    return error.kind == ErrorKind::Unavailable || error.kind == ErrorKind::Timeout
               ? nobody
               : Finding::NotTheService;
  }
  switch (*error.reason) {
    case Reason::Unreachable:
    case Reason::Silent:
    case Reason::Broken:
      return nobody;
    case Reason::NameUnknown:
      return Finding::NameUnknown;
    case Reason::CertificateExpired:
      return Finding::CertificateExpired;
    case Reason::CertificateName:
      return Finding::CertificateName;
    case Reason::CertificateUnknown:
      return Finding::CertificateAuthority;
    case Reason::NoTls:
    case Reason::TokenSpent:
      return Finding::NotTheService;
  }
  return Finding::NotTheService;
}

/// Why a key is not taken, by STS or by the service.
Finding why_refused(const core::Error& error) {
  const std::string code = error.remote ? error.remote->code : "";
  if (code.find("Expired") != std::string::npos || error.reason == core::Reason::TokenSpent) {
    return Finding::TokenExpired;
  }
  if (code.starts_with("EntityNotExist")) {
    return Finding::RoleMissing;
  }
  if (code == "SignatureDoesNotMatch" || code.starts_with("InvalidAccessKeySecret")) {
    return Finding::SecretWrong;
  }
  return error.remote ? Finding::KeyRefused : Finding::NoCredentials;
}

class Judge {
 public:
  explicit Judge(const Findings& found) : found_(found) {}

  Diagnosis run() {
    if (reach()) {
      clock();
      if (credentials() && bucket()) {
        rights();
      }
    }
    conclude();
    return std::move(result_);
  }

 private:
  void good(std::string_view check, std::string says) {
    result_.checks.push_back({std::string(check), Verdict::Ok, std::nullopt, std::move(says), {}});
  }
  void add(Finding finding, std::string says) {
    const FindingFacts& facts = facts_of(finding);
    result_.checks.push_back({std::string(facts.check), facts.verdict, finding, std::move(says),
                              in_its_words(facts.advice)});
    if (result_.exit == Exit::Ok && facts.verdict == Verdict::Failed) {
      result_.exit = facts.exit;
    }
  }
  void add(Finding finding, const core::Error& error) { add(finding, core::describe(error)); }

  /// The text with its rights named as the dialect does.
  [[nodiscard]] std::string in_its_words(std::string_view text) const {
    constexpr std::string_view kOurs = "oss:";
    std::string out(text);
    for (auto at = out.find(kOurs); found_.s3 && at != std::string::npos; at = out.find(kOurs)) {
      out.replace(at, kOurs.size(), "s3:");
      if (constexpr std::string_view kList = "ListObjects";
          out.compare(at + 3, kList.size(), kList) == 0) {
        out.replace(at + 3, kList.size(), "ListBucket");
      }
    }
    return out;
  }

  bool reach() {
    if (!found_.reached) {
      return true;
    }
    if (!*found_.reached) {
      const core::Error& error = found_.reached->error();
      add(why_unreachable(error, found_.endpoint), error);
      return false;
    }
    std::string answers = found_.endpoint + " answers";
    if (found_.foreign) {
      add(Finding::ForeignAnswer, std::move(answers));
    } else if (!found_.internal_endpoint.empty()) {
      add(Finding::InternalEndpoint, answers + "; so would " + found_.internal_endpoint);
    } else {
      good("endpoint", std::move(answers));
    }
    if (found_.region.empty()) {
      add(Finding::RegionUnknown, "unknown");
    } else {
      good("region", found_.region);
    }
    if (found_.secure) {
      good("tls", "the certificate is good");
    } else {
      add(Finding::PlainHttp, "plain http");
    }
    return true;
  }

  void clock() {
    if (!found_.clock_offset) {
      return;
    }
    constexpr core::Duration kFine = std::chrono::seconds{60};
    constexpr core::Duration kMost = std::chrono::minutes{15};
    const core::Duration off = std::chrono::abs(*found_.clock_offset);
    std::string how =
        core::format("this host's clock is {} {} the service's", seconds(off),
                     *found_.clock_offset > core::Duration::zero() ? "behind" : "ahead of");
    if (off <= kFine) {
      good("clock", std::move(how));
    } else {
      add(off > kMost ? Finding::ClockFarOff : Finding::ClockOff, std::move(how));
    }
  }

  bool credentials() {
    if (!found_.credentials) {
      return true;
    }
    if (!*found_.credentials) {
      const core::Error& error = found_.credentials->error();
      const Exit exit = classify(error);
      add(exit == Exit::Network      ? Finding::StsUnreachable
          : exit == Exit::Permission ? Finding::RoleRefused
                                     : why_refused(error),
          error);
      return false;
    }
    if (found_.expires) {
      good("credentials",
           core::format("{}, until {}", found_.source, core::format_iso8601(*found_.expires)));
    } else {
      add(Finding::KeyNeverExpires, found_.source + ", for ever");
    }
    return true;
  }

  /// What concerns the whole bucket shows in the first request to it.
  bool bucket() {
    const Found& list = found_.rights.list;
    if (!list || *list || list->error().kind == ErrorKind::Denied) {
      return true;
    }
    const core::Error& error = list->error();
    switch (classify(error)) {
      case Exit::Credentials:
        add(why_refused(error), error);
        break;
      case Exit::Bucket:
        add(Finding::BucketMissing, error);
        break;
      default:
        add(error.remote && error.remote->elsewhere ? Finding::RegionWrong
            : error.kind == ErrorKind::Protocol     ? Finding::NotTheService
                                                    : Finding::ServiceTrouble,
            error);
    }
    return false;
  }

  void right(std::string_view check, const Found& found, Finding denied, const char* action) {
    if (!found) {
      return;
    }
    if (*found) {
      good(check, in_its_words(action) + " is allowed");
    } else {
      const core::Error& error = found->error();
      add(error.kind == ErrorKind::Denied ? denied : Finding::ServiceTrouble, error);
    }
  }

  void guard(std::string_view check, const Found& found, Finding ignored) {
    if (!found) {
      return;
    }
    if (*found) {
      good(check, "the service keeps the condition");
    } else if (found->error().kind !=
               ErrorKind::Denied) {  // whose right is missing is said already
      add(ignored, found->error());
    }
  }

  void rights() {
    const RightsFound& rights = found_.rights;
    right("list", rights.list, Finding::ListDenied, "oss:ListObjects");
    // Where a missing name is hidden from who may not list, reading cannot be told from here.
    const bool hidden = !(rights.put && *rights.put) && rights.read && !*rights.read &&
                        rights.list && !*rights.list &&
                        rights.read->error().kind == ErrorKind::Denied;
    if (hidden) {
      add(Finding::ReadHidden, "a missing object is hidden or refused");
    } else {
      right("read", rights.read, Finding::ReadDenied, "oss:GetObject");
    }
    if (found_.read_only) {
      add(Finding::ReadOnly, "not tried");
      return;
    }
    const bool tried = rights.put.has_value();
    right("write", tried ? rights.put : rights.write, Finding::WriteDenied, "oss:PutObject");
    right("abort", rights.abort, Finding::AbortDenied, "oss:AbortMultipartUpload");
    right("delete", rights.remove, Finding::DeleteDenied, "oss:DeleteObject");
    right("copy", rights.copy, Finding::CopyDenied, "copying");
    right("read version", rights.version, Finding::VersionDenied, "oss:GetObjectVersion");
    if (rights.versioned) {
      add(Finding::Versioned, "the bucket keeps old versions");
    }
    if (!tried && rights.write && *rights.write) {
      add(Finding::GuardsUntried, "not tried");
    }
    if (rights.looks_first) {
      add(Finding::LooksFirst, "by a condition, and by a look before it");
    }
    guard("guarded write", rights.guarded_put, Finding::WriteUnguarded);
    guard("guarded complete", rights.guarded_join, Finding::CompleteUnguarded);
    guard("guarded copy", rights.guarded_copy, Finding::CopyUnguarded);
    for (const std::string& key : rights.left) {
      add(Finding::LeftBehind, key);
    }
  }

  void conclude() {
    std::size_t warnings = 0;
    for (const Check& check : result_.checks) {
      warnings += check.verdict == Verdict::Warning ? 1 : 0;
      if (check.verdict == Verdict::Failed && result_.conclusion.empty()) {
        result_.conclusion = core::format("a mount would not work: {}", check.name);
      }
    }
    if (result_.conclusion.empty()) {
      result_.conclusion =
          warnings == 0 ? "a mount will work" : "a mount will work, within the limits above";
    }
  }

  const Findings& found_;
  Diagnosis result_;
};

}  // namespace

Diagnosis judge(const Findings& findings) { return Judge(findings).run(); }

std::string as_text(const Diagnosis& diagnosis) {
  std::string text;
  for (const Check& check : diagnosis.checks) {
    text += core::format("{:<8} {:<16} {}\n", to_string(check.verdict), check.name,
                         core::escape_for_log(check.says));
    if (check.finding) {
      text += core::format("{:25} {}\n", "", check.advice);
    }
  }
  return text + diagnosis.conclusion + '\n';
}

std::string as_json(const Diagnosis& diagnosis, const Findings& findings) {
  using Json = nlohmann::ordered_json;
  Json document = Json::object();
  document["endpoint"] = findings.endpoint;
  document["region"] = findings.region;
  document["checks"] = Json::array();
  for (const Check& check : diagnosis.checks) {
    Json row = Json::object();
    row["name"] = check.name;
    row["verdict"] = to_string(check.verdict);
    row["finding"] = check.finding ? facts_of(*check.finding).name : std::string_view();
    row["says"] = check.says;
    row["advice"] = check.advice;
    document["checks"].push_back(std::move(row));
  }
  document["exit_code"] = static_cast<int>(diagnosis.exit);
  document["conclusion"] = diagnosis.conclusion;
  return document.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace app
