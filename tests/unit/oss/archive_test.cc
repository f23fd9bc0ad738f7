#include "oss/archive_notices.h"
#include "unit/oss/store_fixture.h"

namespace oss {
namespace {

using namespace std::chrono_literals;

TEST(ArchiveNotices, TellOfEachObjectOnceInAWhile) {
  ArchiveNotices notices;
  const core::SteadyTime start{};
  EXPECT_TRUE(notices.is_due("a", start));
  EXPECT_FALSE(notices.is_due("a", start + 1min));
  EXPECT_TRUE(notices.is_due("b", start + 1min));
  EXPECT_TRUE(notices.is_due("a", start + ArchiveNotices::kSilence));
  EXPECT_FALSE(notices.is_due("a", start + ArchiveNotices::kSilence + 1min));
}

class Archive : public OssStoreTest {};

TEST_F(Archive, ReadsAreCountedAndDenied) {
  struct Ignore final : store::Sink {
    core::Status on_data(core::ByteView /*data*/) override { return {}; }
  } sink;
  transport_.reply(refusal(403, "InvalidObjectState")).reply(refusal(403, "AccessDenied"));
  const model::ObjectVersion version{key_, model::ETag("E"), 1, ""};
  EXPECT_EQ(store().read(context_, version, {0, 1}, sink).error().kind, core::ErrorKind::Denied);
  EXPECT_EQ(metric("archived"), 1);
  EXPECT_FALSE(store().read(context_, version, {0, 1}, sink));
  EXPECT_EQ(metric("archived"), 1) << "that was something else";
}

}  // namespace
}  // namespace oss
