// The scanner of listings against tinyxml2, and against documents that nobody would send.
#include "oss/listing_scanner.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "core/format.h"
#include "core/text.h"
#include "unit/oss/listing_oracle.h"

namespace oss {
namespace {

using Page = core::Result<store::ListPage>;

/// All that a page says.
std::string told(const Page& page) {
  if (!page) {
    return "refused";
  }
  std::string out = "more " + page->next_token + ";";
  for (const store::ListedObject& object : page->objects) {
    out += core::format("{}|{}|{}|{}|{}|{};", object.key.text(), object.size, object.etag.text(),
                        object.last_modified.time_since_epoch().count(),
                        static_cast<int>(object.type), object.storage_class);
  }
  for (const std::string& prefix : page->common_prefixes) {
    out += prefix + ';';
  }
  return out;
}

/// Pushed in the pieces that end at `cuts`.
Page scan(std::string_view text, std::vector<std::size_t> cuts, const Traits& traits) {
  ListingScanner scanner(traits);
  std::sort(cuts.begin(), cuts.end());
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    TRY(scanner.push(core::as_bytes(text.substr(at, cut - at))));
    at = cut;
  }
  TRY(scanner.push(core::as_bytes(text.substr(at))));
  return scanner.finish();
}

template <class T>
T pick(std::initializer_list<T> from) {
  return *rc::gen::elementOf(std::vector<T>(from));
}
int below(int limit) { return *rc::gen::inRange(0, limit); }

const Traits& some_traits() { return traits_of(pick({Dialect::Oss, Dialect::S3})); }

std::vector<std::size_t> some_cuts(const std::string& text) {
  return *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::inRange<std::size_t>(0, text.size() + 1));
}

std::string blanks() { return pick<std::string>({"", "", "", " ", "\n  ", "\r\n\t", "\v\f"}); }

/// `text` as XML may write it.
std::string written(const std::string& text) {
  const int way = below(4);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (way == 1 && byte < 0x80) {
      out += core::format("&#{};", byte);
    } else if (way == 2 && byte < 0x80 && below(3) == 0) {
      out += core::format("&#x{:04X};", byte);
    } else {
      out += xml_escape(std::string_view(&c, 1));
    }
  }
  return out;
}

std::string attributes() {
  return pick<std::string>({"", "", "", " xmlns=\"http://oss.aliyuncs.com\"", " a='>' b = \"'/>\"",
                            "\n x:y-z.1='&lt;&#x41;'", " a=\"1\"b='2'"});
}

std::string element(const std::string& name, const std::string& inside) {
  if (inside.empty() && below(2) == 0) {
    return blanks() + "<" + name + attributes() + blanks() + "/>" + blanks();
  }
  return blanks() + "<" + name + attributes() + blanks() + ">" + inside + "</" + name + blanks() +
         ">" + blanks();
}

/// What no page is made of.
std::string others() {
  return pick<std::string>({"", "", "<Owner><ID>1</ID><DisplayName>A &amp; B</DisplayName></Owner>",
                            "<Name>b</Name>text &#228;",
                            "<a><Contents><Key>no</Key></Contents><a><a/></a></a>",
                            "<RestoreInfo >ongoing-request=\"true\"</RestoreInfo\n>", "<Prefix/>"});
}

std::string some_name() {
  return pick<std::string>({"a", "dir/file-0001.parquet", "a b", "\xC3\xBC/\xE2\x82\xAC",
                            "a&b<c>'\"", "100%", "%41", "a+b", "%2B%2f", std::string(1023, 'k'),
                            "a\tb", "]]>"});
}

std::string some_entry(bool url) {
  std::vector<std::string> parts = {
      element("Key", written(url ? core::percent_encode(some_name()) : some_name())),
      element("LastModified",
              written(pick<std::string>({"2024-01-02T03:04:05.000Z", "2024-02-29T23:59:59Z",
                                         "1970-01-01T00:00:00.123456789Z", "2024-02-30T00:00:00Z",
                                         "2024-01-02T03:04:05.000Z"}))),
      element("Size", written(pick<std::string>({"0", "1", "18446744073709551615", "007", "1e3"}))),
      element("ETag", written(pick<std::string>({"\"5B3C1A2E053D763E1B002CC607C5A0FE\"", "x-1", "",
                                                 " a\r\nb\n\rc\r", "\""}))),
      element("StorageClass", written(pick<std::string>({"IA", "STANDARD_IA", "", "  ", "\n"}))),
      element("Type", written(pick<std::string>({"Normal", "Multipart", "Symlink", "Appendable"}))),
      others()};
  if (below(8) == 0) {
    parts.erase(parts.begin() + below(static_cast<int>(parts.size())));
  }
  if (below(2) == 0) {
    std::rotate(parts.begin(), parts.begin() + below(static_cast<int>(parts.size())), parts.end());
  }
  std::string inside;
  for (const std::string& part : parts) {
    inside += part;
  }
  return element("Contents", inside);
}

