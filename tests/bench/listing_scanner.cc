// What a key costs in the answer to ListObjectsV2: bench_listing_scanner [KEYS [ROUNDS]]. CPU, best
// round; a page comes in pieces of 16 KiB.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "core/check.h"
#include "core/format.h"
#include "unit/oss/listing_oracle.h"

namespace {

constexpr std::size_t kPieceBytes = 16UL * 1024;

std::string page_of(std::size_t keys) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>bucket</Name>"
      "<Prefix>run-7%2F</Prefix><MaxKeys>1000</MaxKeys><Delimiter>%2F</Delimiter>"
      "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>";
  for (std::size_t n = 0; n < keys; ++n) {
    text += core::format(
        "<Contents><Key>run-7%2Fframe-{:08}.parquet</Key>"
        "<LastModified>2024-01-02T03:{:02}:{:02}.000Z</LastModified>"
        "<ETag>\"5B3C1A2E053D763E1B002CC607{:06}\"</ETag><Type>Normal</Type><Size>{}</Size>"
        "<StorageClass>Standard</StorageClass></Contents>",
        n, n / 60 % 60, n % 60, n, n * 4711);
  }
  return text + "</ListBucketResult>";
}

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

template <class Read>
void measure(const char* what, std::size_t keys, std::size_t rounds, const Read& read) {
  double least = std::numeric_limits<double>::max();
  for (std::size_t round = 0; round < rounds; ++round) {
    const double begun = cpu_us();
    CORE_CHECK(read()->objects.size() == keys);
    least = std::min(least, cpu_us() - begun);
  }
  std::printf("%-12s %6.3f us of CPU a key\n", what, least / static_cast<double>(keys));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t keys = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
  const std::size_t rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1000;
  const std::string text = page_of(keys);
  const oss::Traits& traits = oss::traits_of(oss::Dialect::Oss);
  measure("tinyxml2", keys, rounds, [&] { return oss::ListingOracle::read(text, traits); });
  measure("the scanner", keys, rounds, [&] {
    oss::ListingScanner scanner(traits);
    for (std::size_t at = 0; at < text.size(); at += kPieceBytes) {
      (void)scanner.push(core::as_bytes(std::string_view(text).substr(at, kPieceBytes)));
    }
    return scanner.finish();
  });
  return 0;
}
