#include "emulator/wire/aws_chunked.h"

#include <algorithm>
#include <charconv>

namespace emulator {

namespace {
constexpr std::size_t kLongestLine = 1024;
}

bool AwsChunkedDecoder::end_of_size_line() {
  const std::string_view digits = std::string_view(line_).substr(0, line_.find_first_of(";\r"));
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    return false;
  }
  line_.clear();
  state_ = left_ == 0 ? State::Trailers : State::Data;
  return true;
}

bool AwsChunkedDecoder::feed(core::ByteView bytes, BodyWriter& writer) {
  while (!bytes.empty()) {
    if (state_ == State::Trailers) {
      return true;  // they say nothing that we check
    }
    if (state_ == State::Data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      writer.append(bytes.first(n));
      bytes = bytes.subspan(n);
      left_ -= n;
      if (left_ == 0) {
        state_ = State::AfterData;
      }
      continue;
    }
    const auto c = static_cast<char>(bytes.front());
    bytes = bytes.subspan(1);
    if (c != '\n') {
      line_ += c;
      if (line_.size() > kLongestLine) {
        return false;
      }
      continue;
    }
    if (state_ == State::AfterData) {
      if (line_ != "\r") {
        return false;
      }
      line_.clear();
      state_ = State::Size;
    } else if (!end_of_size_line()) {
      return false;
    }
  }
  return true;
}

}  // namespace emulator
