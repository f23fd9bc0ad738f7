#pragma once
// Downloads from a fake store in fake time, and answers to be waited for.
#include <gmock/gmock.h>

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "transfer/downloads.h"

namespace test {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

inline std::string noise(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string text(size, '\0');
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t n = random();
    std::memcpy(text.data() + i, &n, 8);
  }
  return text;
}

inline std::string text_of(const std::vector<core::Bytes>& slices) {
  std::string text;
  for (const core::Bytes& slice : slices) {
    text += core::as_text(slice.view());
  }
  return text;
}

/// The answer to one read; wait() blocks in real time.
class Answer {
 public:
  transfer::Reader::Done done() {
    return [state = state_](core::Result<std::vector<core::Bytes>> result) {
      const std::lock_guard lock(state->mutex);
      ++state->times;
      if (result) {
        state->text = text_of(*result);
      } else {
        state->error = std::move(result).error();
      }
      state->changed.notify_all();
    };
  }
  void wait() const {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->times > 0; });
  }
  [[nodiscard]] int times() const {
    const std::lock_guard lock(state_->mutex);
    return state_->times;
  }
  [[nodiscard]] std::string text() const {
    wait();
    const std::lock_guard lock(state_->mutex);
    EXPECT_FALSE(state_->error) << state_->error->message;
    return state_->text;
  }
  [[nodiscard]] std::optional<core::ErrorKind> error() const {
    wait();
    const std::lock_guard lock(state_->mutex);
    return state_->error ? std::optional(state_->error->kind) : std::nullopt;
  }
  [[nodiscard]] std::string message() const {
    wait();
    const std::lock_guard lock(state_->mutex);
    return state_->error ? state_->error->message : "";
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    int times = 0;
    std::string text;
    std::optional<core::Error> error;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class DownloadsTest : public testing::Test {
 protected:
  transfer::Downloads& downloads(transfer::DownloadOptions options = {}) {
    downloads_ = transfer::Downloads::create(store_, clock_, metrics_, options);
    return *downloads_;
  }
  std::unique_ptr<transfer::Reader> open(const std::string& key) {
    return downloads_->open(store_.version(key));
  }
  static Answer read(transfer::Reader& reader, std::uint64_t offset, std::size_t size,
                     const core::OpContext& context = {}) {
    Answer answer;
    reader.read(context, offset, size, answer.done());
    return answer;
  }
  [[nodiscard]] std::vector<model::ByteRange> ranges() const {
    std::vector<model::ByteRange> list;
    for (const Call& call : store_.calls(Op::Read)) {
      list.push_back(call.range);
    }
    return list;
  }
  [[nodiscard]] std::int64_t metric(std::string_view name) { return metrics_[name].value(); }

  FakeClock clock_;
  FakeStore store_{clock_};
  core::Metrics metrics_;
  std::unique_ptr<transfer::Downloads> downloads_;
};

}  // namespace test
