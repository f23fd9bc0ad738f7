#pragma once
// What the tests of sources have in common: a folder, fake time, a world of fakes, and a matcher.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cred/service_clock.h"
#include "cred/source_factory.h"
#include "support/fake_child_runner.h"
#include "support/fake_clock.h"
#include "unit/cred/fake_cloud.h"

namespace test {

inline constexpr auto kNotConfigured = cred::FetchFailure::Class::NotConfigured;
inline constexpr auto kPermanent = cred::FetchFailure::Class::Permanent;
inline constexpr auto kTransient = cred::FetchFailure::Class::Transient;

/// A fetch that failed in that class, `words` among its own, and no canary.
MATCHER_P2(FailedAs, failure_class, words, "") {
  if (arg) {
    *result_listener << "a lease of " << arg->credentials.access_key_id;
    return false;
  }
  const std::string text = core::describe(arg.error().error);
  *result_listener << "class " << static_cast<int>(arg.error().kind) << ": " << text;
  return arg.error().kind == failure_class && text.find(words) != std::string::npos &&
         text.find("canary") == std::string::npos;
}
MATCHER_P(FailedAs, failure_class, "") {
  return ::testing::ExplainMatchResult(FailedAs(failure_class, ""), arg, result_listener);
}

/// A folder of the test's own.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "sourcesXXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text, ::mode_t mode = 0600) const {
    std::ofstream(path(name)) << text;
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  /// A directory with the triple that `number` stands for, in files as drivers write them.
  void write_triple(const std::string& name, const std::string& number, core::WallTime end) const {
    std::filesystem::create_directory(path(name));
    write(name + "/AccessKeyId", "STS." + number + "\n");
    write(name + "/AccessKeySecret", "secret-" + number + "\n");
    write(name + "/SecurityToken", "token-" + number + "\n");
    write(name + "/Expiration", core::format_iso8601(end) + "\n");
  }
  /// Swaps the link `name` at once, as whoever rotates does.
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, path("swap"));
    std::filesystem::rename(path("swap"), path(name));
  }

 private:
  std::string path_;
};

class SourceTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  void write(const std::string& name, const std::string& text, ::mode_t mode = 0600) const {
    folder_.write(name, text, mode);
  }
  core::Result<std::unique_ptr<cred::CredentialSource>> make(const cred::SourceSettings& settings) {
    return cred::make_source(settings, {cloud_, service_clock_, programs_});
  }

  const Folder folder_;
  FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  FakeCloud cloud_{clock_, std::chrono::hours{1}};
  FakeChildRunner programs_;
};

}  // namespace test
