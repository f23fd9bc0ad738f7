#include "app/doctor.h"

#include <gmock/gmock.h>

#include "support/fake_clock.h"
#include "support/fake_store.h"

namespace app {
namespace {

using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

core::Error denied() { return core::fail(ErrorKind::Denied, "AccessDenied"); }

test::Rule rule(test::Op op, std::size_t times) {
  test::Rule rule;
  rule.op = op;
  rule.times = times;
  return rule;
}

class Probing : public ::testing::Test {
 protected:
  RightsFound probe(bool read_only = false) {
    return probe_rights({}, store_, "p/", ".stsfs-doctor-1", read_only);
  }
  test::FakeClock clock_;
  test::FakeStore store_{clock_};
};

TEST_F(Probing, FindsEveryRightAndLeavesNothing) {
  store_.set("p/there", "x");
  const RightsFound found = probe();
  for (const Found* right :
       {&found.list, &found.read, &found.start_upload, &found.abort_upload, &found.put,
        &found.guarded_put, &found.guarded_copy, &found.guarded_join, &found.copy, &found.remove}) {
    ASSERT_TRUE(*right);
    EXPECT_TRUE(**right) << core::describe((*right)->error());
  }
  EXPECT_THAT(store_.keys(), ElementsAre("p/there"));
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(Probing, OnlyReadsWhenTold) {
  const RightsFound found = probe(true);
  EXPECT_TRUE(found.read && *found.read);
  EXPECT_FALSE(found.put);
  EXPECT_EQ(store_.requests(), 2U);
}

TEST_F(Probing, GoesNoFurtherWithoutABucket) {
  store_.fail(rule(test::Op::List, 1), core::fail(ErrorKind::NoBucket, "NoSuchBucket"));
  EXPECT_FALSE(probe().read);
  EXPECT_EQ(store_.requests(), 1U);
}

TEST_F(Probing, NamesWhatItCannotRemove) {
  store_.fail(rule(test::Op::Remove, 0), denied());
  const RightsFound found = probe();
  EXPECT_FALSE(*found.remove);
  EXPECT_THAT(found.left, ElementsAre("p/.stsfs-doctor-1", "p/.stsfs-doctor-1.copy"));
}

TEST_F(Probing, StopsWritingWhereTheFirstWriteIsRefused) {
  store_.fail(rule(test::Op::Put, 0), denied());
  const RightsFound found = probe();
  EXPECT_FALSE(*found.put);
  EXPECT_FALSE(found.copy);
  EXPECT_EQ(store_.open_uploads(), 0U);
}

Findings fine() {
  Findings findings;
  findings.endpoint = "https://oss-cn-hangzhou.aliyuncs.com";
  findings.region = "cn-hangzhou";
  findings.secure = true;
  findings.reached = core::Status();
  findings.clock_offset = core::Duration{0};
  findings.credentials = core::Status();
  findings.source = "AssumeRole";
  findings.expires = core::wall_from_unix(1);
  RightsFound& rights = findings.rights;
  for (Found* right : {&rights.list, &rights.read, &rights.start_upload, &rights.abort_upload,
                       &rights.put, &rights.guarded_put, &rights.guarded_copy, &rights.guarded_join,
                       &rights.copy, &rights.remove}) {
    *right = core::Status();
  }
  return findings;
}

/// Name and verdict of what is not fine.
std::vector<std::string> troubles(const Findings& findings) {
  std::vector<std::string> out;
  for (const Check& check : judge(findings).checks) {
    if (check.verdict != Verdict::Ok) {
      out.push_back(check.name + " " + std::string(to_string(check.verdict)));
    }
  }
  return out;
}

TEST(Judgement, IsGoodWhereEverythingIs) {
  const Diagnosis diagnosis = judge(fine());
  EXPECT_EQ(diagnosis.exit, Exit::Ok);
  EXPECT_EQ(diagnosis.conclusion, "a mount will work");
  EXPECT_THAT(troubles(fine()), IsEmpty());
}

struct Case {
  std::string name;
  std::function<void(Findings&)> change;
  Exit exit;
  std::vector<std::string> troubles;
};
class JudgementOf : public ::testing::TestWithParam<Case> {};

TEST_P(JudgementOf, SaysWhatIsWrong) {
  Findings findings = fine();
  GetParam().change(findings);
  EXPECT_EQ(judge(findings).exit, GetParam().exit);
  EXPECT_EQ(troubles(findings), GetParam().troubles);
}

core::Error service_error(ErrorKind kind, const char* code) {
  core::Error error = core::fail(kind, code);
  error.remote = core::Remote{403, code, "id", ""};
  return error;
}

INSTANTIATE_TEST_SUITE_P(
    Findings, JudgementOf,
    ::testing::Values(
        Case{"NoAnswer",
             [](Findings& f) { f.reached = core::fail(ErrorKind::Unavailable, "refused"); },
             Exit::Network,
             {"endpoint failed"}},
        Case{"PlainHttp", [](Findings& f) { f.secure = false; }, Exit::Ok, {"tls warning"}},
        Case{"ClockOff",
             [](Findings& f) { f.clock_offset = -std::chrono::minutes{20}; },
             Exit::Ok,
             {"clock warning"}},
        Case{"NoCredentials",
             [](Findings& f) { f.credentials = core::fail(ErrorKind::Unauthenticated, "none"); },
             Exit::Credentials,
             {"credentials failed"}},
        Case{"WrongKey",
             [](Findings& f) {
               f.rights = {};
               f.rights.list = service_error(ErrorKind::TokenRefused, "InvalidAccessKeyId");
             },
             Exit::Credentials,
             {"credentials failed"}},
        Case{"NoBucket",
             [](Findings& f) {
               f.rights = {};
               f.rights.list = service_error(ErrorKind::NoBucket, "NoSuchBucket");
             },
             Exit::Bucket,
             {"bucket failed"}},
        Case{"MayNotList",
             [](Findings& f) { f.rights.list = denied(); },
             Exit::Ok,
             {"list warning"}},
        Case{"MayNotListAndMissingIsHidden",
             [](Findings& f) { f.rights.list = f.rights.read = denied(); },
             Exit::Ok,
             {"list warning", "read warning"}},
        Case{"MayNotRead",
             [](Findings& f) { f.rights.read = denied(); },
             Exit::Permission,
             {"read failed"}},
        Case{"MayNotWrite",
             [](Findings& f) { f.rights.put = denied(); },
             Exit::Permission,
             {"write failed"}},
        Case{"MayNotDelete",
             [](Findings& f) {
               f.rights.remove = denied();
               f.rights.left = {"p/x"};
             },
             Exit::Ok,
             {"delete warning", "left behind warning"}},
        Case{"NoGuards",
             [](Findings& f) {
               f.rights.guarded_put = f.rights.guarded_join =
                   core::fail(ErrorKind::Unsupported, "did it");
             },
             Exit::Ok,
             {"guarded write warning", "guarded complete warning"}},
        Case{"ReadOnly", [](Findings& f) { f.read_only = true; }, Exit::Ok, {"write skipped"}}),
    [](const auto& row) { return row.param.name; });

TEST(Judgement, IsWrittenForPeopleAndForPrograms) {
  Findings findings = fine();
  findings.rights.list = denied();
  const Diagnosis diagnosis = judge(findings);
  EXPECT_THAT(as_text(diagnosis), HasSubstr("warning  list"));
  EXPECT_THAT(as_text(diagnosis), HasSubstr("stsfs policy"));
  EXPECT_THAT(as_json(diagnosis, findings), HasSubstr(R"("exit_code":0)"));
  EXPECT_THAT(as_json(diagnosis, findings), HasSubstr(R"({"name":"list","verdict":"warning")"));
}

}  // namespace
}  // namespace app
