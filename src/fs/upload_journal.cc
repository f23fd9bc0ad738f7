#include "fs/upload_journal.h"

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
