#include "options/mount_list.h"

#include <gmock/gmock.h>

namespace options {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MountList, CommasAndBackslashesCanBeEscaped) {
  EXPECT_THAT(split_mount_list("a,b=c\\,d,e=f\\\\,g"), ElementsAre("a", "b=c,d", "e=f\\", "g"));
  EXPECT_THAT(split_mount_list(""), ElementsAre(IsEmpty()));
}

}  // namespace
}  // namespace options
