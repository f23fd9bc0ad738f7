// Listing and multipart uploads of FakeStore.
#include <algorithm>

#include "core/digest.h"
#include "core/format.h"
#include "support/fake_store.h"

namespace test {
namespace {

using core::ErrorKind;

store::ListedObject listed(const std::string& key, const store::ObjectMeta& meta) {
  store::ListedObject entry;
  entry.key = model::ObjectKey(key);
  // A listing says nothing about the length of a link's target.
  entry.size = meta.type == store::ObjectType::Symlink ? 0 : meta.size;
  entry.etag = meta.etag;
  entry.last_modified = meta.last_modified;
  entry.type = meta.type;
  entry.storage_class = meta.settings.storage_class;
  return entry;
}

}  // namespace

core::Result<store::ListPage> FakeStore::list(const core::OpContext& context,
                                              const store::ListQuery& query) {
  const Running running(*this, Op::List);
  const auto effects = arrive({Op::List, query.prefix, {}, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY(lost_answer(effects));
  if (query.max_keys == 0 || query.max_keys > 1000) {
    return core::fail(ErrorKind::InvalidArgument, "max-keys must be 1 to 1000");
  }
  std::string after = query.start_after;
  if (!query.continuation_token.empty()) {
    const auto decoded = core::base64_decode(query.continuation_token);
    if (!decoded) {
      return core::fail(ErrorKind::InvalidArgument, "not a continuation token of ours");
    }
    after = *decoded;
  }
  const core::MutexLock lock(mutex_);
  store::ListPage page;
  const bool after_prefix = !query.continuation_token.empty() && !query.delimiter.empty() &&
                            after.size() > query.prefix.size() && after.ends_with(query.delimiter);
  std::string last;
  for (auto at = objects_.lower_bound(query.prefix); at != objects_.end(); ++at) {
    const std::string& key = at->first;
    if (!key.starts_with(query.prefix)) {
      break;
    }
    if (key <= after || (after_prefix && key.starts_with(after))) {
      continue;
    }
    std::string common;
    if (!query.delimiter.empty()) {
      const auto cut = key.find(query.delimiter, query.prefix.size());
      if (cut != std::string::npos) {
        common = key.substr(0, cut + query.delimiter.size());
      }
    }
    if (!common.empty() && !page.common_prefixes.empty() && page.common_prefixes.back() == common) {
      continue;
    }
    if (page.objects.size() + page.common_prefixes.size() == query.max_keys) {
      page.next_token = core::base64(last);
      break;
    }
    if (common.empty()) {
      page.objects.push_back(listed(key, at->second.meta));
      last = key;
    } else {
      page.common_prefixes.push_back(common);
      last = common;
    }
  }
  return page;
}

void FakeStore::start_list(const core::OpContext& context, const store::ListQuery& query,
                           ListDone done) {
  network_.post([this, context, query, done = std::move(done)] { done(list(context, query)); });
}

core::Result<FakeStore::Upload*> FakeStore::upload(const model::ObjectKey& key,
                                                   const std::string& id) {
  const auto at = uploads_.find(id);
  if (at == uploads_.end() || at->second.key != key.text()) {
    return core::fail(ErrorKind::NoUpload, "no upload " + id);
  }
  return &at->second;
}

core::Result<std::string> FakeStore::start_upload(const core::OpContext& context,
                                                  const model::ObjectKey& key,
                                                  const store::ObjectAttributes& attributes) {
  const Running running(*this, Op::StartUpload);
  const auto effects = arrive({Op::StartUpload, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  TRY_ASSIGN(const store::ObjectSettings settings, complete_settings(context, attributes.settings));
  const core::MutexLock lock(mutex_);
  std::string id = core::format("UPLOAD{:08}", next_upload_++);
  Upload upload;
  upload.key = key.text();
  upload.attributes = attributes;
  upload.attributes.settings = settings;
  uploads_.emplace(id, std::move(upload));
  TRY(lost_answer(effects));
  return id;
}

core::Result<store::PartReceipt> FakeStore::take_part(const model::ObjectKey& key,
                                                      const std::string& upload_id, int number,
                                                      std::string content) {
  Part part;
  part.receipt.number = number;
  part.receipt.etag = model::ETag(core::upper_hex(core::md5(content)));
  part.receipt.size = content.size();
  part.receipt.crc64 = core::crc64(core::as_bytes(content));
  part.content = std::move(content);
  const core::MutexLock lock(mutex_);
  if (number < 1 || number > capabilities_.max_parts) {
    return core::fail(ErrorKind::InvalidArgument, core::format("no part may be number {}", number));
  }
  if (part.content.size() > capabilities_.max_part_bytes) {
    return core::fail(ErrorKind::TooLarge, "too large for one part");
  }
  TRY_ASSIGN(Upload * target, upload(key, upload_id));
  store::PartReceipt receipt = part.receipt;
  target->parts.insert_or_assign(number, std::move(part));
  return receipt;
}

core::Result<store::PartReceipt> FakeStore::upload_part(const core::OpContext& context,
                                                        const model::ObjectKey& key,
                                                        const std::string& upload_id, int number,
                                                        std::shared_ptr<const store::Source> source,
                                                        model::ByteRange range) {
  const Running running(*this, Op::UploadPart);
  const auto effects = arrive({Op::UploadPart, key.text(), range, number, context.cause});
  TRY(apply_all(context, effects));
  std::string content(range.size(), '\0');
  TRY_ASSIGN(const std::size_t n,
             source->read(range.first, std::as_writable_bytes(std::span<char>(content))));
  if (n != content.size()) {
    return core::fail(ErrorKind::Io, "the source is shorter than the part");
  }
  const std::uint64_t sent = core::crc64(core::as_bytes(content));
  if (corrupts(effects) && !content.empty()) {
    content[0] = static_cast<char>(content[0] ^ 1);
  }
  TRY_ASSIGN(auto receipt, take_part(key, upload_id, number, std::move(content)));
  TRY(lost_answer(effects));
  if (receipt.crc64 != sent) {
    return core::fail(ErrorKind::Corrupt, core::format("part {} was damaged on its way", number));
  }
  return receipt;
}

core::Result<store::PartReceipt> FakeStore::upload_part_copy(
    const core::OpContext& context, const model::ObjectKey& key, const std::string& upload_id,
    int number, const model::ObjectVersion& from, model::ByteRange range) {
  const Running running(*this, Op::UploadPartCopy);
  const auto effects = arrive({Op::UploadPartCopy, key.text(), range, number, context.cause});
  TRY(apply_all(context, effects));
  std::string content;
  {
    const core::MutexLock lock(mutex_);
    TRY_ASSIGN(const Object object, find(from.key, from.etag, false));
    if (range.empty() || range.last > object.content->size()) {
      return core::fail(ErrorKind::OutOfRange, "the part reaches past its source");
    }
    content = object.content->substr(range.first, range.size());
  }
  TRY_ASSIGN(auto receipt, take_part(key, upload_id, number, std::move(content)));
  TRY(lost_answer(effects));
  receipt.crc64.reset();  // the service does not say it for a copied part
  return receipt;
}

core::Result<store::Published> FakeStore::complete_upload(
    const core::OpContext& context, const model::ObjectKey& key, const std::string& upload_id,
    const std::vector<store::PartReceipt>& parts, const store::Precondition& precondition) {
  const Running running(*this, Op::CompleteUpload);
  const auto effects = arrive({Op::CompleteUpload, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  const core::MutexLock lock(mutex_);
  TRY_ASSIGN(Upload * source, upload(key, upload_id));
  if (parts.empty()) {
    return core::fail(ErrorKind::InvalidArgument, "no parts");
  }
  std::string content;
  std::string digests;
  int previous = 0;
  for (const store::PartReceipt& receipt : parts) {
    const auto at = source->parts.find(receipt.number);
    if (receipt.number <= previous) {
      return core::fail(ErrorKind::InvalidArgument, "parts must ascend");
    }
    if (at == source->parts.end() || at->second.receipt.etag != receipt.etag) {
      return core::fail(ErrorKind::InvalidArgument,
                        core::format("no such part {}", receipt.number));
    }
    if (&receipt != &parts.back() && at->second.content.size() < capabilities_.min_part_bytes) {
      return core::fail(ErrorKind::InvalidArgument,
                        core::format("part {} too small", receipt.number));
    }
    previous = receipt.number;
    content += at->second.content;
    digests += core::md5(at->second.content);
  }
  TRY(check(key.text(), precondition));
  if (corrupts(effects) && !content.empty()) {
    content[0] = static_cast<char>(content[0] ^ 1);
  }
  Object object = plain(std::move(content), source->attributes);
  object.meta.type = store::ObjectType::Multipart;
  object.meta.etag =
      model::ETag(core::format("{}-{}", core::upper_hex(core::md5(digests)), parts.size()));
  auto published = insert(key.text(), std::move(object));
  published.settings = {};  // which were said when the upload began
  uploads_.erase(upload_id);
  TRY(lost_answer(effects));
  return published;
}

core::Status FakeStore::abort_upload(const core::OpContext& context, const model::ObjectKey& key,
                                     const std::string& upload_id) {
  const Running running(*this, Op::AbortUpload);
  const auto effects = arrive({Op::AbortUpload, key.text(), {}, 0, context.cause});
  TRY(apply_all(context, effects));
  {
    const core::MutexLock lock(mutex_);
    TRY(upload(key, upload_id));
    uploads_.erase(upload_id);
  }
  return lost_answer(effects);
}

}  // namespace test
