#include "app/object_settings.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "core/format.h"
#include "core/text.h"
#include "options/rate.h"
#include "options/usage.h"

namespace app {
namespace {

using Words = std::span<const std::string_view>;

// Source: OSS, "PutObject", request headers.
constexpr std::array<std::string_view, 5> kOssClasses = {"Standard", "IA", "Archive", "ColdArchive",
                                                         "DeepColdArchive"};
constexpr std::array<std::string_view, 4> kOssAcls = {"default", "private", "public-read",
                                                      "public-read-write"};
constexpr std::array<std::string_view, 3> kOssEncryptions = {"AES256", "KMS", "SM4"};
// Source: Amazon S3, "PutObject"; "Canned ACL". Its storage classes differ from service to service.
constexpr std::array<std::string_view, 7> kS3Acls = {"private",
                                                     "public-read",
                                                     "public-read-write",
                                                     "aws-exec-read",
                                                     "authenticated-read",
                                                     "bucket-owner-read",
                                                     "bucket-owner-full-control"};
constexpr std::array<std::string_view, 3> kS3Encryptions = {"AES256", "aws:kms", "aws:kms:dsse"};

// Source: OSS, "Single-connection bandwidth throttling".
constexpr std::uint64_t kLeastRate = std::uint64_t{100} << 10U;
constexpr std::uint64_t kMostRate = std::uint64_t{100} << 20U;

/// The word as the service spells it, whatever the case of its letters; empty for "".
core::Result<std::string> one_of(Words words, std::string_view option, std::string_view text) {
  if (text.empty()) {
    return std::string();
  }
  const auto found = std::find_if(words.begin(), words.end(), [&](std::string_view word) {
    return core::equal_ignoring_case(word, text);
  });
  if (found != words.end()) {
    return std::string(*found);
  }
  std::string known;
  for (const std::string_view word : words) {
    known += known.empty() ? "" : ", ";
    known += word;
  }
  return options::usage(core::format("--{} wants one of {}, not \"{}\"", option, known, text));
}

/// Any word that fits into a header.
core::Result<std::string> a_word(std::string_view option, const std::string& text) {
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return options::usage(core::format("--{} wants one word of plain letters", option));
  }
  return text;
}

/// "1" is what other programs write for encryption with the service's own key, and "kmsid:KEY" for
/// one with a key of the key management service.
core::Status read_encryption(const options::Values& values, bool s3, oss::NewObjects& wanted) {
  std::string method = values.text("encryption");
  TRY_ASSIGN(wanted.encryption_key, a_word("encryption-key", values.text("encryption-key")));
  for (const std::string_view prefix : {"kmsid:", "k:"}) {
    if (method.starts_with(prefix)) {
      TRY_ASSIGN(wanted.encryption_key, a_word("encryption", method.substr(prefix.size())));
      method = s3 ? "aws:kms" : "KMS";
    }
  }
  if (method == "1") {
    method = "AES256";
  }
  TRY_ASSIGN(wanted.encryption,
             one_of(s3 ? Words(kS3Encryptions) : Words(kOssEncryptions), "encryption", method));
  const bool by_kms = wanted.encryption == "KMS" || wanted.encryption.starts_with("aws:kms");
  if (!wanted.encryption_key.empty() && !by_kms) {
    return options::usage(
        core::format("--encryption-key needs --encryption {}", s3 ? "aws:kms" : "KMS"));
  }
  return {};
}

core::Result<std::uint64_t> limit_of(const options::Values& values, const char* option, bool s3) {
  const std::string text = values.text(option);
  const auto rate = options::parse_rate(text);
  if (!rate) {
    return options::usage(core::format("--{} {}, not \"{}\"", option, rate.error().message, text));
  }
  if (*rate > 0 && s3) {
    return options::usage(
        core::format("--{} is kept by OSS alone: S3 knows no such limit", option));
  }
  if (*rate > 0 && (*rate < kLeastRate || *rate > kMostRate)) {
    return options::usage(
        core::format("--{} wants 100KiB/s to 100MiB/s, not \"{}\"", option, text));
  }
  return *rate;
}

}  // namespace

core::Status object_settings(const options::Values& values, oss::Options& store) {
  const bool s3 = store.dialect == oss::Dialect::S3;
  oss::NewObjects& wanted = store.new_objects;
  const std::string storage_class = values.text("storage-class");
  if (s3) {
    TRY_ASSIGN(wanted.storage_class, a_word("storage-class", storage_class));
  } else {
    TRY_ASSIGN(wanted.storage_class, one_of(kOssClasses, "storage-class", storage_class));
  }
  TRY_ASSIGN(wanted.acl, one_of(s3 ? Words(kS3Acls) : Words(kOssAcls), "object-acl",
                                values.text("object-acl")));
  TRY(read_encryption(values, s3, wanted));
  TRY_ASSIGN(store.upload_limit, limit_of(values, "upload-limit", s3));
  TRY_ASSIGN(store.download_limit, limit_of(values, "download-limit", s3));
  store.retry.attempts = static_cast<int>(values.count("retries")) + 1;
  return {};
}

core::Result<model::MediaTypes> media_types(const options::Values& values,
                                            std::string_view mime_types) {
  const std::string fixed = values.text("content-type");
  const bool is_type =
      fixed.find('/') != std::string::npos && core::trim(fixed) == fixed &&
      std::all_of(fixed.begin(), fixed.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!fixed.empty() && !is_type) {
    return options::usage(
        core::format("--content-type wants a type like text/html, not \"{}\"", fixed));
  }
  return model::MediaTypes(mime_types, fixed);
}

policy::Rights rights_of(const options::Values& values) {
  const auto flag = [&](std::string_view name) { return values.knows(name) && values.flag(name); };
  const auto text = [&](std::string_view name) {
    return values.knows(name) ? core::to_lower(values.text(name)) : std::string();
  };
  policy::Rights rights;
  rights.read_only = flag("read-only");
  rights.list = !flag("no-list");
  const std::string encryption = text("encryption");
  rights.use_keys = encryption.find("kms") != std::string::npos || encryption.starts_with("k:");
  return rights;
}

}  // namespace app
