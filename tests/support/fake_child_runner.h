#pragma once
// A core::ChildRunner that starts nothing.
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "core/child_process.h"

namespace test {

/// Ends of programs, in the order of a script; the last one repeats. Threads: one at a time.
class FakeChildRunner final : public core::ChildRunner {
 public:
  using Program = std::function<core::Result<core::ChildEnd>(const core::OpContext&,
                                                             std::vector<std::string>&)>;

  FakeChildRunner& then(Program program) {
    script_.push_back(std::move(program));
    return *this;
  }
  void clear() { script_.clear(); }
  FakeChildRunner& then_prints(const std::string& output, int exit_code = 0,
                               const std::vector<std::string>& complaints = {}) {
    return then([=](const core::OpContext&, std::vector<std::string>& out) {
      out = complaints;
      return core::Result<core::ChildEnd>(core::ChildEnd{exit_code, core::Secret(output)});
    });
  }
  FakeChildRunner& then_fails(const core::Error& error) {
    return then([=](const core::OpContext&, std::vector<std::string>&) {
      return core::Result<core::ChildEnd>(error);
    });
  }

  core::Result<core::ChildEnd> run(const core::OpContext& context, const core::ChildOrder& order,
                                   std::vector<std::string>& complaints) override {
    orders.push_back(order);
    const Program program = script_.at(0);
    if (script_.size() > 1) {
      script_.pop_front();
    }
    return program(context, complaints);
  }

  std::vector<core::ChildOrder> orders;  ///< what was asked for

 private:
  std::deque<Program> script_;
};

}  // namespace test
