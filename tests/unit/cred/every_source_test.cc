// Every source that gives credentials with an end, kept alive by the refresher in fake time.
#include <atomic>
#include <future>

#include "core/log.h"
#include "cred/refresher.h"
#include "support/fake_file_watcher.h"
#include "unit/cred/source_fixture.h"

namespace {

using namespace std::chrono_literals;
using cred::SourceKind;
using cred::SourceSettings;
using test::FakeCloud;

constexpr std::uint64_t kSeed = 20'240'102;
constexpr auto kLife = 1h;
/// Whoever rotates files leaves twenty minutes of life, as Kubernetes' drivers do at least.
constexpr auto kRotation = 40min;

/// How somebody else puts new credentials where the source reads them.
enum class Rotated : std::uint8_t { No, File, Directory };

struct Kind {
  const char* name;
  void (*configure)(SourceSettings& settings, const test::Folder& folder);
  Rotated rotated = Rotated::No;
  bool watched = false;
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

void with_role(SourceSettings& settings) {
  settings.environment[0] = {"LTAIbase", core::Secret("canary-base"), {}};
  settings.role.role_arn = "acs:ram::1:role/r";
}

void with_token(SourceSettings& settings, const test::Folder& folder) {
  settings.kind = SourceKind::Oidc;
  settings.oidc.role_arn = "acs:ram::1:role/r";
  settings.oidc.provider_arn = "acs:ram::1:oidc-provider/p";
  settings.oidc.token_file = folder.path("token");
  folder.write("token", "an-identity-token");
}

const std::vector<Kind> kAsked = {
    {"AssumeRoleRpc", [](SourceSettings& settings, const test::Folder&) { with_role(settings); }},
    {"AssumeRoleAcs3",
     [](SourceSettings& settings, const test::Folder&) {
       with_role(settings);
       settings.dialect = cred::Dialect::Acs3;
     }},
    {"AwsAssumeRole",
     [](SourceSettings& settings, const test::Folder&) {
       with_role(settings);
       settings.dialect = cred::Dialect::Aws;
     }},
    {"Oidc", with_token},
    {"AwsOidc",
     [](SourceSettings& settings, const test::Folder& folder) {
       with_token(settings, folder);
       settings.dialect = cred::Dialect::Aws;
     }},
    {"EcsMetadata",
     [](SourceSettings& settings, const test::Folder&) { settings.kind = SourceKind::Ecs; }},
    {"CredentialsUri",
     [](SourceSettings& settings, const test::Folder&) {
       settings.kind = SourceKind::Uri;
       settings.uri = "http://127.0.0.1:8080/c";
     }},
    {"Process",
     [](SourceSettings& settings, const test::Folder&) {
       settings.kind = SourceKind::Process;
       settings.process = "/bin/keys";
     }},
};

void from_file(SourceSettings& settings, const test::Folder& folder) {
  settings.kind = SourceKind::CredentialsFile;
  settings.credentials_file = folder.path("keys");
}
void from_directory(SourceSettings& settings, const test::Folder& folder) {
  settings.kind = SourceKind::Directory;
  settings.directory = folder.path("keys");
}
const std::vector<Kind> kRotated = {
    {"File", from_file, Rotated::File, true},
    {"FileUnwatched", from_file, Rotated::File, false},
    {"Directory", from_directory, Rotated::Directory, true},
    {"DirectoryUnwatched", from_directory, Rotated::Directory, false},
};

class Counted final : public cred::CredentialSource {
 public:
  Counted(std::unique_ptr<cred::CredentialSource> source, std::atomic<int>& fetches)
      : source_(std::move(source)), fetches_(fetches) {}
  cred::Fetched fetch(const core::OpContext& context) override {
    ++fetches_;
    return source_->fetch(context);
  }
  [[nodiscard]] std::string describe() const override { return source_->describe(); }
  [[nodiscard]] std::vector<std::string> files() const override { return source_->files(); }
  void source_changed() override { source_->source_changed(); }

