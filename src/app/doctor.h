#pragma once
// Whether a mount would work, step by step. Probing asks the service; judging is a function of what
// was found.
#include <optional>
#include <string>
#include <vector>

#include "app/exit_code.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"

namespace app {

/// What one step found; nothing: it was not tried.
using Found = std::optional<core::Status>;

/// What a mount needs of a bucket, each tried with a request that changes nothing that lasts.
struct RightsFound {
  Found list;          ///< one page of one name
  Found read;          ///< an object that is not there
  Found start_upload;  ///< an upload without parts
  Found abort_upload;  ///< the same, given up
  Found put;           ///< a temporary object
  Found guarded_put;   ///< once more on condition that it is absent, which must be refused
  Found guarded_copy;  ///< of a version that it never was, which must be refused
  Found guarded_join;  ///< an upload completed over it on that condition, which must be refused
  Found copy;          ///< of the temporary object, to a second one
  Found remove;        ///< what was made
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
  Found reached;  ///< an answer of any kind to a request without credentials
  std::optional<core::Duration> clock_offset;  ///< service - own
  Found credentials;
  std::string source;  ///< of the credentials, for people
  std::optional<core::WallTime> expires;
  RightsFound rights;
};

enum class Verdict : std::uint8_t { Ok, Warning, Failed, Skipped };
std::string_view to_string(Verdict verdict);

struct Check {
  std::string name;
  Verdict verdict = Verdict::Ok;
  std::string says;
  std::string advice;
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
