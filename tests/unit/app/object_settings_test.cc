#include "app/object_settings.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "app/command_line.h"

namespace app {
namespace {

using ::testing::HasSubstr;

core::Result<oss::Options> store_of(oss::Dialect dialect, std::vector<std::string> words) {
  words.insert(words.begin(), {"stsfs", "mount", "oss://bucket", "/mnt"});
  const auto invocation = parse_command_line(words, {});
  if (!invocation) {
    return invocation.error();
  }
  oss::Options store;
  store.dialect = dialect;
  TRY(object_settings(invocation->values, store));
  return store;
}

TEST(ObjectSettings, SayNothingUnlessTold) {
  const auto store = store_of(oss::Dialect::Oss, {});
  ASSERT_TRUE(store);
  EXPECT_EQ(store->new_objects.storage_class + store->new_objects.encryption +
                store->new_objects.encryption_key + store->new_objects.acl,
            "");
  EXPECT_EQ(store->upload_limit + store->download_limit, 0U);
  EXPECT_EQ(store->retry.attempts, oss::Options().retry.attempts);
}

TEST(ObjectSettings, AreSpelledAsTheServiceHasThem) {
  const auto oss = store_of(oss::Dialect::Oss, {"--storage-class", "ia", "--object-acl", "PRIVATE",
                                                "-o", "use_sse=kmsid:k-1", "--retries", "0"});
  ASSERT_TRUE(oss) << oss.error().message;
  EXPECT_EQ(oss->new_objects.storage_class, "IA");
  EXPECT_EQ(oss->new_objects.acl, "private");
  EXPECT_EQ(oss->new_objects.encryption, "KMS");
  EXPECT_EQ(oss->new_objects.encryption_key, "k-1");
  EXPECT_EQ(oss->retry.attempts, 1);
  const auto s3 = store_of(oss::Dialect::S3, {"--storage-class", "STANDARD_IA", "--encryption",
                                              "aws:kms", "--sse-kms-key-id", "arn:aws:kms:x"});
  ASSERT_TRUE(s3) << s3.error().message;
  EXPECT_EQ(s3->new_objects.storage_class, "STANDARD_IA");
  EXPECT_EQ(s3->new_objects.encryption_key, "arn:aws:kms:x");
  EXPECT_EQ(store_of(oss::Dialect::Oss, {"--encryption", "1"})->new_objects.encryption, "AES256");
}

TEST(ObjectSettings, RefuseWhatTheServiceDoesNotKnow) {
  const struct {
    oss::Dialect dialect;
    std::vector<std::string> words;
    const char* said;
  } kRows[] = {
      {oss::Dialect::Oss, {"--storage-class", "warm"}, "Standard, IA, Archive"},
      {oss::Dialect::S3, {"--storage-class", "a b"}, "one word"},
      {oss::Dialect::Oss, {"--object-acl", "everyone"}, "public-read-write, not \"everyone\""},
      {oss::Dialect::Oss, {"--encryption", "aws:kms"}, "AES256, KMS, SM4"},
      {oss::Dialect::Oss, {"--encryption-key", "k"}, "needs --encryption KMS"},
      {oss::Dialect::S3, {"--encryption", "AES256", "--encryption-key", "k"}, "aws:kms"},
      {oss::Dialect::Oss, {"--upload-limit", "99KiB/s"}, "100KiB/s to 100MiB/s"},
      {oss::Dialect::Oss, {"--download-limit", "1GiB/s"}, "100KiB/s to 100MiB/s"},
      {oss::Dialect::Oss, {"--download-limit", "fast"}, "bytes a second"},
      {oss::Dialect::S3, {"--upload-limit", "1MiB/s"}, "OSS alone"},
      {oss::Dialect::Oss, {"--retries", "101"}, "at most 100"},
  };
  for (const auto& row : kRows) {
    const auto store = store_of(row.dialect, row.words);
    ASSERT_FALSE(store) << row.said;
    EXPECT_THAT(store.error().message, HasSubstr(row.said));
  }
}

}  // namespace
}  // namespace app
