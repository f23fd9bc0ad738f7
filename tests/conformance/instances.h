#pragma once
// The stores that the contract is held against.
#include <memory>
#include <string>

#include "emulator/emulator.h"
#include "oss/store.h"
#include "store/object_store.h"
#include "support/fake_store.h"

namespace conformance {

/// A store with everything that it stands on, over an empty bucket.
class Instance {
 public:
  virtual ~Instance() = default;
  virtual store::ObjectStore& store() = 0;
};

std::unique_ptr<Instance> fake_instance();

/// The emulator and the OSS store in front of it, over real sockets.
class EmulatedInstance final : public Instance {
 public:
  explicit EmulatedInstance(oss::Signing signing = oss::Signing::V4,
                            oss::Addressing addressing = oss::Addressing::Auto,
                            oss::Dialect dialect = oss::Dialect::Oss);
  EmulatedInstance(const EmulatedInstance&) = delete;
  EmulatedInstance& operator=(const EmulatedInstance&) = delete;
  ~EmulatedInstance() override;
  store::ObjectStore& store() override;
  /// Posts `json` to the emulator's administration; aborts the test if that fails.
  void administer(const std::string& path, const std::string& json);
  core::Metrics& metrics();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Another S3 server, over a bucket of its own there: its origin in STSFS_JUDGE_ENDPOINT, a key
/// pair in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Null where that is not set.
std::unique_ptr<Instance> judge_instance();
bool has_judge();

}  // namespace conformance
