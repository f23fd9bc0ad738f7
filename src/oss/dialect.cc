#include "oss/dialect.h"

namespace oss {
namespace {

Traits make_oss() {
  Traits oss;
  oss.header_prefix = "x-oss-";
  oss.service_name = "oss";
  oss.error_header = "x-oss-err";
  oss.can.symlinks = true;
  oss.can.create_exclusive = true;
  oss.can.append = true;
  oss.can.crc64 = true;
  return oss;
}

Traits make_s3() {
  Traits s3;
  s3.dialect = Dialect::S3;
  s3.header_prefix = "x-amz-";
  s3.service_name = "s3";
  // Conditions are sent with every publish, but which services keep them nobody says: Ceph 16 does
  // on PutObject and not on CompleteMultipartUpload. So whoever publishes looks first, always.
  s3.can.min_part_bytes = 5UL << 20U;
  s3.can.max_copy_bytes = 5ULL << 30U;
  // Amazon S3, "Working with object metadata": the date of an upload by parts is that of its start.
  s3.can.dates_joins_at_end = false;
  s3.conditions_quote_etags = false;
  s3.copies_heed_source = false;
  s3.encodes_tokens = false;
  return s3;
}

}  // namespace

std::string Traits::header(std::string_view name) const {
  return std::string(header_prefix) + std::string(name);
}

std::string Traits::condition(const model::ETag& etag) const {
  return conditions_quote_etags ? etag.quoted() : etag.text();
}

const Traits& traits_of(Dialect dialect) {
  static const Traits kOss = make_oss();
  static const Traits kS3 = make_s3();
  return dialect == Dialect::S3 ? kS3 : kOss;
}

}  // namespace oss