 private:
  const std::unique_ptr<cred::CredentialSource> source_;
  std::atomic<int>& fetches_;
};

class EverySource : public test::SourceTest, public ::testing::WithParamInterface<Kind> {
 public:
  ~EverySource() override { refresher_.reset(); }
  EverySource(const EverySource&) = delete;
  EverySource& operator=(const EverySource&) = delete;

 protected:
  static void SetUpTestSuite() { core::set_log_level(core::LogLevel::Error); }
  static void TearDownTestSuite() { core::set_log_level(core::LogLevel::Info); }
  EverySource() {
    programs_.then([this](const core::OpContext&, std::vector<std::string>&) {
      const auto issued = cloud_.issue_to_others();
      return core::Result<core::ChildEnd>(issued ? core::ChildEnd{0, core::Secret(issued->json())}
                                                 : core::ChildEnd{3, {}});
    });
  }
  void start(core::Duration credential_wait = 0s) {
    SourceSettings settings;
    settings.sts = FakeCloud::sts();
    settings.metadata = FakeCloud::metadata();
    settings.role.session_name = "host";
    settings.role.duration = kLife;
    settings.region = "cn-hangzhou";
    GetParam().configure(settings, folder_);
    rotate();
    auto source = make(settings);
    ASSERT_TRUE(source) << source.error().message;
    cred::RefresherOptions options;
    options.credential_wait = credential_wait;
    options.seed = 7;
    options.watcher = GetParam().watched ? &watcher_ : nullptr;
    refresher_ = std::make_unique<cred::Refresher>(
        std::make_unique<Counted>(*std::move(source), fetches_), service_clock_, options);
  }

  /// Somebody rotates what the source reads; where that fails, what lies there is torn.
  void rotate() {
    const auto issued = cloud_.issue_to_others();
    const std::string id = issued ? issued->id() : "torn" + std::to_string(++torn_);
    if (GetParam().rotated == Rotated::File) {
      folder_.write("keys.new", issued ? issued->ini() : "[default]\ntype = sts\naccess_key_");
      std::filesystem::rename(folder_.path("keys.new"), folder_.path("keys"));
    } else {
      folder_.write_triple(id, issued ? issued->number() : "0", clock_.wall_now() + kLife);
      if (!issued) {
        folder_.write(id + "/SecurityToken", "");
      }
      folder_.link(folder_.path(id), "keys");
      std::filesystem::remove_all(folder_.path(std::exchange(generation_, id)));
    }
    next_rotation_ = now() + (issued ? core::Duration(kRotation) : core::Duration(2min));
    if (watcher_.touch(folder_.path("keys"))) {
      clock_.rouse();
    }
  }

  /// To the next planned step, `limit` at most.
  void step(core::SteadyTime limit) {
    const bool rotated = GetParam().rotated != Rotated::No;
    clock_.await_sleepers(1);
    auto next = std::min(clock_.next_deadline().value_or(limit), limit);
    next = rotated ? std::min(next, next_rotation_) : next;
    clock_.advance(next - clock_.steady_now());
    if (rotated && now() >= next_rotation_) {
      clock_.await_sleepers(1);
      rotate();
    }
    clock_.await_sleepers(1);
  }
  core::SteadyTime now() { return clock_.steady_now(); }
  /// The true end of what a request gets now; nothing where it gets none.
  std::optional<core::SteadyTime> lent_until() {
    const auto got = refresher_->get({});
    if (!got) {
      clock_.rouse();
      return std::nullopt;
    }
    return cloud_.end_of((*got)->lease.credentials.access_key_id);
  }

