// Archive classes and their restoration; the settings that a bucket does not have.
#include <gmock/gmock.h>

#include "emulator/service/bucket_configuration.h"
#include "unit/emulator/server_fixture.h"

namespace emulator::wire {
namespace {

using ::testing::StartsWith;

class ArchiveTest : public ServerTest {
 protected:
  WireAnswer restore(const std::string& key, const std::string& body = "") {
    return call("POST", key, "restore", body);
  }
  std::string told(const std::string& key) { return call("HEAD", key, "").header("x-oss-restore"); }
  /// Waits for what takes a second.
  bool is_restored(const std::string& key) {
    const core::SteadyTime end = core::BootClock::now() + std::chrono::seconds(20);
    while (core::BootClock::now() < end) {
      if (told(key).starts_with("ongoing-request=\"false\", expiry-date=\"")) {
        return true;
      }
    }
    return false;
  }
};

TEST_F(ArchiveTest, ARestoredObjectCanBeRead) {
  put("a", "old", {{"x-oss-storage-class", "Archive"}});
  EXPECT_EQ(get("a").element("Code"), "InvalidObjectState");
  EXPECT_EQ(told("a"), "");
  EXPECT_EQ(restore("a").status, 202);
  if (told("a") == "ongoing-request=\"true\"") {  // unless this machine took a second for it
    const WireAnswer again = restore("a");
    EXPECT_TRUE(again.element("Code") == "RestoreAlreadyInProgress" || again.status == 200);
  }
  ASSERT_TRUE(is_restored("a"));
  EXPECT_EQ(get("a").body, "old");
  EXPECT_EQ(restore("a").status, 200) << "longer";
  EXPECT_EQ(call("PUT", "copy", "", "", {{"x-oss-copy-source", "/examplebucket/a"}}).status, 200);
  put("a", "new", {{"x-oss-storage-class", "Archive"}});
  EXPECT_EQ(get("a").element("Code"), "InvalidObjectState") << "another object";
}

TEST_F(ArchiveTest, WhatCannotBeRestoredIsRefused) {
  put("s", "x");
  put("a", "x", {{"x-oss-storage-class", "ColdArchive"}});
  EXPECT_EQ(restore("s").element("Code"), "OperationNotSupported");
  EXPECT_EQ(restore("none").element("Code"), "NoSuchKey");
  EXPECT_EQ(restore("a", "<Restore/>").element("Code"), "MalformedXML");
  EXPECT_EQ(restore("a", "<RestoreRequest><Days>x</Days></RestoreRequest>").element("Code"),
            "MalformedXML");
  EXPECT_EQ(restore("a", "<RestoreRequest><Days>0</Days></RestoreRequest>").element("Code"),
            "InvalidArgument");
  EXPECT_EQ(restore("a",
                    "<RestoreRequest><Days>2</Days><JobParameters><Tier>Bulk</Tier>"
                    "</JobParameters></RestoreRequest>")
                .status,
            202);
}

TEST_F(ServerTest, ABucketHasNoneOfTheSettingsThatItCouldHave) {
  const std::pair<const char*, const char*> codes[] = {
      {"lifecycle", "NoSuchLifecycle"},
      {"cors", "NoSuchCORSConfiguration"},
      {"website", "NoSuchWebsiteConfiguration"},
      {"policy", "NoSuchBucketPolicy"},
      {"encryption", "NoSuchServerSideEncryptionRule"},
      {"replication", "NoSuchReplicationConfiguration"},
      {"worm", "NoSuchWORMConfiguration"},
      {"inventory", "NoSuchInventory"},
  };
  for (const auto& [name, code] : codes) {
    const WireAnswer answer = call("GET", "", name);
    EXPECT_EQ(answer.status, 404) << name;
    EXPECT_EQ(answer.element("Code"), code);
    EXPECT_EQ(call("PUT", "", name, "<x/>").element("Code"), "NotImplemented") << name;
  }
  EXPECT_EQ(call("GET", "", "requestPayment").element("Payer"), "BucketOwner");
  EXPECT_EQ(call("GET", "", "referer").element("AllowEmptyReferer"), "true");
  EXPECT_EQ(call("GET", "", "logging").status, 200);
  EXPECT_EQ(call("DELETE", "", "lifecycle").status, 204);
  EXPECT_EQ(call("DELETE", "", "referer").status, 501) << "the service has no such call";
  EXPECT_EQ(call("GET", "", "accelerate").status, 501) << "S3's alone";
  EXPECT_EQ(call("GET", "", "").status, 200) << "the bucket is still there";
}

TEST(BucketConfiguration, S3HasWordsOfItsOwn) {
  const auto code = [](std::string_view name) {
    return bucket_configuration(name)->absence(Dialect::S3).code;
  };
  EXPECT_EQ(code("lifecycle"), "NoSuchLifecycleConfiguration");
  EXPECT_EQ(code("encryption"), "ServerSideEncryptionConfigurationNotFoundError");
  EXPECT_EQ(code("replication"), "ReplicationConfigurationNotFoundError");
  EXPECT_EQ(code("tagging"), "NoSuchTagSet");
  EXPECT_EQ(bucket_configuration("acl"), nullptr) << "which every bucket has";
}

}  // namespace
}  // namespace emulator::wire
