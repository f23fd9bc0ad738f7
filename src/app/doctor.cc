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

/// What a right's absence means.
enum class Weight : std::uint8_t {
  Needed,   ///< a mount without it is refused, or is of no use
  Comfort,  ///< a mount works without, and some calls fail
};

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
  void add(std::string name, Verdict verdict, std::string says, std::string advice = {}) {
    result_.checks.push_back({std::move(name), verdict, std::move(says), std::move(advice)});
  }
  void fail(std::string name, Exit exit, const core::Error& error, std::string advice) {
    add(std::move(name), Verdict::Failed, core::describe(error), std::move(advice));
    if (result_.exit == Exit::Ok) {
      result_.exit = exit;
    }
  }

  bool reach() {
    if (!found_.reached) {
      return true;
    }
    if (!*found_.reached) {
      fail("endpoint", Exit::Network, found_.reached->error(),
           "check --endpoint, name resolution, firewall, --proxy and --ca-file");
      return false;
    }
    add("endpoint", Verdict::Ok, found_.endpoint + " answers",
        found_.internal_endpoint.empty()
            ? ""
            : core::format("from within the same region, {} is faster and its traffic is free",
                           found_.internal_endpoint));
    add("region", found_.region.empty() ? Verdict::Warning : Verdict::Ok,
        found_.region.empty() ? "unknown, so requests are signed with version 1" : found_.region,
        found_.region.empty() ? "--region ID lets them be signed with version 4" : "");
    add("tls", found_.secure ? Verdict::Ok : Verdict::Warning,
        found_.secure ? "the certificate is good" : "plain http",
        found_.secure ? "" : "whoever sees the traffic can use the token; write https://");
    return true;
  }

  void clock() {
    if (!found_.clock_offset) {
      return;
    }
    constexpr core::Duration kFine = std::chrono::seconds{60};
    constexpr core::Duration kMost = std::chrono::minutes{15};
    const core::Duration off = std::chrono::abs(*found_.clock_offset);
    const std::string how =
        core::format("this host's clock is {} {} the service's", seconds(off),
                     *found_.clock_offset > core::Duration::zero() ? "behind" : "ahead of");
    if (off <= kFine) {
      add("clock", Verdict::Ok, how);
    } else {
      add("clock", Verdict::Warning, how,
          off > kMost ? "stsfs corrects that for itself, but other programs' requests are refused: "
                        "set the clock (NTP)"
                      : "set the clock (NTP): from 15 minutes on requests are refused");
    }
  }

  bool credentials() {
    if (!found_.credentials) {
      return true;
    }
    if (!*found_.credentials) {
      const core::Error& error = found_.credentials->error();
      fail("credentials", classify(error), error, "`stsfs whoami` shows what is used");
      return false;
    }
    add("credentials", Verdict::Ok,
        core::format("{}, {}", found_.source,
                     found_.expires ? "until " + core::format_iso8601(*found_.expires)
                                    : std::string("for ever")),
        found_.expires ? "" : "a key that never expires: --role-arn gives sessions that do");
    return true;
  }

  /// What concerns the whole bucket shows in the first request to it.
  bool bucket() {
    const Found& list = found_.rights.list;
    if (!list || *list || list->error().kind == ErrorKind::Denied) {
      return true;
    }
    const Exit exit = classify(list->error());
    fail(exit == Exit::Credentials ? "credentials" : "bucket", exit, list->error(),
         exit == Exit::Credentials ? "the service does not take this key: is it the right one?"
         : exit == Exit::Bucket    ? "check the bucket's name, and that it is in this region"
                                   : "check --endpoint and --region: the bucket may be elsewhere");
    return false;
  }

  void right(const char* name, const Found& found, Weight weight, const char* action,
             const char* without) {
    if (!found) {
      return;
    }
    if (*found) {
      add(name, Verdict::Ok, core::format("{} is allowed", action));
      return;
    }
    const core::Error& error = found->error();
    const bool denied = error.kind == ErrorKind::Denied;
    const std::string advice =
        denied ? core::format("without {} {}; `stsfs policy` prints what to allow", action, without)
               : std::string(without);
    if (weight == Weight::Needed || !denied) {
      fail(name, denied ? Exit::Permission : classify(error), error, advice);
    } else {
      add(name, Verdict::Warning, core::describe(error), advice);
    }
  }

  void guard(const char* name, const Found& found, const char* without) {
    if (!found) {
      return;
    }
    if (*found) {
      add(name, Verdict::Ok, "the service keeps the condition");
    } else {
      add(name, Verdict::Warning, core::describe(found->error()), without);
    }
  }

  void rights() {
    const RightsFound& rights = found_.rights;
    right("list", rights.list, Weight::Comfort, "oss:ListObjects",
          "directories show nothing and files open by name only (--assume-dirs)");
    // Where a missing name is hidden from who may not list, reading cannot be told from here.
    const bool hidden = rights.read && !*rights.read && rights.list && !*rights.list &&
                        rights.read->error().kind == ErrorKind::Denied;
    if (hidden) {
      add("read", Verdict::Warning, "cannot be told: a missing object is hidden or refused",
          "read a file that exists to be sure of oss:GetObject");
    } else {
      right("read", rights.read, Weight::Needed, "oss:GetObject", "no file can be read");
    }
    if (found_.read_only) {
      add("write", Verdict::Skipped, "not tried: --read-only");
      return;
    }
    right("write", rights.put, Weight::Needed, "oss:PutObject",
          "nothing can be written: mount with --read-only");
    right("upload in parts", rights.start_upload, Weight::Needed, "oss:PutObject",
          "big files cannot be written");
    right("abort", rights.abort_upload, Weight::Comfort, "oss:AbortMultipartUpload",
          "failed uploads stay and cost storage until a lifecycle rule ends them");
    right("copy", rights.copy, Weight::Comfort, "oss:GetObject and oss:PutObject",
          "files cannot be renamed or change their attributes");
    right("delete", rights.remove, Weight::Comfort, "oss:DeleteObject",
          "files cannot be removed or renamed");
    guard("guarded write", rights.guarded_put,
          "two hosts that create the same name may overwrite each other (versioned buckets)");
    guard("guarded complete", rights.guarded_join,
          "two hosts that create the same big file may overwrite each other (versioned buckets)");
    guard("guarded copy", rights.guarded_copy, "a rename may move what somebody else just wrote");
    for (const std::string& key : rights.left) {
      add("left behind", Verdict::Warning, key, "delete it with other credentials");
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

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Ok:
      return "ok";
    case Verdict::Warning:
      return "warning";
    case Verdict::Failed:
      return "failed";
    case Verdict::Skipped:
      return "skipped";
  }
  return "";
}

Diagnosis judge(const Findings& findings) { return Judge(findings).run(); }

std::string as_text(const Diagnosis& diagnosis) {
  std::string text;
  for (const Check& check : diagnosis.checks) {
    text += core::format("{:<8} {:<16} {}\n", to_string(check.verdict), check.name,
                         core::escape_for_log(check.says));
    if (!check.advice.empty()) {
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
    row["says"] = check.says;
    row["advice"] = check.advice;
    document["checks"].push_back(std::move(row));
  }
  document["exit_code"] = static_cast<int>(diagnosis.exit);
  document["conclusion"] = diagnosis.conclusion;
  return document.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace app