std::string some_listing() {
  const bool url = below(3) > 0;
  const bool more = below(2) == 0;
  std::string entries;
  for (int n = below(4); n > 0; --n) {
    entries += some_entry(url);
  }
  for (int n = below(3); n > 0; --n) {
    entries += element("CommonPrefixes", element("Prefix", written(url ? "d%2Fe+f%2F" : "d/e/")));
  }
  std::string head = element("IsTruncated", more ? "true" : "false");
  if (url) {
    head += element("EncodingType", "url");
  }
  if (more || below(4) == 0) {
    head +=
        element("NextContinuationToken", written(pick<std::string>({"Cg%3D%3D", "a+b/c=", "T"})));
  }
  head += others();
  const std::string inside = below(2) == 0 ? head + entries : entries + head;
  return pick<std::string>({"", "\xEF\xBB\xBF", "\n\n"}) +
         pick<std::string>(
             {"", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<?xml version='1.0'?>\n<?a >?>"}) +
         element("ListBucketResult", inside);
}

/// `text` with one thing changed that its writer did not mean.
std::string damaged(std::string text) {
  const auto at = [&] {
    return static_cast<std::size_t>(below(static_cast<int>(text.size()) + 1));
  };
  const std::size_t first = at();
  const std::size_t count =
      std::min<std::size_t>(1 + static_cast<std::size_t>(below(40)), text.size() - first);
  switch (below(6)) {
    case 0:
      return text.substr(0, first);
    case 1:
      return text.erase(first, count);
    case 2:
      return text.insert(at(), text.substr(first, count));
    case 3:
      text.insert(first, pick<std::string>({"<",
                                            ">",
                                            "&",
                                            "\"",
                                            "'",
                                            "/",
                                            "=",
                                            "&#0;",
                                            "&#",
                                            "&b;",
                                            "&amp",
                                            "<!-- -->",
                                            "<![CDATA[a]]>",
                                            "<?a?>",
                                            "</Contents>",
                                            "<Key>",
                                            "</Key>",
                                            "<a>",
                                            "</a>",
                                            "<a/>",
                                            " ",
                                            "\r",
                                            "\xEF\xBB\xBF",
                                            "\x80",
                                            "<ListBucketResult>",
                                            "</ListBucketResult>",
                                            " a='' a=''",
                                            "&#xD800;",
                                            "&#x110000;",
                                            "&#X41;",
                                            "<EncodingType>url</EncodingType>"}));
      return text;
    case 4:
      text.insert(first, 1, '\0');
      return text;
    default:
      if (count > 0) {
        text[first] = static_cast<char>(below(256));
      }
      return text;
  }
}

constexpr const char* kEnd = "<IsTruncated>false</IsTruncated></ListBucketResult>";

std::string repeated(std::string_view text, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    out += text;
  }
  return out;
}

/// Documents that cost whoever reads them without care far more than they cost their sender, as
/// they begin; what they go on with until they are too long; and how they end.
struct Attack {
  std::string name;
  std::string begin;
  std::string filling;
  bool accepted = false;  ///< with an end before 8 MiB
};

class Attacked : public ::testing::TestWithParam<Attack> {};

TEST_P(Attacked, ListingCostsWhatItsBytesCost) {
  constexpr std::size_t kBytes = 2'000'000;
  const std::string text = GetParam().begin + repeated(GetParam().filling, kBytes) + kEnd;
  for (const std::size_t piece : {text.size(), std::size_t{4096}, std::size_t{7}}) {
    const auto began = core::BootClock::now();
    ListingScanner scanner(traits_of(Dialect::Oss));
    bool good = true;
    for (std::size_t at = 0; good && at < text.size(); at += piece) {
      good = scanner.push(core::as_bytes(std::string_view(text).substr(at, piece))).has_value();
    }
    const Page page = scanner.finish();
    EXPECT_EQ(page.has_value(), GetParam().accepted) << page.error().message;
    EXPECT_LT(core::BootClock::now() - began, std::chrono::seconds{10}) << piece;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Attacked,
    ::testing::Values(Attack{"NestedTags", "<ListBucketResult>", "<a>"},
                      Attack{"OneTag", "<ListBucketResult><", "a"},
                      Attack{"BlankTag", "<ListBucketResult><a", " "},
                      Attack{"Attributes", "<ListBucketResult><a", " a=''"},
                      Attack{"OneAttribute", "<ListBucketResult><a b='", ">"},
                      Attack{"Declarations", "", "<?a b=''?>"}, Attack{"Declaration", "<?", "a"},
                      Attack{"Text", "<ListBucketResult>", "a", true},
                      Attack{"References", "<ListBucketResult>", "&amp;", true},
                      Attack{"HalfReferences", "<ListBucketResult>", "&"},
                      Attack{"Elements", "<ListBucketResult>", "<a b='>' c='' d=''/>", true},
                      Attack{"Key", "<ListBucketResult><Contents><Key>", "a"},
                      Attack{"Blanks", "", " "},
                      Attack{"ClosingTag", "<ListBucketResult><a></a", " "},
                      Attack{"Entries", "<ListBucketResult>",
                             "<CommonPrefixes><Prefix>a</Prefix></CommonPrefixes>"}),
    [](const auto& row) { return row.param.name; });

TEST(ListingScanner, TakesTenThousandEntriesAndNoMore) {
  const std::string one = "<CommonPrefixes><Prefix>a</Prefix></CommonPrefixes>";
  const auto page_of = [&](std::size_t entries) {
    return scan_listing("<ListBucketResult>" + repeated(one, one.size() * entries) + kEnd,
                        traits_of(Dialect::Oss));
  };
  EXPECT_TRUE(page_of(10'000));
  EXPECT_FALSE(page_of(10'001));
}

TEST(ListingScanner, RefusesWhatAServiceNeverSends) {
  const std::string good = std::string("<ListBucketResult>") + kEnd;
  ASSERT_TRUE(scan_listing(good, traits_of(Dialect::Oss)));
  const auto within = [](const std::string& inside) {
    return "<ListBucketResult>" + inside + kEnd;
  };
  for (const std::string& bad :
       {"a" + good,
        good + "a",
        good + good,
        good + "</a>",
        good + "<?a?>",
        within("<a></b>"),
        within("<a></a/>"),
        within("</a>"),
        within("< a></a>"),
        within("<a></ a>"),
        within("<EncodingType>url</EncodingType><EncodingType>url</EncodingType>"),
        within("<CommonPrefixes><Prefix>a</Prefix><Prefix>b</Prefix></CommonPrefixes>"),
        within("<CommonPrefixes><Prefix>a<b/></Prefix></CommonPrefixes>"),
        within("&b;"),
        within("&#X41;"),
        within("&#xD800;"),
        within("<a b='<'/>"),
        within("<a b='&#0;'/>"),
        within("<a b='' b=''/>"),
        within(std::string(1, '\0')),
        good + std::string(1, '\0')}) {
    const Page page = scan_listing(bad, traits_of(Dialect::Oss));
    EXPECT_FALSE(page) << bad;
  }
}

TEST(ListingScanner, SaysNoForGood) {
  ListingScanner scanner(traits_of(Dialect::Oss));
  EXPECT_FALSE(scanner.push(core::as_bytes("<a>")));
  EXPECT_FALSE(scanner.push(core::as_bytes(std::string("<ListBucketResult>") + kEnd)));
  const Page page = scanner.finish();
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().kind, core::ErrorKind::Protocol);
}

RC_GTEST_PROP(ListingScanner, ReadsWhatTheOracleReads, ()) {
  const Traits& traits = some_traits();
  const std::string text = some_listing();
  const Page page = scan(text, some_cuts(text), traits);
  const Page oracle = ListingOracle::read(text, traits);
  RC_LOG() << text << '\n' << (page ? "" : page.error().message);
  RC_ASSERT(told(page) == told(oracle));
}

RC_GTEST_PROP(ListingScanner, TakesNothingThatTheOracleRefuses, ()) {
  const Traits& traits = some_traits();
  std::string text = some_listing();
  for (int n = 1 + below(2); n > 0; --n) {
    text = damaged(text);
  }
  const Page page = scan(text, some_cuts(text), traits);
  RC_LOG() << text;
  RC_ASSERT(told(page) == told(scan_listing(text, traits)));
  if (page) {
    RC_ASSERT(told(page) == told(ListingOracle::read(text, traits)));
  }
}

}  // namespace
}  // namespace oss
