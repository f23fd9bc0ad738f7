#pragma once
// Requests and authorities for the tests of the emulator's authority.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text.h"
#include "core/time.h"
#include "emulator/account/authority.h"
#include "emulator/wire/message.h"
#include "support/fake_clock.h"

namespace emulator {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// A request as the server would have read it.
inline RawRequest make_request(std::string method, std::string target, Fields headers = {}) {
  RawRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.raw_path = request.target.substr(0, request.target.find('?'));
  request.headers = std::move(headers);
  request.peer = "127.0.0.1";
  if (request.raw_path.size() < request.target.size()) {
    for (const auto piece :
         core::split(std::string_view(request.target).substr(request.raw_path.size() + 1), '&')) {
      const auto at = piece.find('=');
      const bool has_equals = at != std::string_view::npos;
      request.query.push_back({core::percent_decode(piece.substr(0, at), true),
                               has_equals ? core::percent_decode(piece.substr(at + 1), true) : "",
                               has_equals});
    }
  }
  return request;
}

/// A clock that shows `time`.
inline void set_clock(test::FakeClock& clock, core::WallTime time) {
  clock.set_wall_offset(core::Duration{0});
  clock.set_wall_offset(time - clock.wall_now());
}

}  // namespace emulator
