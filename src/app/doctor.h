#pragma once
// Whether a mount would work, step by step. Probing asks the service; judging is a function of what
// was found.
#include <optional>
#include <string>
#include <vector>

#include "app/doctor_findings.h"
#include "app/exit_code.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"

namespace app {

/// What one step found; nothing: it was not tried.
using Found = std::optional<core::Status>;

/// What a mount needs of a bucket. Rights are tried with requests that can change nothing: services
/// look at rights before they look for what is named. Only a write for trial makes something.
struct RightsFound {
  Found list;    ///< one page of one name
  Found read;    ///< an object that is not there; then what was made
  Found write;   ///< a part for an upload that is not there
  Found abort;   ///< of that upload
  Found remove;  ///< of an object that is not there; then of what was made
  // The trial, where what it makes can be removed again.
  Found put;           ///< a temporary object
  Found copy;          ///< of that, to a second one
  Found version;       ///< the temporary object by the id of its version, where there are versions
  Found guarded_put;   ///< once more on condition that it is absent, which must be refused
  Found guarded_copy;  ///< of a version that it never was, which must be refused
  Found guarded_join;  ///< an upload completed over it on that condition, which must be refused
  bool looks_first = false;       ///< conditions count by a look just before, not by the service
  bool versioned = false;         ///< the bucket keeps what is overwritten or deleted
  std::vector<std::string> left;  ///< temporary objects that could not be removed
};

/// Tries them below `prefix`; `name` is that of the temporary object. With `read_only` only what
/// reads. Guards that a service ignores are Unsupported.
RightsFound probe_rights(const core::OpContext& context, store::ObjectStore& store,
                         const std::string& prefix, const std::string& name, bool read_only);

struct Findings {
  std::string endpoint;  ///< as given
  std::string region;
  std::string internal_endpoint;  ///< the same region's, from within; empty: none is known
  bool secure = false;            ///< https
  bool read_only = false;
  bool s3 = false;       ///< the dialect, in whose words rights are named
  Found reached;         ///< an answer of any kind to a request without credentials
  bool foreign = false;  ///< that answer bore no mark of the service
  std::optional<core::Duration> clock_offset;  ///< service - own
  Found credentials;
  std::string source;  ///< of the credentials, for people
  std::optional<core::WallTime> expires;
  RightsFound rights;
};

struct Check {
  std::string name;
  Verdict verdict = Verdict::Ok;
  std::optional<Finding> finding;  ///< nothing: there is nothing to say about it
  std::string says;
  std::string advice;  ///< the finding's
};

struct Diagnosis {
  std::vector<Check> checks;
  Exit exit = Exit::Ok;  ///< as a mount would end
  std::string conclusion;
};
/// Pure.
Diagnosis judge(const Findings& findings);

std::string as_text(const Diagnosis& diagnosis);
std::string as_json(const Diagnosis& diagnosis, const Findings& findings);

}  // namespace app
