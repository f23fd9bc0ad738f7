#include "ops/status.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "core/format.h"

namespace ops {
namespace {

using nlohmann::json;

json when(const std::optional<core::WallTime>& time) {
  return time ? json(core::format_iso8601(*time)) : json(nullptr);
}

/// Reads members of a JSON object into values, leaving a value alone where there is no member of a
/// fitting type.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  void text(const char* name, std::string& out) const {
    if (const json* member = find(name); member != nullptr && member->is_string()) {
      out = member->get<std::string>();
    }
  }
  template <class T>
  void number(const char* name, T& out) const {
    if (const json* member = find(name); member != nullptr && member->is_number_integer()) {
      out = member->get<T>();
    }
  }
  void flag(const char* name, bool& out) const {
    if (const json* member = find(name); member != nullptr && member->is_boolean()) {
      out = member->get<bool>();
    }
  }
  void time(const char* name, std::optional<core::WallTime>& out) const {
    std::string spelt;
    text(name, spelt);
    if (auto parsed = core::parse_iso8601(spelt)) {
      out = parsed;
    }
  }
  void time(const char* name, core::WallTime& out) const {
    std::optional<core::WallTime> found;
    time(name, found);
    out = found.value_or(out);
  }
  void numbers(const char* name, std::map<std::string, std::int64_t>& out) const {
    if (const json* member = find(name); member != nullptr && member->is_object()) {
      for (const auto& [key, value] : member->items()) {
        if (value.is_number_integer()) {
          out[key] = value.get<std::int64_t>();
        }
      }
    }
  }
  [[nodiscard]] const json* find(const char* name) const {
    const auto at = object_.is_object() ? object_.find(name) : object_.end();
    return at == object_.end() ? nullptr : &*at;
  }
  [[nodiscard]] Reader object(const char* name) const {
    static const json kNothing = json::object();
    const json* member = find(name);
    return Reader(member == nullptr ? kNothing : *member);
  }

 private:
  const json& object_;
};

std::string local_time(core::WallTime time) {
  const std::time_t seconds = core::unix_seconds(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), size};
}

std::string clock_time(core::WallTime time) { return local_time(time).substr(11); }

core::Duration whole_seconds(core::Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration);
}

std::string life_left(const MountStatus& status) {
  if (!status.credentials.expires) {
    return "does not expire";
  }
  const auto left = *status.credentials.expires - status.now;
  const std::string at = local_time(*status.credentials.expires);
  return left <= core::Duration::zero()
             ? "EXPIRED at " + at
             : "good until " + at + " (" + core::format_duration(whole_seconds(left)) + ")";
}

std::string files_to_upload(const MountStatus& status) {
  return core::format("{} {}, {} to upload", status.files.dirty,
                      status.files.dirty == 1 ? "file" : "files",
                      core::format_size(status.files.dirty_bytes));
}

std::string memory_in_use(const MountStatus::Memory& memory) {
  return core::format(
      "{} resident, limit {}: {} of blocks, {} of names, {} of inodes, {} of objects",
      core::format_size(memory.resident_bytes), core::format_size(memory.limit_bytes),
      core::format_size(memory.blocks_bytes), core::format_size(memory.names_bytes),
      core::format_size(memory.nodes_bytes), core::format_size(memory.objects_bytes));
}

json to_json(const std::vector<MountStatus::Rename>& renames) {
  json all = json::array();
  for (const MountStatus::Rename& one : renames) {
    all.push_back({{"from", one.from},
                   {"to", one.to},
                   {"objects", one.objects},
                   {"objects_done", one.objects_done},
                   {"bytes", one.bytes},
                   {"bytes_done", one.bytes_done}});
  }
  return all;
}

std::vector<MountStatus::Rename> parse_renames(const json* all) {
  std::vector<MountStatus::Rename> renames;
  if (all == nullptr || !all->is_array()) {
    return renames;
  }
  for (const json& member : *all) {
    const Reader one(member);
    MountStatus::Rename& rename = renames.emplace_back();
    one.text("from", rename.from);
    one.text("to", rename.to);
    one.number("objects", rename.objects);
    one.number("objects_done", rename.objects_done);
    one.number("bytes", rename.bytes);
    one.number("bytes_done", rename.bytes_done);
  }
  return renames;
}

void row(std::string& out, std::string_view name, std::string_view value) {
  out += core::format("  {:<13}{}\n", name, value);
}

}  // namespace

