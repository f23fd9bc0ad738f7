#include "app/settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "app/command_table.h"
#include "app/credential_settings.h"
#include "app/endpoints.h"
#include "app/memory.h"
#include "app/object_settings.h"
#include "app/places.h"
#include "core/format.h"
#include "core/log.h"
#include "core/text.h"
#include "options/text_file.h"
#include "options/usage.h"

namespace app {
namespace {

oss::Addressing addressing_of(std::string_view word) {
  if (word == "virtual") {
    return oss::Addressing::Virtual;
  }
  if (word == "path") {
    return oss::Addressing::Path;
  }
  return word == "cname" ? oss::Addressing::Cname : oss::Addressing::Auto;
}

oss::Signing signing_of(std::string_view word) {
  if (word == "v1") {
    return oss::Signing::V1;
  }
  return word == "v4" ? oss::Signing::V4 : oss::Signing::Auto;
}

/// What AWS's tools take from the environment where no option says it.
void fill_in_s3_place(const options::Environment& environment, std::string& endpoint,
                      std::string& region) {
  const auto fill = [&](std::string& value, std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (value.empty()) {
        value = environment.get(name);
      }
    }
  };
  fill(endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  if (endpoint.empty() || !http::parse_origin(endpoint) ||
      !oss::region_of(http::parse_origin(endpoint)->host)) {
    fill(region, {"AWS_REGION", "AWS_DEFAULT_REGION"});
    if (region.empty()) {
      region = oss::kDefaultS3Region;
    }
  }
  if (endpoint.empty()) {
    endpoint = core::format("https://s3.{}.amazonaws.com{}", region,
                            region.starts_with("cn-") ? ".cn" : "");
  }
}

}  // namespace

core::Result<ServiceSettings> service_settings(const options::Values& values,
                                               const options::Environment& environment,
                                               const std::optional<Location>& location) {
  ServiceSettings settings;
  settings.endpoint_text = values.text("endpoint");
  const bool s3 = location && location->dialect == oss::Dialect::S3;
  std::string region(s3 ? values.text("region") : std::string(region_id(values.text("region"))));
  const bool internal = values.flag("internal");
  if (s3) {
    if (internal) {
      return options::usage("--internal is Alibaba Cloud's: an S3 service is named by --endpoint");
    }
    settings.store.dialect = oss::Dialect::S3;
    fill_in_s3_place(environment, settings.endpoint_text, region);
  } else if (settings.endpoint_text.empty() && !region.empty()) {
    settings.endpoint_text = oss_endpoint(region, internal);
  }
  const bool needs_endpoint = values.command() != kWhoami;
  if (settings.endpoint_text.empty() && needs_endpoint) {
    return options::usage(
        "no endpoint: --endpoint https://oss-REGION.aliyuncs.com, or --region REGION alone");
  }
  if (!settings.endpoint_text.empty()) {
    TRY_ASSIGN(settings.store.endpoint, origin_of("endpoint", settings.endpoint_text));
    if (location && values.text("addressing") != "cname") {
      std::string& host = settings.store.endpoint.host;
      host = std::string(without_bucket(host, location->bucket));
    }
    if (region.empty()) {
      region = oss::region_of(settings.store.endpoint.host).value_or("");
    }
  }
  if (internal && region.empty()) {
    return options::usage("--internal needs --region, which the endpoint does not tell");
  }
  settings.store.region = region;
  settings.store.bucket = location ? location->bucket : "";
  settings.store.addressing = addressing_of(values.text("addressing"));
  settings.store.signing = signing_of(values.text("sign-version"));
  if (s3 && settings.store.signing == oss::Signing::V1) {
    return options::usage("--sign-version v1 is OSS's own: S3 is signed with v4 alone");
  }
  if (settings.store.signing == oss::Signing::V4 && region.empty()) {
    return options::usage("--sign-version v4 needs --region, which the endpoint does not tell");
  }
  settings.store.requester_pays = values.knows("requester-pays") && values.flag("requester-pays");
  settings.store.patience.connect = values.duration("connect-timeout");
  settings.store.patience.idle = values.duration("request-timeout");
  settings.transport.ca_file = values.text("ca-file");
  settings.transport.proxy = values.text("proxy");

  settings.credential_wait = values.duration("credential-wait");
  settings.mount_timeout = values.duration("mount-timeout");

  TRY_ASSIGN(settings.source, credential_settings(values, environment,
                                                  {location, settings.store.endpoint, region, s3}));
  return settings;
}

core::Result<MountSettings> mount_settings(const options::Values& values,
                                           const options::Environment& environment) {
  MountSettings settings;
  std::string source = values.text("source");
  if (source.empty()) {
    source = values.text("bucket");
  } else if (values.given("bucket")) {
    return options::usage("the bucket is named twice: as SOURCE and with --bucket");
  }
  if (source.empty()) {
    return options::usage("no source: stsfs mount oss://BUCKET[/PREFIX] MOUNTPOINT");
  }
  settings.mount_point = values.text("mountpoint");
  if (settings.mount_point.empty()) {
    return options::usage("no mount point: stsfs mount oss://BUCKET[/PREFIX] MOUNTPOINT");
  }
  TRY_ASSIGN(settings.location, parse_location(source));
  settings.location.prefix += as_prefix(values.text("prefix"));
  TRY(check_prefix(settings.location.prefix));
  TRY_ASSIGN(settings.service, service_settings(values, environment, settings.location));

  TRY(object_settings(values, settings.service.store));

  settings.fsname = values.text("fsname");
  if (settings.fsname.empty()) {
    settings.fsname = settings.location.text();
  }
  settings.allow_other = values.flag("allow-other");
  settings.noexec = values.flag("noexec");
  settings.kernel_writes_back = values.flag("kernel-write-back");
  settings.foreground = values.flag("foreground");

  fs::Options& files = settings.files;
  files.prefix = settings.location.prefix;
  files.read_only = values.flag("read-only");
  files.direct_io = values.flag("direct-io");
  files.attributes =
      values.text("attributes") == "plain" ? fs::AttributeMode::Plain : fs::AttributeMode::Exact;
  files.hard_links =
      values.text("hard-links") == "copy" ? fs::HardLinks::Copy : fs::HardLinks::Refuse;
  files.plain_changes = values.text("plain-changes") == "ignore" ? fs::PlainChanges::Ignore
                                                                 : fs::PlainChanges::Refuse;
  files.durability =
      values.text("durability") == "local" ? fs::Durability::Local : fs::Durability::Remote;
  files.metadata_lifetime = values.duration("metadata-ttl");
  for (const std::string& directory : values.list("assume-dirs")) {
    std::string path = as_prefix(directory);
    if (!path.empty()) {
      path.pop_back();
      files.assumed_directories.push_back(std::move(path));
    }
  }
  files.uid = values.given("uid") ? static_cast<uid_t>(values.count("uid")) : ::getuid();
  files.gid = values.given("gid") ? static_cast<gid_t>(values.count("gid")) : ::getgid();
  files.umask = values.mode("umask");
  files.file_mode = values.mode("file-mode");
  files.directory_mode = values.mode("dir-mode");
  files.host_name = host_name();
  // Where there is no such file, what everybody knows has to do.
  TRY_ASSIGN(auto types,
             media_types(values, options::read_text_file("/etc/mime.types").value_or("")));
  files.media_types = std::make_shared<const model::MediaTypes>(std::move(types));
  files.signed_url_lifetime = values.duration("signed-url-lifetime");

  TRY_ASSIGN(settings.memory, memory_shares(values));
  settings.downloads.cache_bytes = settings.memory.blocks;
  files.names_bytes = settings.memory.names;
  files.nodes_bytes = settings.memory.nodes;
  files.objects_bytes = settings.memory.objects;
  settings.downloads.window_bytes = values.size("read-ahead");
  settings.downloads.connections = static_cast<unsigned>(values.count("connections"));
  settings.uploads.connections = static_cast<unsigned>(values.count("upload-connections"));
  settings.uploads.multipart_threshold_bytes = values.size("multipart-threshold");
  settings.uploads.part_bytes = values.size("part-size");

  settings.state_dir = values.text("state-dir");
  settings.runtime_dir = values.text("runtime-dir");
  settings.staging_limit_bytes = values.size("staging-limit");
  settings.staging_on_tmpfs = values.flag("staging-on-tmpfs");
  settings.publish_after = values.duration("publish-after");
  settings.drain_timeout = values.duration("drain-timeout");
  settings.given = values.given_values();
  for (auto& [name, value] : settings.given) {
    // What follows may hold a password.
    if (name == "credential-process" || name == "credentials-uri" || name == "ecs-ram-role") {
      value.resize(std::min(value.size(), value.find_first_of(" \t?")));
    }
  }
  return settings;
}

state::Identity journal_identity(const MountSettings& settings) {
  const oss::Options& service = settings.service.store;
  return {service.dialect == oss::Dialect::S3 ? "s3" : "oss", settings.service.endpoint_text,
          service.bucket, settings.files.prefix, settings.files.host_name};
}

}  // namespace app
