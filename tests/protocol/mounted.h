#pragma once
#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <memory>
#include <string>

#include "core/clock.h"
#include "core/metrics.h"
#include "fake_file_system.h"
#include "fake_kernel.h"
#include "fuse/session.h"
#include "support/fake_requesters.h"

namespace test {

/// A session over a fake kernel and a fake file system, past its handshake.
class Mounted : public ::testing::Test {
 protected:
  void SetUp() override { mount({}); }
  void mount(const fuse::SessionOptions& options) {
    auto session = fuse::Session::open(fuse::Channel::adopt(kernel_->take_session_end()), fs_,
                                       requesters_, clock_, metrics_, options);
    ASSERT_TRUE(session);
    session_ = *std::move(session);
    const std::uint64_t init = kernel_->send_init();
    const core::Status started = session_->start();
    ASSERT_TRUE(started) << started.error().message;
    init_ = kernel_->await(init);
  }

  FakeKernel::Answer lookup(const std::string& name) {
    return kernel_->call(FUSE_LOOKUP, FUSE_ROOT_ID, name_of(name));
  }
  std::uint64_t send_read(std::uint64_t handle, std::uint64_t offset, std::uint32_t size) {
    fuse_read_in in{};
    in.fh = handle;
    in.offset = offset;
    in.size = size;
    return kernel_->send(FUSE_READ, handle, bytes_of(in));
  }
  std::uint64_t send_write(std::uint64_t handle, std::uint64_t offset, const std::string& data) {
    fuse_write_in in{};
    in.fh = handle;
    in.offset = offset;
    in.size = static_cast<std::uint32_t>(data.size());
    return kernel_->send(FUSE_WRITE, handle, bytes_of(in) + data);
  }

  core::SystemClock clock_;
  core::Metrics metrics_;
  FakeFileSystem fs_;
  FakeRequesters requesters_;  ///< without the kernel's caller, who is taken for dying then
  std::unique_ptr<FakeKernel> kernel_ = std::make_unique<FakeKernel>();
  FakeKernel::Answer init_;
  std::unique_ptr<fuse::Session> session_;  // last: its threads use the rest
};

}  // namespace test