std::string to_json(const MountStatus& status, int indent) {
  const auto& held = status.credentials;
  const auto& files = status.files;
  const auto& memory = status.memory;
  json options = json::object();
  for (const auto& [name, value] : status.options) {
    options[name] = value;
  }
  const json document = {
      {"version", status.version},
      {"pid", status.pid},
      {"state", status.state},
      {"now", core::format_iso8601(status.now)},
      {"started", core::format_iso8601(status.started)},
      {"uptime_seconds", core::unix_seconds(status.now) - core::unix_seconds(status.started)},
      {"mount_point", status.mount_point},
      {"source", status.source},
      {"endpoint", status.endpoint},
      {"credentials",
       {{"source", held.source},
        {"access_key_id", held.access_key_id},
        {"role", held.role},
        {"expires", when(held.expires)},
        {"seconds_left",
         held.expires ? json(core::unix_seconds(*held.expires) - core::unix_seconds(status.now))
                      : json(nullptr)},
        {"next_renewal", when(held.next_renewal)},
        {"renewals", held.renewals},
        {"failures", held.failures},
        {"rejections", held.rejections},
        {"degraded", held.degraded},
        {"last_error", held.last_error}}},
      {"files",
       {{"inodes", files.inodes},
        {"open", files.open},
        {"dirty", files.dirty},
        {"dirty_bytes", files.dirty_bytes},
        {"uploads_under_way", files.uploads_under_way},
        {"failed_uploads", files.failed_uploads},
        {"deletions_under_way", files.deletions_under_way},
        {"conflicts", files.conflicts},
        {"safe_here", files.safe_here},
        {"staged_bytes", files.staged_bytes},
        {"staging_limit_bytes", files.staging_limit_bytes},
        {"cached_bytes", files.cached_bytes}}},
      {"renames", to_json(status.renames)},
      {"memory",
       {{"limit_bytes", memory.limit_bytes},
        {"resident_bytes", memory.resident_bytes},
        {"blocks_bytes", memory.blocks_bytes},
        {"names_bytes", memory.names_bytes},
        {"nodes_bytes", memory.nodes_bytes},
        {"objects_bytes", memory.objects_bytes},
        {"pages_bytes", memory.pages_bytes}}},
      {"last_error", status.last_error},
      {"last_error_at", when(status.last_error_at)},
      {"requests", status.requests},
      {"metrics", status.metrics},
      {"options", options},
  };
  // Names of files and answers of services may be any bytes.
  return document.dump(indent, ' ', false, json::error_handler_t::replace);
}

core::Result<MountStatus> parse_status(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return core::fail(core::ErrorKind::Protocol, "the daemon's status is not a JSON object");
  }
  MountStatus status;
  const Reader top(document);
  top.text("version", status.version);
  top.number("pid", status.pid);
  top.text("state", status.state);
  top.time("now", status.now);
  top.time("started", status.started);
  top.text("mount_point", status.mount_point);
  top.text("source", status.source);
  top.text("endpoint", status.endpoint);

  const Reader credentials = top.object("credentials");
  auto& held = status.credentials;
  credentials.text("source", held.source);
  credentials.text("access_key_id", held.access_key_id);
  credentials.text("role", held.role);
  credentials.time("expires", held.expires);
  credentials.time("next_renewal", held.next_renewal);
  credentials.number("renewals", held.renewals);
  credentials.number("failures", held.failures);
  credentials.number("rejections", held.rejections);
  credentials.flag("degraded", held.degraded);
  credentials.text("last_error", held.last_error);

  const Reader counted = top.object("files");
  auto& files = status.files;
  counted.number("inodes", files.inodes);
  counted.number("open", files.open);
  counted.number("dirty", files.dirty);
  counted.number("dirty_bytes", files.dirty_bytes);
  counted.number("uploads_under_way", files.uploads_under_way);
  counted.number("failed_uploads", files.failed_uploads);
  counted.number("deletions_under_way", files.deletions_under_way);
  counted.number("conflicts", files.conflicts);
  counted.number("safe_here", files.safe_here);
  counted.number("staged_bytes", files.staged_bytes);
  counted.number("staging_limit_bytes", files.staging_limit_bytes);
  counted.number("cached_bytes", files.cached_bytes);

  status.renames = parse_renames(top.find("renames"));
  const Reader held_in_memory = top.object("memory");
  auto& memory = status.memory;
  held_in_memory.number("limit_bytes", memory.limit_bytes);
  held_in_memory.number("resident_bytes", memory.resident_bytes);
  held_in_memory.number("blocks_bytes", memory.blocks_bytes);
  held_in_memory.number("names_bytes", memory.names_bytes);
  held_in_memory.number("nodes_bytes", memory.nodes_bytes);
  held_in_memory.number("objects_bytes", memory.objects_bytes);
  held_in_memory.number("pages_bytes", memory.pages_bytes);

  top.text("last_error", status.last_error);
  top.time("last_error_at", status.last_error_at);
  top.numbers("requests", status.requests);
  top.numbers("metrics", status.metrics);
  if (const json* options = top.find("options"); options != nullptr && options->is_object()) {
    for (const auto& [name, value] : options->items()) {
      if (value.is_string()) {
        status.options.emplace_back(name, value.get<std::string>());
      }
    }
  }
  return status;
}

