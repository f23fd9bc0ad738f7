// Storage: multipart uploads.
#include <utility>

#include "core/format.h"
#include "core/text.h"
#include "emulator/objects/storage.h"

namespace emulator {
namespace {

std::optional<std::string> unhex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const std::string byte = "%" + std::string(text.substr(i, 2));
    const std::string decoded = core::percent_decode(byte);
    if (decoded.size() != 1) {
      return std::nullopt;
    }
    out += decoded;
  }
  return out;
}

}  // namespace

Outcome<UploadsPage> Storage::list_uploads(std::string_view bucket,
                                           const UploadsQuery& query) const {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(bucket);
  if (!found) {
    return refuse(found.error());
  }
  return emulator::list_uploads(**found, query);
}

Outcome<std::string> Storage::initiate(std::string_view bucket, const std::string& key,
                                       Version draft) {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(bucket);
  if (!found) {
    return refuse(found.error());
  }
  Upload upload;
  upload.id = fresh_id("");
  upload.key = key;
  upload.draft = std::move(draft);
  upload.initiated = now();
  if (const auto done = commit(PutUploadChange{std::string(bucket), upload}); !done) {
    return refuse(done.error());
  }
  return upload.id;
}

Outcome<const Upload*> Storage::upload_locked(std::string_view bucket, std::string_view key,
                                              std::string_view upload_id) const {
  const auto found = bucket_locked(bucket);
  if (!found) {
    return refuse(found.error());
  }
  const auto at = (*found)->uploads.find(upload_id);
  if (at == (*found)->uploads.end() || at->second.key != key) {
    return refuse(no_such_upload(upload_id));
  }
  return &at->second;
}

Outcome<Upload> Storage::upload(std::string_view bucket, std::string_view key,
                                std::string_view upload_id) const {
  const core::MutexLock lock(mutex_);
  const auto found = upload_locked(bucket, key, upload_id);
  if (!found) {
    return refuse(found.error());
  }
  return **found;
}

Outcome<bool> Storage::upload_exists(std::string_view bucket, std::string_view key,
                                     std::string_view upload_id) const {
  const core::MutexLock lock(mutex_);
  const auto found = upload_locked(bucket, key, upload_id);
  if (!found) {
    return refuse(found.error());
  }
  return true;
}

Outcome<Part> Storage::put_part(std::string_view bucket, std::string_view key,
                                const std::string& upload_id, int number,
                                const Incoming& incoming) {
  const core::MutexLock lock(mutex_);
  const auto found = upload_locked(bucket, key, upload_id);
  if (!found) {
    return refuse(found.error());
  }
  Part part;
  part.body = incoming.body;
  part.crc64 = incoming.crc64;
  part.etag = incoming.etag();
  part.modified = now();
  if (const auto done = commit(PutPartChange{std::string(bucket), upload_id, number, part});
      !done) {
    return refuse(done.error());
  }
  return part;
}

Outcome<VersionPtr> Storage::complete(std::string_view bucket_name, const std::string& key,
                                      const std::string& upload_id, std::vector<PartName> names,
                                      const PutRule& rule, const Completion& how) {
  const core::MutexLock lock(mutex_);
  const auto found = upload_locked(bucket_name, key, upload_id);
  if (!found) {
    return refuse(found.error());
  }
  const Upload& upload = **found;
  if (names.empty()) {
    for (const auto& [number, part] : upload.parts) {
      names.push_back({number, part.etag});
    }
  }
  const auto invalid_part = [&](int number) {
    ServiceError error =
        service_error(400, "InvalidPart",
                      "One or more of the specified parts could not be found or the specified "
                      "entity tag might not have matched the part's entity tag.");
    error.details.emplace_back("PartNumber", std::to_string(number));
    error.details.emplace_back("UploadId", upload_id);
    return refuse(std::move(error));
  };
  if (names.empty()) {
    return invalid_part(1);
  }
  Version version = upload.draft;
  version.type = ObjectType::Multipart;
  if (!how.acl.empty()) {
    version.acl = how.acl;
  }
  std::string sums;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0 && names[i].number <= names[i - 1].number) {
      return refuse(service_error(400, "InvalidPartOrder",
                                  "The list of parts was not in ascending order. Parts list must "
                                  "specified in order by part number."));
    }
    const auto part = upload.parts.find(names[i].number);
    if (part == upload.parts.end() ||
        !core::equal_ignoring_case(part->second.etag, names[i].etag)) {
      return invalid_part(names[i].number);
    }
    const std::uint64_t size = part->second.body.size();
    if (i + 1 < names.size() && size < how.smallest_part) {
      ServiceError error = service_error(
          400, "EntityTooSmall", "Your proposed upload smaller than the minimum allowed size.");
      error.details.emplace_back("PartNumber", std::to_string(names[i].number));
      error.details.emplace_back("MinSizeAllowed", std::to_string(how.smallest_part));
      error.details.emplace_back("ProposedSize", std::to_string(size));
      return refuse(std::move(error));
    }
    version.body.add(part->second.body);
    version.crc64 = core::crc64_combine(version.crc64, part->second.crc64, size);
    const std::string& sum = part->second.etag;
    sums += how.etag_of_text ? sum : unhex(sum).value_or(sum);
  }
  version.etag = core::format("{}-{}", core::upper_hex(core::md5(sums)), names.size());
  const auto bucket = bucket_locked(bucket_name);
  auto stored = put_locked(**bucket, key, std::move(version), rule);
  if (!stored) {
    return stored;
  }
  if (const auto done = commit(DropUploadChange{std::string(bucket_name), upload_id}); !done) {
    return refuse(done.error());
  }
  return stored;
}

Outcome<bool> Storage::abort(std::string_view bucket, std::string_view key,
                             const std::string& upload_id) {
  const core::MutexLock lock(mutex_);
  const auto found = upload_locked(bucket, key, upload_id);
  if (!found) {
    return refuse(found.error());
  }
  return commit(DropUploadChange{std::string(bucket), upload_id});
}

}  // namespace emulator
