#include "transfer/zeros.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/digest.h"
#include "core/log.h"
#include "core/random.h"

namespace transfer {
namespace {

using core::OpContext;
using model::ByteRange;

constexpr std::uint64_t kMiB = 1ULL << 20U;
// What sending costs less than the requests that save it.
constexpr std::uint64_t kWorthCopying = 16 * kMiB;
constexpr std::uint64_t kWantedCopies = 128;
constexpr std::uint64_t kMostTimes = 32;  // copies of one step

std::uint64_t shortest(const store::Capabilities& can) {
  return std::max(kMiB, can.min_part_bytes);
}

}  // namespace

std::vector<ByteRange> big_holes(const LayeredFile& content) {
  std::vector<ByteRange> holes;
  const Layers layers = content.layers();
  std::uint64_t at = 0;
  while (at < layers.size) {
    const auto first = content.seek(at, SEEK_HOLE);
    if (!first || *first >= layers.size) {
      break;
    }
    const auto next = content.seek(*first, SEEK_DATA);
    at = std::min(next.value_or(layers.size), layers.size);
    RangeSet hole({*first, at});
    for (const ByteRange& clean : layers.clean.within({*first, at})) {
      hole.remove(clean);
    }
    for (const ByteRange& range : hole.ranges()) {
      if (range.size() >= kWorthCopying) {
        holes.push_back(range);
      }
    }
  }
  return holes;
}

std::uint64_t zeros_for(std::uint64_t hole_bytes, const store::Capabilities& can) {
  if (hole_bytes == 0) {
    return 0;
  }
  const auto most_parts = static_cast<std::uint64_t>(can.max_parts);
  std::uint64_t wanted = std::min(hole_bytes / kWantedCopies, can.max_copy_bytes);
  if (hole_bytes / can.max_copy_bytes > most_parts / 2) {
    wanted = can.max_part_bytes;
  }
  std::uint64_t size = shortest(can);
  while (size < wanted) {
    size *= std::min(kMostTimes, (wanted + size - 1) / size);
  }
  return size;
}

std::uint64_t sum_of_zeros(std::uint64_t bytes) {
  constexpr std::array<std::byte, 1> kZero{};
  std::uint64_t sum = 0;
  std::uint64_t power = core::crc64(kZero);  // of 1, 2, 4, … zeros
  for (std::uint64_t length = 1; length != 0 && length <= bytes; length *= 2) {
    if ((bytes & length) != 0) {
      sum = core::crc64_combine(sum, power, length);
    }
    power = core::crc64_combine(power, power, length);
  }
  return sum;
}

core::Result<std::unique_ptr<ZerosObject>> ZerosObject::make(const OpContext& context,
                                                             store::ObjectStore& store,
                                                             Publishing& publishing,
                                                             const model::ObjectKey& beside,
                                                             std::uint64_t bytes) {
  constexpr std::size_t kRandomBytes = 4;
  std::unique_ptr<ZerosObject> zeros(new ZerosObject(
      store, publishing,
      model::ObjectKey(beside.text() + ".zeros-" + core::random_hex(kRandomBytes))));
  TRY(zeros->put(context));
  while (zeros->version_.size < bytes) {
    TRY(zeros->repeat(
        context, std::min(kMostTimes, (bytes + zeros->version_.size - 1) / zeros->version_.size)));
  }
  return zeros;
}

core::Status ZerosObject::put(const OpContext& context) {
  std::string text(shortest(store_.capabilities()), '\0');
  const std::uint64_t size = text.size();
  TRY_ASSIGN(const auto published,
             store_.put(context, version_.key, store::text_source(std::move(text)), {}, {}));
  version_.etag = published.etag;
  version_.version_id = published.version_id;
  version_.size = size;
  return {};
}

core::Status ZerosObject::repeat(const OpContext& context, std::uint64_t times) {
  Publishing::Assembled assembled;
  assembled.key = version_.key;
  TRY_ASSIGN(assembled.attributes.settings, store_.complete_settings(context, {}));
  TRY_ASSIGN(assembled.upload_id, store_.start_upload(context, version_.key, assembled.attributes));
  if (auto copied = copy_itself(context, assembled.upload_id, times, assembled); !copied) {
    publishing_.abort(context, version_.key, assembled.upload_id, copied.error());
    return copied;
  }
  TRY_ASSIGN(const auto published, publishing_.complete(context, assembled));
  version_.etag = published.etag;
  version_.version_id = published.version_id;
  version_.size = assembled.size;
  return {};
}

core::Status ZerosObject::copy_itself(const OpContext& context, const std::string& id,
                                      std::uint64_t times, Publishing::Assembled& assembled) {
  for (std::uint64_t i = 0; i < times; ++i) {
    TRY_ASSIGN(auto receipt,
               publishing_.copy_part(context, version_.key, id, static_cast<int>(i) + 1, version_,
                                     {0, version_.size}));
    assembled.parts.push_back(std::move(receipt));
  }
  assembled.size = times * version_.size;
  return {};
}

ZerosObject::~ZerosObject() {
  if (version_.etag.empty()) {
    return;  // it was never made
  }
  if (auto removed = publishing_.remove(version_.key); !removed) {
    core::log(core::LogLevel::Warn, "could not remove an object of zeros that nobody needs",
              {{"key", version_.key.text()}, {"error", core::describe(removed.error())}});
  }
}

}  // namespace transfer
