#include "emulator/admin.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/format.h"

namespace emulator {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostObjects = 10'000'000;
constexpr std::uint64_t kLargestSynthetic = std::uint64_t{64} << 30U;

Answer json_answer(const Json& json, int status = 200) {
  Answer answer;
  answer.status = status;
  answer.content_type = "application/json";
  answer.body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return answer;
}

Answer wrong(const std::string& message, int status = 400) {
  return json_answer({{"error", message}}, status);
}

Answer done() { return json_answer(Json::object()); }

Json stats_of(const Stats& stats, const Shared& shared) {
  Json operations = Json::object();
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  for (const auto& [name, values] : stats.values()) {
    operations[name] = {{"count", values.count},         {"errors", values.errors},
                        {"bytes_in", values.bytes_in},   {"bytes_out", values.bytes_out},
                        {"in_flight", values.in_flight}, {"max_in_flight", values.max_in_flight},
                        {"codes", values.codes}};
    bytes_in += values.bytes_in;
    bytes_out += values.bytes_out;
  }
  return {{"operations", operations},
          {"bytes_in", bytes_in},
          {"bytes_out", bytes_out},
          {"held", shared.faults.held()},
          {"signed_past_expiry", shared.authority.signed_past_expiry()}};
}

/// A member that is a text or a number, as text; empty if it is not there.
core::Result<std::string> text_of(const Json& json, const char* name) {
  const auto at = json.find(name);
  if (at == json.end() || at->is_null()) {
    return std::string();
  }
  if (at->is_string()) {
    return at->get<std::string>();
  }
  if (at->is_number()) {
    return at->dump();
  }
  return core::fail(core::ErrorKind::InvalidArgument,
                    core::format("{} must be a text or a number", name));
}

core::Result<std::uint64_t> count_of(const Json& json, const char* name, std::uint64_t fallback) {
  const auto at = json.find(name);
  if (at == json.end()) {
    return fallback;
  }
  if (!at->is_number_unsigned()) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("{} must be a whole number", name));
  }
  return at->get<std::uint64_t>();
}

/// Refuses members that we do not know: a misspelt one would be ignored otherwise.
core::Status only(const Json& json, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : json.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return core::fail(core::ErrorKind::InvalidArgument, core::format("unknown member {}", name));
    }
  }
  return {};
}

core::Status set_shape(Shape& shape, const Json& json) {
  TRY(only(json, {"latency", "bandwidth_per_connection"}));
  TRY_ASSIGN(const std::string latency, text_of(json, "latency"));
  TRY_ASSIGN(std::string bandwidth, text_of(json, "bandwidth_per_connection"));
  if (bandwidth.ends_with("/s")) {
    bandwidth.resize(bandwidth.size() - 2);
  }
  const auto duration = core::parse_duration(latency.empty() ? "0" : latency);
  const auto rate = core::parse_size(bandwidth.empty() ? "0" : bandwidth);
  if (!duration || !rate) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      "latency is like 20ms, bandwidth_per_connection like 100MB/s");
  }
  shape.latency_ns = duration->count();
  shape.bytes_per_second = *rate;
  return {};
}

core::Status add_fault(Faults& faults, const Json& json) {
  TRY(only(json, {"operation", "fault", "key", "skip", "probability", "count", "retry_after"}));
  FaultRule rule;
  TRY_ASSIGN(rule.operation, text_of(json, "operation"));
  TRY_ASSIGN(const std::string fault, text_of(json, "fault"));
  if (rule.operation.empty() || fault.empty()) {
    return core::fail(core::ErrorKind::InvalidArgument, "operation and fault are required");
  }
  TRY_ASSIGN(rule.fault, parse_fault(fault));
  TRY_ASSIGN(const std::string retry_after, text_of(json, "retry_after"));
  if (!retry_after.empty()) {
    rule.fault.retry_after = core::parse_duration(retry_after);
    if (!rule.fault.retry_after) {
      return core::fail(core::ErrorKind::InvalidArgument, "retry_after is like 2s");
    }
  }
  TRY_ASSIGN(const std::string key, text_of(json, "key"));
  if (!key.empty()) {
    TRY_ASSIGN(rule.key, KeyPattern::parse(key));
  }
  if (const auto at = json.find("probability"); at != json.end()) {
    if (!at->is_number()) {
      return core::fail(core::ErrorKind::InvalidArgument, "probability must be a number");
    }
    rule.probability = at->get<double>();
  }
  TRY_ASSIGN(rule.skip, count_of(json, "skip", 0));
  if (json.contains("count")) {
    TRY_ASSIGN(rule.count, count_of(json, "count", 0));
  }
  faults.add(std::move(rule));
  return {};
}

core::Status add_objects(Storage& storage, const Json& json) {
  TRY(only(json, {"bucket", "prefix", "count", "size"}));
  TRY_ASSIGN(const std::string bucket, text_of(json, "bucket"));
  TRY_ASSIGN(const std::string prefix, text_of(json, "prefix"));
  TRY_ASSIGN(const std::uint64_t count, count_of(json, "count", 1));
  TRY_ASSIGN(const std::uint64_t size, count_of(json, "size", 0));
  if (count > kMostObjects || size > kLargestSynthetic) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      "at most 10,000,000 objects of at most 64 GiB");
  }
  if (const auto filled = storage.fill(bucket, prefix, count, size); !filled) {
    return core::fail(core::ErrorKind::InvalidArgument, filled.error().message);
  }
  return {};
}

/// Replaces the policies of a role, for the tokens too that it gave already.
core::Status set_policies(Authority& authority, const Json& json) {
  TRY(only(json, {"role", "policies"}));
  TRY_ASSIGN(const std::string role, text_of(json, "role"));
  const auto policies = json.find("policies");
  if (policies == json.end()) {
    return authority.restore_policies(role);
  }
  if (!policies->is_array()) {
    return core::fail(core::ErrorKind::InvalidArgument, "policies must be a list of documents");
  }
  std::vector<std::string> documents;
  for (const Json& policy : *policies) {
    documents.push_back(policy.dump());
  }
  return authority.set_policies(role, documents);
}

Answer report(const core::Status& status) {
  return status ? done() : wrong(status.error().message);
}

}  // namespace

Answer administrate(const Shared& shared, const RawRequest& request, std::string_view body) {
  const std::string what = request.method + " " + request.raw_path;
  if (what == "GET /stats") {
    return json_answer(stats_of(shared.stats, shared));
  }
  if (what == "POST /stats/reset") {
    shared.stats.reset();
    return done();
  }
  if (what == "DELETE /faults") {
    shared.faults.clear();
    return done();
  }
  if (what == "POST /faults/release") {
    shared.faults.release();
    return done();
  }
  if (what == "POST /tokens/revoke") {
    const core::Status revoked = shared.authority.revoke_all();
    return revoked ? done() : wrong(revoked.error().message, 500);
  }
  const bool takes_json = what == "POST /shape" || what == "POST /faults" ||
                          what == "POST /objects" || what == "POST /policies";
  if (!takes_json) {
    return wrong("there is no " + what, 404);
  }
  const Json json = Json::parse(body.empty() ? "{}" : body, nullptr, false);
  if (!json.is_object()) {
    return wrong("the body is not a JSON object");
  }
  if (what == "POST /shape") {
    return report(set_shape(shared.shape, json));
  }
  if (what == "POST /policies") {
    return report(set_policies(shared.authority, json));
  }
  return report(what == "POST /faults" ? add_fault(shared.faults, json)
                                       : add_objects(shared.storage, json));
}

}  // namespace emulator
