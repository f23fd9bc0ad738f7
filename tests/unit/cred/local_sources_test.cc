#include <array>
#include <atomic>
#include <thread>

#include "cred/key_directory.h"
#include "cred/passwd_file.h"
#include "cred/process_source.h"
#include "unit/cred/source_fixture.h"

namespace {

namespace stdfs = std::filesystem;
using namespace std::chrono_literals;
using cred::FetchFailure;
using test::FailedAs;
using test::kNotConfigured;
using test::kPermanent;
using test::kTransient;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// --- key files -------------------------------------------------------------------------------

class Passwd : public test::SourceTest {
 protected:
  cred::Fetched fetch(const std::string& bucket = "ours") {
    return cred::PasswdFile(path("passwd"), bucket, service_clock_).fetch({});
  }
};

TEST_F(Passwd, PrefersTheLineOfTheBucket) {
  write("passwd", "# keys\n\nLTAIall:one\r\nother:LTAIother:two\nours:LTAIours:three\n");
  EXPECT_EQ(fetch()->credentials.access_key_id, "LTAIours");
  EXPECT_EQ(fetch()->credentials.access_key_secret, core::Secret("three"));
  EXPECT_EQ(fetch("third")->credentials.access_key_id, "LTAIall");
  EXPECT_EQ(fetch("")->credentials.access_key_secret, core::Secret("one"));
}

TEST_F(Passwd, IsReadByItsOwnerAlone) {
  EXPECT_THAT(fetch(), FailedAs(kNotConfigured));
  for (const ::mode_t mode : {0640U, 0604U, 0644U}) {
    write("passwd", "LTAIx:canary\n", mode);
    ASSERT_THAT(fetch(), FailedAs(kPermanent));
    EXPECT_THAT(fetch().error().error.message,
                AllOf(HasSubstr("chmod 600"), HasSubstr(folder_.path())));
  }
}

TEST_F(Passwd, SaysWhichLineIsWrongAndNotWhatItHolds) {
  struct Row {
    const char* text;
    const char* says;
  };
  const auto kRows = std::to_array<Row>({
      {"canary\n", "line 1 is not of the form"},
      {"LTAIx:y\na:b:c:canary\n", "line 2 is not of the form"},
      {"LTAIx:y\nLTAIy:canary\n", "line 2 is the second one for every bucket"},
      {"ours:a:canary\nours:b:canary\n", "line 2 is the second one for this bucket"},
      {"other:a:canary\n", "no line is for the bucket ours"},
      {"", "no line is for the bucket ours"},
      {"LTAIx:\n", "secret is empty"},
      {"LTAIx:can ary\n", "contains a blank"},
  });
  for (const auto& row : kRows) {
    write("passwd", row.text);
    const auto fetched = fetch();
    ASSERT_THAT(fetched, FailedAs(kPermanent)) << row.text;
    EXPECT_THAT(fetched.error().error.message,
                AllOf(HasSubstr(row.says), HasSubstr(folder_.path()), Not(HasSubstr("canary"))));
  }
}

// --- directories -----------------------------------------------------------------------------

class Directory : public test::SourceTest {
 protected:
  void generation(const std::string& name, const std::string& number) {
    folder_.write_triple(name, number, clock_.wall_now() + 1h);
  }
  cred::Fetched fetch(const std::string& name = "keys") {
    return cred::KeyDirectory(path(name), cred::kTripleNames, service_clock_).fetch({});
  }
};

TEST_F(Directory, ReadsTheTripleAndItsEnd) {
  generation("keys", "1");
  const auto lease = fetch();
  ASSERT_TRUE(lease) << lease.error().error.message;
  EXPECT_EQ(lease->credentials.access_key_id, "STS.1");
  EXPECT_EQ(lease->credentials.access_key_secret, core::Secret("secret-1"));
  EXPECT_EQ(lease->credentials.token, core::Secret("token-1"));
  EXPECT_EQ(lease->expires, clock_.steady_now() + 1h);
}

TEST_F(Directory, ReadsWhatAServiceManagerLoads) {
  write("access-key-id", "LTAIx");
  write("access-key-secret", "s");
  const auto fetch_loaded = [&] {
    return cred::KeyDirectory(folder_.path(), cred::kServiceNames, service_clock_).fetch({});
  };
  EXPECT_EQ(fetch_loaded()->credentials.access_key_id, "LTAIx");
  EXPECT_FALSE(fetch_loaded()->credentials.temporary());
  write("security-token", "t");
  EXPECT_TRUE(fetch_loaded()->credentials.temporary());
}

TEST_F(Directory, ReadsFilesOfOtherNames) {
  generation("keys", "1");
  stdfs::rename(path("keys/AccessKeyId"), path("keys/ak"));
  cred::KeyDirectory directory(path("keys"), {"ak", "AccessKeySecret", "SecurityToken", ""},
                               service_clock_);
  const auto lease = directory.fetch({});
  ASSERT_TRUE(lease) << lease.error().error.message;
  EXPECT_EQ(lease->credentials.access_key_id, "STS.1");
  EXPECT_FALSE(lease->expires);  // no file says when
  EXPECT_THAT(directory.files(),
              ::testing::ElementsAre(path("keys"), path("keys/ak"), path("keys/AccessKeySecret"),
                                     path("keys/SecurityToken")));
}

// Swaps go on all the time while it is read: no generation mixes with another.
TEST_F(Directory, NeverMixesTwoGenerations) {
  generation("one", "1");
  generation("two", "2");
  for (const char* form : {"keys", "volume/..data"}) {
    stdfs::create_directory(path("volume"));
    folder_.link(folder_.path() + "/one", form);
    std::atomic<bool> done = false;
    std::thread rotator([&] {
      for (int i = 0; !done; ++i) {
        folder_.link(folder_.path() + (i % 2 == 0 ? "/two" : "/one"), form);
      }
    });
    int whole = 0;
    for (int i = 0; i < 300; ++i) {
      const auto lease = fetch(form == std::string("keys") ? "keys" : "volume");
      if (!lease) {
        EXPECT_THAT(lease, FailedAs(kTransient));
        continue;
      }
      ++whole;
      const std::string number = lease->credentials.access_key_id.substr(4);
      EXPECT_EQ(lease->credentials.access_key_secret, core::Secret("secret-" + number));
      EXPECT_EQ(lease->credentials.token, core::Secret("token-" + number));
    }
    done = true;
    rotator.join();
    EXPECT_GT(whole, 0);
  }
}

TEST_F(Directory, SaysWhichFileIsWrongAndNotWhatItHolds) {
  EXPECT_THAT(fetch(), FailedAs(kNotConfigured));
  struct Row {
    const char* file;
    const char* text;  ///< null: the file is missing
    const char* says;
  };
  const auto kRows = std::to_array<Row>({
      {"AccessKeySecret", nullptr, "AccessKeySecret is missing"},
      {"AccessKeySecret", "\n", "AccessKeySecret is missing or empty"},
      {"SecurityToken", nullptr, "SecurityToken is missing"},
      {"SecurityToken", "can\nary", "line break"},
      {"Expiration", "soon", "Expiration is not of the form"},
      {"Expiration", "2020-01-01T00:00:00Z", "expired at 2020"},
  });
  for (const auto& row : kRows) {
    generation("keys", "canary");
    if (row.text == nullptr) {
      stdfs::remove(path("keys/") + row.file);
    } else {
      write(std::string("keys/") + row.file, row.text);
    }
    const auto fetched = fetch();
    ASSERT_THAT(fetched, FailedAs(kPermanent)) << row.says;
    EXPECT_THAT(fetched.error().error.message, AllOf(HasSubstr(row.says), HasSubstr(folder_.path()),
                                                     Not(HasSubstr("secret-canary"))));
  }
  generation("keys", "1");
  write("keys/AccessKeySecret", "s", 0666);
  EXPECT_THAT(fetch().error().error.message, HasSubstr("others than its owner can change it"));
  write("keys/AccessKeySecret", std::string(70'000, 'x'), 0600);
  EXPECT_THAT(fetch().error().error.message, HasSubstr("64 KiB"));
}

// --- processes -------------------------------------------------------------------------------

class Process : public test::SourceTest {
 protected:
  cred::Fetched fetch() {
    return cred::ProcessSource({{"/bin/keys", "--password=canary"}}, {"PATH=/bin"}, programs_,
                               service_clock_)
        .fetch({});
  }
};

TEST_F(Process, ReadsEverySpelling) {
  programs_.then_prints(R"({"AccessKeyId":"a","AccessKeySecret":"s","SecurityToken":"t",)"
                        R"("Expiration":")" +
                        core::format_iso8601(clock_.wall_now() + 1h) + "\"}");
  programs_.then_prints(R"({"mode":"AK","access_key_id":"b","access_key_secret":"s"})");
  EXPECT_EQ(fetch()->expires, clock_.steady_now() + 1h);
  EXPECT_EQ(fetch()->credentials.access_key_id, "b");
  EXPECT_FALSE(fetch()->expires);
  EXPECT_THAT(programs_.orders.at(0).environment, ::testing::ElementsAre("PATH=/bin"));
}

TEST_F(Process, FailsByNameAndWithoutItsArguments) {
  const auto error = [](core::ErrorKind kind) { return core::fail(kind, "why"); };
  struct Row {
    test::FakeChildRunner::Program program;
    FetchFailure::Class kind;
    const char* says;
  };
  const auto kRows = std::to_array<Row>({
      {[&](auto&, auto&) { return error(core::ErrorKind::Timeout); }, kTransient, "why"},
      {[&](auto&, auto&) { return error(core::ErrorKind::TooLarge); }, kPermanent, "why"},
      {[&](auto&, auto&) { return error(core::ErrorKind::NotFound); }, kPermanent, "why"},
      {[](auto&, auto& out) {
         out = {"one", "no such user"};
         return core::Result<core::ChildEnd>(core::ChildEnd{3, {}});
       },
       kPermanent, "exit code 3: no such user"},
      {[](auto&, auto&) {
         return core::Result<core::ChildEnd>(core::ChildEnd{0, core::Secret("canary")});
       },
       kPermanent, "no JSON object"},
      {[](auto&, auto&) {
         return core::Result<core::ChildEnd>(
             core::ChildEnd{0, core::Secret(R"({"AccessKeyId":"canary"})")});
       },
       kPermanent, "lacks AccessKeySecret"},
      {[](auto&, auto&) {
         return core::Result<core::ChildEnd>(
             core::ChildEnd{0, core::Secret(R"({"AccessKeyId":"a","AccessKeySecret":"canary",)"
                                            R"("Expiration":"2020-01-01T00:00:00Z"})")});
       },
       kPermanent, "expired at 2020"},
  });
  for (const auto& row : kRows) {
    programs_.clear();
    programs_.then(row.program);
    const auto fetched = fetch();
    ASSERT_THAT(fetched, FailedAs(row.kind)) << row.says;
    EXPECT_THAT(fetched.error().error.message,
                AllOf(HasSubstr(row.says), HasSubstr("/bin/keys"), Not(HasSubstr("canary"))));
  }
}

TEST(Command, IsSplitAtBlanksAndNamedByItsPath) {
  EXPECT_THAT(cred::parse_command("  /bin/a  b\tc ")->arguments,
              ::testing::ElementsAre("/bin/a", "b", "c"));
  for (const char* bad : {"", "  ", "a b", "./a", "~/a"}) {
    EXPECT_EQ(cred::parse_command(bad).error().kind, core::ErrorKind::InvalidArgument) << bad;
  }
}

}  // namespace
