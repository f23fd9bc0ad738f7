#pragma once
// The object service: a request in, an answer out. Knows neither sockets nor threads.
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "emulator/account/authority.h"
#include "emulator/objects/restorations.h"
#include "emulator/objects/storage.h"
#include "emulator/service/call.h"
#include "emulator/wire/errors.h"
#include "emulator/wire/reply.h"

namespace emulator {

struct ServiceOptions {
  std::string region = "cn-hangzhou";
  std::vector<std::string> domains;
  bool missing_key_is_denied = false;
};

/// Threads: any.
class Service {
 public:
  Service(Storage& storage, Authority& authority, ServiceOptions options, const core::Clock& clock)
      : storage_(storage),
        authority_(authority),
        options_(std::move(options)),
        restorations_(clock) {}

  /// Fills in what the head alone tells: address, operation, likely dialect.
  void recognise(Call& call) const;
  /// Who asks, may they, and does it make sense so far? Before the body is read.
  Outcome<bool> admit(Call& call, core::Duration clock_offset) const;
  /// Does it. The body is in `call`.
  Reply run(Call& call);
  [[nodiscard]] Reply refuse_call(const Call& call, const ServiceError& error) const;

 private:
  using Answered = Outcome<Reply>;

  Outcome<bool> authorize(const Call& call, std::string_view action, std::string_view bucket,
                          std::string_view key) const;
  Outcome<bool> authorize_anonymous(const Call& call) const;
  Outcome<bool> check_body(const Call& call) const;
  Answered dispatch(Call& call);
  /// NoSuchKey, or AccessDenied to those who may not list, if so configured.
  [[nodiscard]] ServiceError missing(const Call& call, ServiceError error) const;

  // objects.cc
  struct Target {
    VersionPtr link;  ///< the symbolic link that led here, if any
    VersionPtr object;
  };
  Outcome<Target> resolve(const Call& call) const;
  Answered get_object(const Call& call);
  Answered head_object(const Call& call);
  Answered get_object_meta(const Call& call);
  /// InvalidObjectState where the bytes lie in an archive.
  [[nodiscard]] Outcome<bool> check_readable(std::string_view bucket, std::string_view key,
                                             const Version& version) const;
  void describe_restoration(Reply& reply, const Call& call, const Target& target) const;
  Answered restore_object(const Call& call);
  Answered put_object(Call& call);
  Answered append_object(Call& call);
  Answered delete_object(const Call& call);
  Answered delete_multiple(const Call& call);
  Answered put_symlink(const Call& call);
  Answered get_symlink(const Call& call);

  // copies.cc
  struct Source {
    std::string bucket;
    std::string key;
    std::string version_id;
    bool versioned = false;  ///< its bucket has versions
    VersionPtr version;
  };
  /// What x-oss-copy-source names, if this caller may read it and its conditions hold.
  Outcome<Source> source_of(const Call& call) const;
  Answered copy_object(const Call& call);
  Answered upload_part_copy(const Call& call);

  // uploads.cc
  Answered initiate(const Call& call);
  Answered upload_part(Call& call);
  Answered complete(const Call& call);
  Answered abort(const Call& call);
  Answered list_parts(const Call& call);
  Answered list_uploads(const Call& call);

  // listing.cc
  Answered list_objects(const Call& call);
  Answered list_versions(const Call& call);

  // buckets.cc
  Answered list_buckets(const Call& call);
  Answered put_bucket(const Call& call);
  Answered delete_bucket(const Call& call);
  Answered bucket_info(const Call& call);
  Answered bucket_stat(const Call& call);
  static Answered list_live_channels(const Call& call);
  Answered bucket_acl(const Call& call);
  Answered put_bucket_acl(const Call& call);
  Answered bucket_versioning(const Call& call);
  Answered put_bucket_versioning(const Call& call);
  static Answered bucket_configuration_of(const Call& call);
  Answered object_acl(const Call& call);
  Answered put_object_acl(const Call& call);
  Answered object_tagging(const Call& call);
  Answered put_object_tagging(const Call& call);
  Answered delete_object_tagging(const Call& call);

  Storage& storage_;
  Authority& authority_;
  const ServiceOptions options_;
  Restorations restorations_;
};

}  // namespace emulator