std::string describe(const MountStatus& status) {
  const auto& held = status.credentials;
  std::string out = core::format("{} on {}\n", status.source, status.mount_point);
  row(out, "state",
      core::format("{}, up {}, process {}, stsfs {}", status.state,
                   core::format_duration(whole_seconds(status.now - status.started)), status.pid,
                   status.version));
  row(out, "endpoint", status.endpoint);
  row(out, "identity", core::format("{} ({})", held.access_key_id, held.source));
  row(out, "credentials", life_left(status));
  std::string renewals = core::format("{} obtained, {} failed", held.renewals, held.failures);
  if (held.rejections > 0) {
    renewals += core::format(", {} refused by the service", held.rejections);
  }
  if (held.next_renewal) {
    renewals += ", next at " + clock_time(*held.next_renewal);
  }
  row(out, "renewals", renewals);
  if (!held.last_error.empty()) {
    row(out, "  last error", held.last_error);
  }
  row(out, "to upload",
      core::format("{}, {} under way", files_to_upload(status), status.files.uploads_under_way));
  if (status.files.safe_here > 0) {
    row(out, "  safe here", core::format("{}, also after a crash", status.files.safe_here));
  }
  if (status.files.failed_uploads > 0) {
    row(out, "  FAILED",
        core::format("{} kept after a failed upload", status.files.failed_uploads));
  }
  if (status.files.deletions_under_way > 0) {
    row(out, "to delete", core::format("{} names", status.files.deletions_under_way));
  }
  for (const MountStatus::Rename& one : status.renames) {
    row(out, "renaming",
        core::format("{} to {}: {} of {} objects, {} of {}", one.from, one.to, one.objects_done,
                     one.objects, core::format_size(one.bytes_done), core::format_size(one.bytes)));
  }
  if (status.files.conflicts > 0) {
    row(out, "  conflicts", core::format("{} kept under a conflict name", status.files.conflicts));
  }
  row(out, "files", core::format("{} open, {} known", status.files.open, status.files.inodes));
  row(out, "memory", memory_in_use(status.memory));
  row(out, "staging",
      core::format("{} of {}", core::format_size(status.files.staged_bytes),
                   core::format_size(status.files.staging_limit_bytes)));
  std::string requests;
  for (const auto& [operation, count] : status.requests) {
    requests += core::format("{}{} {}", requests.empty() ? "" : ", ", operation, count);
  }
  row(out, "requests", requests.empty() ? "none" : requests);
  if (const auto archived = status.metrics.find("archived");
      archived != status.metrics.end() && archived->second > 0) {
    row(out, "archived",
        core::format("{} requests for objects that have to be restored first", archived->second));
  }
  row(out, "last error",
      status.last_error.empty() ? "none"
      : status.last_error_at    ? local_time(*status.last_error_at) + "  " + status.last_error
                                : status.last_error);
  return out;
}

std::string summarize(const MountStatus& status) {
  std::string token = "key does not expire";
  if (status.credentials.expires) {
    token = *status.credentials.expires > status.now
                ? "token good until " + clock_time(*status.credentials.expires)
                : "TOKEN EXPIRED at " + clock_time(*status.credentials.expires);
  }
  if (status.credentials.degraded) {
    token += " (renewal fails)";
  }
  return token + "; " +
         (status.files.dirty == 0 ? std::string("everything uploaded") : files_to_upload(status));
}

}  // namespace ops
