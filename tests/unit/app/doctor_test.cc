#include "app/doctor.h"

#include <gmock/gmock.h>

#include <fstream>

#include "support/fake_clock.h"
#include "support/fake_store.h"

namespace app {
namespace {

using core::ErrorKind;
using core::Reason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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
       {&found.list, &found.read, &found.write, &found.abort, &found.remove, &found.put,
        &found.copy, &found.guarded_put, &found.guarded_copy, &found.guarded_join}) {
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

TEST_F(Probing, WritesNothingThatItMayNotRemove) {
  store_.fail(rule(test::Op::Remove, 0), denied());
  const RightsFound found = probe();
  EXPECT_TRUE(*found.write);
  EXPECT_FALSE(*found.remove);
  EXPECT_FALSE(found.put);
  EXPECT_THAT(store_.keys(), IsEmpty());
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(Probing, NamesWhatItCouldNotRemoveAfterAll) {
  test::Rule later = rule(test::Op::Remove, 0);
  later.skip = 1;
  store_.fail(later, denied());
  const RightsFound found = probe();
  EXPECT_FALSE(*found.remove);
  EXPECT_THAT(found.left, ElementsAre("p/.stsfs-doctor-1", "p/.stsfs-doctor-1.copy"));
}

TEST_F(Probing, ReadsWhatItMadeToBeSure) {
  test::Rule made = rule(test::Op::Head, 0);
  made.skip = 1;
  store_.fail(made, denied());
  const RightsFound found = probe();
  EXPECT_FALSE(*found.read);
  EXPECT_THAT(store_.keys(), IsEmpty());
}

TEST_F(Probing, BeginsNoUploadThatItMayNotEnd) {
  store_.fail(rule(test::Op::AbortUpload, 0), denied());
  const RightsFound found = probe();
  EXPECT_TRUE(*found.put);
  EXPECT_FALSE(found.guarded_join);
  EXPECT_EQ(store_.open_uploads(), 0U);
  EXPECT_THAT(store_.keys(), IsEmpty());
}

TEST_F(Probing, GoesNoFurtherWhereWritingIsRefused) {
  store_.fail(rule(test::Op::UploadPart, 0), denied());
  const RightsFound found = probe();
  EXPECT_FALSE(*found.write);
  EXPECT_FALSE(found.put);
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
  for (Found* right :
       {&rights.list, &rights.read, &rights.write, &rights.abort, &rights.remove, &rights.put,
        &rights.copy, &rights.guarded_put, &rights.guarded_copy, &rights.guarded_join}) {
    *right = core::Status();
  }
  return findings;
}

/// What was found that is worth saying.
std::vector<std::string> troubles(const Findings& findings) {
  std::vector<std::string> out;
  for (const Check& check : judge(findings).checks) {
    if (check.finding) {
      out.emplace_back(facts_of(*check.finding).name);
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
        Case{"NoAnswer", [](Findings& f) { f.reached = core::fail(ErrorKind::Unavailable, "x", Reason::Unreachable); }, Exit::Network, {"unreachable"}},
        Case{"NoAnswerInTime", [](Findings& f) { f.reached = core::fail(ErrorKind::Timeout, "x", Reason::Silent); }, Exit::Network, {"unreachable"}},
        Case{"AnswerCutShort", [](Findings& f) { f.reached = core::fail(ErrorKind::Unavailable, "x", Reason::Broken); }, Exit::Network, {"unreachable"}},
        Case{"NoReasonKnown", [](Findings& f) { f.reached = core::fail(ErrorKind::Unavailable, "SSL: certificate expired: could not resolve host"); }, Exit::Network, {"unreachable"}},
        Case{"NoName", [](Findings& f) { f.reached = core::fail(ErrorKind::Unavailable, "x", Reason::NameUnknown); }, Exit::Network, {"name-unknown"}},
        Case{"InternalFromOutside", [](Findings& f) { f.endpoint = "https://oss-cn-hangzhou-internal.aliyuncs.com"; f.reached = core::fail(ErrorKind::Timeout, "x", Reason::Silent); }, Exit::Network, {"internal-unreachable"}},
        Case{"PlainPort", [](Findings& f) { f.reached = core::fail(ErrorKind::Unavailable, "x", Reason::NoTls); }, Exit::Network, {"not-the-service"}},
        Case{"NoHttp", [](Findings& f) { f.reached = core::fail(ErrorKind::Protocol, "HTTP/0.9"); }, Exit::Network, {"not-the-service"}},
        Case{"Expired", [](Findings& f) { f.reached = core::fail(ErrorKind::NotPermitted, "x", Reason::CertificateExpired); }, Exit::Network, {"certificate-expired"}},
        Case{"OtherName", [](Findings& f) { f.reached = core::fail(ErrorKind::NotPermitted, "x", Reason::CertificateName); }, Exit::Network, {"certificate-name"}},
        Case{"SelfSigned", [](Findings& f) { f.reached = core::fail(ErrorKind::NotPermitted, "x", Reason::CertificateUnknown); }, Exit::Network, {"certificate-authority"}},
        Case{"Foreign", [](Findings& f) { f.foreign = true; }, Exit::Ok, {"foreign-answer"}},
        Case{"PlainHttp", [](Findings& f) { f.secure = false; }, Exit::Ok, {"plain-http"}},
        Case{"NoRegion", [](Findings& f) { f.region.clear(); }, Exit::Ok, {"region-unknown"}},
        Case{"FromWithin", [](Findings& f) { f.internal_endpoint = "oss-x-internal.aliyuncs.com"; }, Exit::Ok, {"internal-endpoint"}},
        Case{"ClockOff", [](Findings& f) { f.clock_offset = std::chrono::minutes{5}; }, Exit::Ok, {"clock-off"}},
        Case{"ClockFarOff", [](Findings& f) { f.clock_offset = -std::chrono::minutes{20}; }, Exit::Ok, {"clock-far-off"}},
        Case{"ForEver", [](Findings& f) { f.expires.reset(); }, Exit::Ok, {"key-never-expires"}},
        Case{"NoCredentials", [](Findings& f) { f.credentials = core::fail(ErrorKind::Unauthenticated, "none"); }, Exit::Credentials, {"no-credentials"}},
        Case{"NoRole", [](Findings& f) { f.credentials = service_error(ErrorKind::InvalidArgument, "EntityNotExist.Role"); }, Exit::Credentials, {"role-missing"}},
        Case{"RoleRefused", [](Findings& f) { f.credentials = service_error(ErrorKind::Denied, "NoPermission"); }, Exit::Permission, {"role-refused"}},
        Case{"NoSts", [](Findings& f) { f.credentials = core::fail(ErrorKind::Unavailable, "refused"); }, Exit::Network, {"sts-unreachable"}},
        Case{"WrongKey", [](Findings& f) { f.rights = {}; f.rights.list = service_error(ErrorKind::TokenRefused, "InvalidAccessKeyId"); }, Exit::Credentials, {"key-refused"}},
        Case{"WrongSecret", [](Findings& f) { f.rights = {}; f.rights.list = service_error(ErrorKind::TokenRefused, "SignatureDoesNotMatch"); }, Exit::Credentials, {"secret-wrong"}},
        Case{"OldToken", [](Findings& f) { f.rights = {}; f.rights.list = service_error(ErrorKind::TokenRefused, "SecurityTokenExpired"); }, Exit::Credentials, {"token-expired"}},
        Case{"RefusedToken", [](Findings& f) { f.rights = {}; f.rights.list = core::fail(ErrorKind::Unauthenticated, "x", Reason::TokenSpent); }, Exit::Credentials, {"token-expired"}},
        Case{"NoBucket", [](Findings& f) { f.rights = {}; f.rights.list = service_error(ErrorKind::NoBucket, "NoSuchBucket"); }, Exit::Bucket, {"bucket-missing"}},
        Case{"Elsewhere", [](Findings& f) { f.rights = {}; f.rights.list = service_error(ErrorKind::Protocol, "AccessDenied"); f.rights.list->error().remote->elsewhere = core::Elsewhere{"", "x"}; }, Exit::Network, {"region-wrong"}},
        Case{"OtherRegion", [](Findings& f) { f.rights = {}; f.rights.list = service_error(ErrorKind::InvalidArgument, "InvalidArgument"); f.rights.list->error().remote->elsewhere.emplace(); }, Exit::Network, {"region-wrong"}},
        Case{"NoXml", [](Findings& f) { f.rights = {}; f.rights.list = core::fail(ErrorKind::Protocol, "no XML"); }, Exit::Network, {"not-the-service"}},
        Case{"Overloaded", [](Findings& f) { f.rights = {}; f.rights.list = service_error(ErrorKind::Throttled, "QpsLimitExceeded"); }, Exit::Network, {"service-trouble"}},
        Case{"MayNotList", [](Findings& f) { f.rights.list = denied(); }, Exit::Ok, {"list-denied"}},
        Case{"MayNotListAndMissingIsHidden",
             [](Findings& f) {
               f.rights.list = f.rights.read = f.rights.remove = denied();
               f.rights.put.reset();
             },
             Exit::Ok,
             {"list-denied", "read-hidden", "delete-denied", "guards-untried"}},
        Case{"MayNotListNorReadWhatIsThere",
             [](Findings& f) { f.rights.list = f.rights.read = denied(); },
             Exit::Permission,
             {"list-denied", "read-denied"}},
        Case{"MayNotRead", [](Findings& f) { f.rights.read = denied(); }, Exit::Permission, {"read-denied"}},
        Case{"MayNotWrite", [](Findings& f) { f.rights.write = denied(); f.rights.put.reset(); }, Exit::Permission, {"write-denied"}},
        Case{"MayNotWriteAfterAll", [](Findings& f) { f.rights.put = denied(); }, Exit::Permission, {"write-denied"}},
        Case{"MayNotAbort", [](Findings& f) { f.rights.abort = denied(); }, Exit::Ok, {"abort-denied"}},
        Case{"MayNotCopy", [](Findings& f) { f.rights.copy = denied(); }, Exit::Ok, {"copy-denied"}},
        Case{"MayNotDelete", [](Findings& f) { f.rights.remove = denied(); f.rights.put.reset(); }, Exit::Ok, {"delete-denied", "guards-untried"}},
        Case{"LeftBehind", [](Findings& f) { f.rights.left = {"p/x"}; }, Exit::Ok, {"left-behind"}},
        Case{"Versioned", [](Findings& f) { f.rights.versioned = true; }, Exit::Ok, {"versioned"}},
        Case{"MayNotReadVersions", [](Findings& f) { f.rights.versioned = true; f.rights.version = denied(); }, Exit::Ok, {"version-denied", "versioned"}},
        Case{"NoGuards", [](Findings& f) { f.rights.guarded_put = f.rights.guarded_join = f.rights.guarded_copy = core::fail(ErrorKind::Unsupported, "did it"); }, Exit::Ok, {"write-unguarded", "complete-unguarded", "copy-unguarded"}},
        Case{"LooksFirst", [](Findings& f) { f.rights.looks_first = true; }, Exit::Ok, {"looks-first"}},
        Case{"ReadOnly", [](Findings& f) { f.read_only = true; }, Exit::Ok, {"read-only"}}),
    [](const auto& row) { return row.param.name; });

TEST(Judgement, IsWrittenForPeopleAndForPrograms) {
  Findings findings = fine();
  findings.rights.list = denied();
  const Diagnosis diagnosis = judge(findings);
  EXPECT_THAT(as_text(diagnosis), HasSubstr("warning  list"));
  EXPECT_THAT(as_text(diagnosis), HasSubstr("--assume-dirs"));
  EXPECT_THAT(as_json(diagnosis, findings), HasSubstr(R"("exit_code":0)"));
  EXPECT_THAT(as_json(diagnosis, findings),
              HasSubstr(R"({"name":"list","verdict":"warning","finding":"list-denied",)"));
}

TEST(Judgement, NamesRightsAsTheDialectDoes) {
  Findings findings = fine();
  findings.s3 = true;
  findings.rights.list = findings.rights.remove = denied();
  findings.rights.put.reset();
  const std::string text = as_text(judge(findings));
  EXPECT_THAT(text, AllOf(HasSubstr("s3:ListBucket"), HasSubstr("s3:DeleteObject"),
                          HasSubstr("s3:PutObject is allowed"), Not(HasSubstr("oss:"))));
}

std::string in_roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '-' ? "\\-" : c == '\'' ? "\\(aq" : std::string(1, c);
  }
  return out;
}

TEST(Findings, StandInTheManual) {
  std::ifstream file(STSFS_SOURCE_DIR "/man/stsfs.1");
  const std::string manual{std::istreambuf_iterator<char>(file), {}};
  for (const FindingFacts& facts : all_findings()) {
    std::string entry = ".B " + in_roff(facts.name) + '\n' + in_roff(facts.check) + ": " +
                        std::string(to_string(facts.verdict));
    if (facts.exit != Exit::Ok) {
      entry += ", " + std::to_string(static_cast<int>(facts.exit));
    }
    EXPECT_THAT(manual, HasSubstr(entry + ".\n")) << facts.name;
    EXPECT_THAT(manual, HasSubstr(in_roff(facts.advice.substr(1)))) << facts.name;
  }
}

}  // namespace
}  // namespace app
