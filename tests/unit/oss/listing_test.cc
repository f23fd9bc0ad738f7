// Listings, and XML that somebody meant badly.
#include "oss/xml.h"
#include "unit/oss/listing_oracle.h"
#include "unit/oss/store_fixture.h"

namespace oss {
namespace {

using core::ErrorKind;
using ::testing::ElementsAre;

const Traits& kOss = traits_of(Dialect::Oss);

std::string entry(const std::string& key, const std::string& more = "<Size>1</Size>") {
  return "<Contents><Key>" + key +
         "</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified><ETag>\"E\"</ETag>"
         "<Type>Multipart</Type><StorageClass>IA</StorageClass>" +
         more + "</Contents>";
}

std::string listing(const std::string& inside,
                    const std::string& end = "<IsTruncated>false</IsTruncated>") {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>" +
         inside + end + "</ListBucketResult>";
}

TEST(Listing, IsRead) {
  const auto page = scan_listing(
      listing(
          entry("dir%2Fa+b%2Bc%25%01",
                "<Size>18446744073709551615</Size><Owner><ID>1</ID>"
                "</Owner>") +
              "<CommonPrefixes><Prefix>dir%2Fsub%2F</Prefix></CommonPrefixes>",
          "<IsTruncated>true</IsTruncated><NextContinuationToken>Cg%3D+</NextContinuationToken>"),
      kOss);
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1U);
  const store::ListedObject& object = page->objects[0];
  EXPECT_EQ(object.key.text(), "dir/a b+c%\x01");
  EXPECT_EQ(object.size, UINT64_MAX);
  EXPECT_EQ(object.etag.text(), "E");
  EXPECT_EQ(object.type, store::ObjectType::Multipart);
  EXPECT_EQ(object.storage_class, "IA");
  EXPECT_EQ(object.last_modified, core::wall_from_unix(1'704'164'645));
  EXPECT_THAT(page->common_prefixes, ElementsAre("dir/sub/"));
  EXPECT_EQ(page->next_token, "Cg=+");
}

TEST(Listing, DecodesOnlyWhatIsEncoded) {
  const auto page = scan_listing("<ListBucketResult><IsTruncated>false</IsTruncated>" +
                                     entry("a%2Fb+c") + "</ListBucketResult>",
                                 kOss);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects.at(0).key.text(), "a%2Fb+c");
}

class BadListing : public ::testing::TestWithParam<std::string> {};

TEST_P(BadListing, IsRefused) {
  const auto page = scan_listing(GetParam(), kOss);
  ASSERT_FALSE(page) << page->objects.size();
  EXPECT_EQ(page.error().kind, ErrorKind::Protocol);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadListing,
    ::testing::Values(
        "", "<html><body>Welcome to the hotel</body></html>", "<ListBucketResult>",
        listing(entry("a")).substr(0, 200), listing(entry("")), listing(entry("a b")),
        listing(entry("a\xC3\xBC")), listing(entry("a&#0;b")), listing(entry("a&#x00;b")),
        listing(entry("a<!-- -->b")), listing(entry("<![CDATA[a]]>")), listing(entry("a", "")),
        listing(entry("a", "<Size>-1</Size>")), listing(entry("a", "<Size>1e3</Size>")),
        listing(entry("a", "<Size>18446744073709551616</Size>")), listing("<Contents></Contents>"),
        listing(entry("a"), ""), listing(entry("a"), "<IsTruncated>true</IsTruncated>"),
        "<!DOCTYPE a [<!ENTITY b \"c\">]>" + listing(entry("&b;")),
        listing(std::string(9 << 20, ' '))));

TEST(Listing, AHundredThousandAttributesCostNothing) {
  std::string attributes;
  for (int n = 0; n < 100'000; ++n) {
    attributes += " a" + std::to_string(n) + "=''";
  }
  const auto began = core::BootClock::now();
  EXPECT_FALSE(
      scan_listing("<ListBucketResult><Contents" + attributes + "/></ListBucketResult>", kOss));
  EXPECT_FALSE(scan_listing(std::string(50'000, '<') + "a", kOss));
  std::string deep;
  for (int n = 0; n < 50'000; ++n) {
    deep += "<a>";
  }
  EXPECT_FALSE(scan_listing(deep, kOss));
  EXPECT_LT(core::BootClock::now() - began, std::chrono::seconds{5});
}

TEST(Xml, AGreaterSignInAValueHidesNoAttributes) {
  std::string attributes = " z='>'";
  for (int n = 0; n < 100'000; ++n) {
    attributes += " a" + std::to_string(n) + "=''";
  }
  const auto began = core::BootClock::now();
  EXPECT_FALSE(XmlDocument::parse("<Tagging><a" + attributes + "/></Tagging>", "Tagging"));
  EXPECT_LT(core::BootClock::now() - began, std::chrono::seconds{5});
}

TEST(Xml, AttributesAreReadAsFarAsTheyMakeSense) {
  const auto parses = [](const std::string& text) {
    return XmlDocument::parse(text, "Tagging").has_value();
  };
  EXPECT_TRUE(
      parses("<?xml version='1.0'?><Tagging xmlns:x=\"http://a/?b&amp;c>\" x:y = '\"/>'/>"));
  EXPECT_TRUE(parses("<Tagging ><a b=''c=\"'\" /></Tagging >"));
  for (const char* bad : {"<Tagging a='<'/>", "<Tagging a='&#0;'/>", "<Tagging a=b/>",
                          "<Tagging a='/>", "<Tagging a='' a=''/>"}) {
    EXPECT_FALSE(parses(bad)) << bad;
  }
}

TEST(Xml, KnowsWhatItCanCarry) {
  for (const char* good : {"a", "a&b<c>\"'", "ü€😀", "~"}) {
    EXPECT_TRUE(xml_carries(good)) << good;
  }
  for (const char* bad : {"\x01", "a\n", "\t", "\x7F", "\xC2\x80", "\xFF", "\xC3", "\xC0\xAF",
                          "\xED\xA0\x80", "\xEF\xBF\xBF", "\xF4\x90\x80\x80", "\xE0\x80\x80"}) {
    EXPECT_FALSE(xml_carries(bad)) << bad;
  }
}

class List : public OssStoreTest {};

TEST_F(List, AsksForEncodedKeysAndFollowsTheToken) {
  transport_.reply(ok({}, listing(entry("a"),
                                  "<IsTruncated>true</IsTruncated>"
                                  "<NextContinuationToken>T</NextContinuationToken>")));
  store::ListQuery query{
      .prefix = "p/", .delimiter = "/", .start_after = "p/a", .continuation_token = {}};
  ASSERT_TRUE(store().list(context_, query));
  EXPECT_EQ(transport_.sent().at(0).line(),
            "GET /?list-type=2&max-keys=1000&encoding-type=url&prefix=p%2F&delimiter=%2F"
            "&start-after=p%2Fa");
  query.continuation_token = "T";
  transport_.reply(ok({}, listing("")));
  ASSERT_TRUE(store().list(context_, query));
  EXPECT_EQ(transport_.sent().at(1).line(),
            "GET /?list-type=2&max-keys=1000&encoding-type=url&prefix=p%2F&delimiter=%2F"
            "&continuation-token=T");
}

TEST_F(List, DoesNotGoRoundInCircles) {
  transport_.reply(ok({}, listing("",
                                  "<IsTruncated>true</IsTruncated>"
                                  "<NextContinuationToken>T</NextContinuationToken>")));
  store::ListQuery query;
  query.continuation_token = "T";
  const auto page = store().list(context_, query);
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().kind, ErrorKind::Protocol);
}

TEST_F(List, ReadsAPageWhileItArrives) {
  transport_.reply(ok({}, "<html>" + std::string(5'000, 'a')));
  const auto page = store().list(context_, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().kind, ErrorKind::Protocol);
  EXPECT_THAT(page.error().message, ::testing::StartsWith("ListObjectsV2"));
  EXPECT_EQ(metric("bytes.received"), 1'000) << "the first piece was enough";
}

TEST_F(List, BeginsAnewWhereAPageBroke) {
  test::Reply cut = ok({}, listing(entry("a") + entry("b")));
  cut.cut_after = cut.body.size() - 10;
  transport_.reply(cut)
      .reply(refusal(503, "ServiceUnavailable"))
      .reply(ok({}, listing(entry("a"))));
  const auto page = store().list(context_, {});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->objects.size(), 1U);
  expect_script_done(3);
}

class StartedList : public List {
 protected:
  core::Result<store::ListPage> started(const store::ListQuery& query = {}) {
    std::optional<core::Result<store::ListPage>> answer;
    store().start_list(context_, query, [&answer](core::Result<store::ListPage> page) {
      EXPECT_FALSE(answer) << "called twice";
      answer.emplace(std::move(page));
    });
    return answer ? *std::move(answer) : core::fail(ErrorKind::Internal, "never called");
  }
};

TEST_F(StartedList, BringsAPage) {
  const std::string text = listing(entry("a"));
  transport_.reply(ok({}, text));
  store::ListQuery query;
  query.prefix = "p/";
  const auto page = started(query);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->objects.at(0).key.text(), "a");
  EXPECT_EQ(transport_.sent().at(0).line(),
            "GET /?list-type=2&max-keys=1000&encoding-type=url&prefix=p%2F");
  EXPECT_EQ(metric("bytes.received"), static_cast<std::int64_t>(text.size()));
}

TEST_F(StartedList, IsOneRequestWhateverComesOfIt) {
  store::ListQuery again;
  again.continuation_token = "T";
  transport_.reply(broken())
      .reply(refusal(503, "SlowDown"))
      .reply(refusal(403, "SecurityTokenExpired"))
      .reply(ok({}, "<ListBucketResult>"))
      .reply(ok({}, listing("",
                            "<IsTruncated>true</IsTruncated>"
                            "<NextContinuationToken>T</NextContinuationToken>")));
  for (int n = 0; n < 5; ++n) {
    EXPECT_FALSE(started(again)) << n;
  }
  EXPECT_EQ(told_to_wait_.size(), 1U);
  EXPECT_TRUE(credentials_.rejected.empty());
  store::ListQuery nothing;
  nothing.max_keys = 0;
  EXPECT_FALSE(started(nothing));
  credentials_.replace_all();
  EXPECT_FALSE(started());
  expect_script_done(5);
}

}  // namespace
}  // namespace oss