  test::FakeFileWatcher watcher_;
  core::SteadyTime next_rotation_;
  std::string generation_ = "none";
  int torn_ = 0;
  std::atomic<int> fetches_ = 0;
  std::unique_ptr<cred::Refresher> refresher_;
};

// Nearly every third try of whoever is asked, or rotates, fails; once nobody gets anything for two
// hours, which is longer than a token lives.
TEST_P(EverySource, LivesForAMonth) {
  start();
  ASSERT_TRUE(refresher_->first({}));
  cloud_.fail_randomly(0.3, kSeed);
  const auto end = now() + 30 * 24h;
  const auto outage = now() + 10 * 24h;
  const auto recovery = outage + 2h;
  core::SteadyTime last_end = core::SteadyTime::max();
  int without = 0;
  while (now() < end) {
    cloud_.set_down(now() >= outage && now() < recovery);
    step(now() < outage ? outage : now() < recovery ? recovery : end);
    if (const auto until = lent_until()) {
      last_end = *until;
      ASSERT_LT(now(), last_end) << "used past its end";
      continue;
    }
    // Not before the end of the last one, and not long after others are to be had: the longest
    // pause between two tries is a minute, and the next ones may fail as well.
    ++without;
    ASSERT_TRUE(now() + 5s >= last_end && now() >= outage && now() < recovery + 10min)
        << refresher_->status().last_error;
  }
  EXPECT_GT(without, 0);
  const auto status = refresher_->status();
  EXPECT_EQ(status.rejections, 0U);
  EXPECT_GT(status.failures, 100U);
  // Every 45 minutes and a bit, or whenever a file was rotated.
  constexpr int kMinutes = 30 * 24 * 60;
  EXPECT_GE(status.renewals, kMinutes / 49);
  EXPECT_LE(status.renewals, kMinutes / 40);
  // Where a third of the requests fails, and the metadata server is sent three, that is two failed
  // fetches a renewal; what is torn is looked at ten times in two minutes, as a watched file.
  EXPECT_LE(fetches_, 3 * kMinutes / 40 + 10 * torn_);
}

class AskedSource : public EverySource {};

TEST_P(AskedSource, AnOutageOfHalfAMinuteChangesNothing) {
  start();
  ASSERT_TRUE(refresher_->first({}));
  // Begins when the first renewal is due.
  clock_.await_sleepers(1);
  const auto begins = now() + (refresher_->status().next_renewal.value() - clock_.wall_now());
  while (now() < begins - 1s) {
    step(begins - 1s);
  }
  cloud_.set_down(true);
  const auto ends = now() + 30s;
  while (now() < ends) {
    step(ends);
    const auto got = refresher_->get({});
    ASSERT_TRUE(got) << core::describe(got.error());
    EXPECT_EQ((*got)->version, 1U);
  }
  EXPECT_GT(refresher_->status().failures, 0U);
  EXPECT_TRUE(refresher_->status().degraded);
  cloud_.set_down(false);
  const auto limit = now() + 1min;
  while (now() < limit) {
    step(limit);
  }
  EXPECT_EQ((*refresher_->get({}))->version, 2U);
  EXPECT_FALSE(refresher_->status().degraded);
}

TEST_P(EverySource, AHundredFirstRequestsAreOneFetch) {
  start(30s);
  std::vector<std::future<bool>> requests;
  requests.reserve(100);
  for (int i = 0; i < 100; ++i) {
    requests.push_back(std::async(std::launch::async, [this] {
      const auto got = refresher_->get({});
      return got && (*got)->version == 1;
    }));
  }
  for (auto& request : requests) {
    EXPECT_TRUE(request.get());
  }
  EXPECT_EQ(fetches_, 1);
}

std::string name_of(const ::testing::TestParamInfo<Kind>& row) { return row.param.name; }
INSTANTIATE_TEST_SUITE_P(Asked, EverySource, ::testing::ValuesIn(kAsked), name_of);
INSTANTIATE_TEST_SUITE_P(Rotated, EverySource, ::testing::ValuesIn(kRotated), name_of);
INSTANTIATE_TEST_SUITE_P(Sources, AskedSource, ::testing::ValuesIn(kAsked), name_of);

}  // namespace
