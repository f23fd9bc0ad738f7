#include "fs/upload_journal.h"

#include <algorithm>

#include "core/digest.h"
#include "core/format.h"
#include "core/log.h"

namespace fs {

using core::ErrorKind;

std::string digest_of(const store::ObjectAttributes& attributes) {
  std::string text;
  const auto add = [&](const std::string& field) {
    text += core::format("{} {} ", field.size(), field);
  };
  add(attributes.content_type);
  for (const std::string* field :
       {&attributes.content.encoding, &attributes.content.language, &attributes.content.disposition,
        &attributes.content.cache_control, &attributes.content.expires}) {
    add(*field);
  }
  for (const auto& [name, value] : attributes.user) {
    add(name);
    add(value);
  }
  return core::sha256(text);
}

UploadJournal::UploadJournal(state::Journal& journal) : journal_(journal) {
  for (const state::KeptFile& file : journal.found().files) {
    kept_.insert(file.wanted.key);
  }
  const core::MutexLock lock(mutex_);
  for (const state::KeptUpload& upload : journal.found().uploads) {
    if (kept_.contains(upload.key)) {
      left_.push_back(upload);
    }
  }
}

std::optional<transfer::LeftUpload> UploadJournal::take_left(
    const model::ObjectKey& key, const store::ObjectAttributes& attributes) {
  const core::MutexLock lock(mutex_);
  const auto at = std::find_if(left_.begin(), left_.end(),
                               [&](const auto& upload) { return upload.key == key.text(); });
  if (at == left_.end()) {
    return std::nullopt;
  }
  transfer::LeftUpload left{at->id, at->attributes == digest_of(attributes), {}};
  for (const state::KeptPart& part : at->parts) {
    left.parts.push_back({{static_cast<int>(part.number), model::ETag(part.etag),
                           part.last - part.first, part.crc64},
                          {part.first, part.last}});
  }
  left_.erase(at);
  return left;
}

void UploadJournal::begun(const model::ObjectKey& key, const std::string& id,
                          const store::ObjectAttributes& attributes) {
  const auto noted = journal_.begin_upload({key.text(), id, digest_of(attributes), {}});
  if (!noted) {
    core::log(core::LogLevel::Warn, "an upload is not in the journal: after a crash it stays",
              {{"key", key.text()}, {"upload", id}});
  }
}

void UploadJournal::sent(const model::ObjectKey& key, const std::string& id,
                         const store::PartReceipt& receipt, model::ByteRange range) {
  if (receipt.crc64) {
    journal_.note_part(key.text(), id,
                       {static_cast<std::uint64_t>(receipt.number), range.first, range.last,
                        *receipt.crc64, receipt.etag.text()});
  }
}

void UploadJournal::ended(const model::ObjectKey& key, const std::string& id) {
  journal_.end_upload(key.text(), id);
}

void UploadJournal::abort_left(const core::OpContext& context, store::ObjectStore& store) {
  for (const state::KeptUpload& upload : journal_.found().uploads) {
    if (context.stopped()) {
      return;
    }
    if (kept_.contains(upload.key)) {
      continue;
    }
    const model::ObjectKey key(upload.key);
    const auto aborted = store.abort_upload(context, key, upload.id);
    if (aborted || aborted.error().kind == ErrorKind::NoUpload) {
      core::log(core::LogLevel::Info, "upload.left.aborted",
                {{"key", upload.key}, {"upload", upload.id}});
      ended(key, upload.id);
    } else {
      core::log(
          core::LogLevel::Warn, "upload.left.stays",
          {{"key", upload.key}, {"upload", upload.id}, {"error", core::describe(aborted.error())}});
    }
  }
}

}  // namespace fs
