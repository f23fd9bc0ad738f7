#pragma once
// An answer of ListObjectsV2, read while it arrives: pages of a thousand entries are the hot path
// of readdir, and a tree of their elements costs ten times what is in them.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "oss/names.h"
#include "store/object_store.h"

namespace oss {

/// Reads one page, in pieces of any size.
///
/// Keys are taken if they were asked for with encoding-type=url and came so, or are printable
/// ASCII: nothing else survives XML unchanged for certain. S3 services that do not know that
/// parameter are believed as far as XML can carry a name. Elements are known by their names,
/// prefixes and all; those that are not known are passed over, and so are attributes.
///
/// What XML does not allow is refused, and beyond that, as nothing that a service sends:
/// - a document over 8 MiB, or with a character 0; more than 10,000 entries;
/// - comments, CDATA, a document type; declarations over 512 bytes or behind the beginning;
/// - tags over 4 KiB or with more than 16 attributes, names of elements over 128 bytes, closing
/// tags
///   with as many blanks, more than 64 elements in each other;
/// - references longer than 12 bytes, or to names that XML itself does not have;
/// - what is taken from an element: over 8 KiB of it, an element inside, or said twice in one
/// place. Within that, a page is the one that tinyxml2 would have made of the document: a unit test
/// asks it.
///
/// Time is proportional to the bytes, memory to the page.
/// Threads: one at a time.
class ListingScanner {
 public:
  /// `traits` outlives it.
  explicit ListingScanner(const Traits& traits) : traits_(traits) {}

  /// Errors: Protocol, now and for whatever comes after.
  core::Status push(core::ByteView data);
  /// The page, once all of it was pushed; the last call. Errors: Protocol.
  core::Result<store::ListPage> finish();

 private:
  enum class Inside : std::uint8_t { Page, Entry, Prefixes };
  /// What is taken from an element.
  enum class Value : std::uint8_t {
    None,
    EncodingType,
    IsTruncated,
    NextToken,
    Key,
    LastModified,
    ETag,
    Type,
    Size,
    StorageClass,
    Prefix
  };
  struct Known {
    std::string_view name;
    Value value = Value::None;
    Inside inside = Inside::Page;
  };
  /// A name as it stands in texts_: how it is encoded may be said behind all of them.
  struct Name {
    std::size_t first = 0;
    std::size_t size = 0;
  };

  static const Known* find_known(std::string_view name, Inside inside);

  // These take what `rest` begins with and say how many bytes it has. Zero: it is not all there, or
  // was refused.
  std::size_t take(std::string_view rest);
  std::size_t take_text(std::string_view rest);
  std::size_t take_value(std::string_view rest);
  std::size_t take_declaration(std::string_view rest);
  std::size_t take_open_tag(std::string_view rest);
  std::size_t take_close_tag(std::string_view rest, std::string_view name);
  std::size_t find_tag_end(std::string_view rest);

  [[nodiscard]] std::size_t scan(std::string_view text);
  std::size_t refuse(const char* why);
  bool is_around_root(std::string_view text);
  void begin(std::string_view name);
  void end();
  void begin_known(std::string_view name);
  void begin_entry();
  [[nodiscard]] std::string_view innermost() const;
  void set(Value value, std::string_view raw);
  void set_in_page(Value value, std::string_view text);
  void set_in_entry(Value value, std::string_view text);
  Name keep(std::string_view text);
  [[nodiscard]] core::Result<std::string> decode(const Names& names, Name name) const;

  const Traits& traits_;
  std::size_t total_ = 0;  ///< bytes that came
  const char* fault_ = nullptr;

  // The piece of the document that is not all there yet.
  std::string rest_;
  std::size_t searched_ = 0;  ///< bytes of it that hold no end
  char quote_ = 0;            ///< that the search is inside of

  // Where in the document we are.
  std::size_t mark_bytes_ = 0;  ///< of the byte order mark
  bool ended_ = false;          ///< the root was closed
  std::string open_;            ///< the names of the open elements, without those of values
  std::vector<std::size_t> open_at_;
  std::size_t passing_over_ = 0;  ///< this many elements are open, the last of them not ours; or 0
  Inside inside_ = Inside::Page;
  const Known* value_ = nullptr;  ///< whose element is open
  std::uint32_t said_in_page_ = 0;
  std::uint32_t said_in_entry_ = 0;  ///< or in a group of prefixes

  // What was found.
  std::string scratch_;
  std::string texts_;
  store::ListPage page_;
  std::vector<Name> keys_;
  std::vector<Name> prefixes_;
  bool url_ = false;
  bool more_ = false;
  std::string token_;
};

}  // namespace oss
