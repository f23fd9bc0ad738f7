#include "store/evidence.h"

#include <gtest/gtest.h>

namespace store {
namespace {

const UserMeta kOurs = {{"mode", "33188"}, {"mtime", "1700000000.123456789"}};

ObjectMeta there() {
  ObjectMeta meta;
  meta.size = 5;
  meta.crc64 = 42;
  meta.etag = model::ETag("ABC");
  meta.user = kOurs;
  return meta;
}

struct Row {
  const char* name;
  Evidence ours;
  bool proves;
  bool allows;
};

TEST(Evidence, OfOneObject) {
  const model::ETag abc("ABC");
  for (const Row& row : {
           Row{"size alone", {.size = 5}, false, true},
           Row{"bytes", {.size = 5, .crc64 = 42}, true, true},
           Row{"times", {.size = 5, .user = kOurs}, true, true},
           Row{"ETag", {.size = 5, .etag = abc}, true, true},
           Row{"all", {.size = 5, .crc64 = 42, .user = kOurs, .etag = abc}, true, true},
           Row{"size differs", {.size = 6, .crc64 = 42, .user = kOurs}, false, false},
           Row{"bytes differ", {.size = 5, .crc64 = 43, .user = kOurs}, false, false},
           Row{"times differ", {.size = 5, .crc64 = 42, .user = UserMeta{}}, false, false},
           Row{"ETag differs", {.size = 5, .crc64 = 42, .etag = model::ETag("X")}, false, false},
           Row{"was there before", {.size = 5, .crc64 = 42, .replaced = abc}, false, false},
           Row{"not joined", {.size = 5, .crc64 = 42, .parts = 2}, false, false},
       }) {
    EXPECT_EQ(row.ours.proves(there()), row.proves) << row.name;
    EXPECT_EQ(row.ours.allows(there()), row.allows) << row.name;
  }
}

TEST(Evidence, MetadataWithoutTimesIsCoincidence) {
  ObjectMeta meta = there();
  meta.user = {{"mode", "33188"}};
  const Evidence ours{.size = 5, .user = meta.user};
  EXPECT_TRUE(ours.allows(meta));
  EXPECT_FALSE(ours.proves(meta));
}

TEST(Evidence, OfServicesThatTellNoSum) {
  ObjectMeta meta = there();
  meta.crc64.reset();
  EXPECT_FALSE((Evidence{.size = 5, .crc64 = 42}).proves(meta)) << "nothing to compare it with";
  EXPECT_TRUE((Evidence{.size = 5, .crc64 = 42, .user = kOurs}).proves(meta));
  // With a key of a KMS an ETag is no sum of the bytes.
  meta.settings.encryption = "aws:kms";
  EXPECT_FALSE((Evidence{.size = 5, .etag = model::ETag("ABC")}).proves(meta));
  EXPECT_TRUE((Evidence{.size = 5, .user = kOurs, .etag = model::ETag("X")}).proves(meta));
}

TEST(Evidence, OfJoinedParts) {
  ObjectMeta meta = there();
  meta.etag = model::ETag("ABC-2");
  EXPECT_TRUE((Evidence{.size = 5, .parts = 2}).proves(meta));
  EXPECT_FALSE((Evidence{.size = 5, .parts = 12}).allows(meta));
  EXPECT_TRUE((Evidence{.size = 5, .crc64 = 42, .parts = 2}).proves(meta));
  meta.crc64.reset();
  EXPECT_FALSE((Evidence{.size = 5, .crc64 = 42, .parts = 2}).proves(meta))
      << "their number shows little where a sum could";
}

}  // namespace
}  // namespace store
