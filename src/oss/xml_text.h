#pragma once
// The characters of an XML document, between its tags and inside of them.
#include <cstddef>
#include <string>
#include <string_view>

namespace oss {

/// The longest reference that is read: "&#x0010FFFF;".
constexpr std::size_t kMaxReferenceBytes = 12;

/// The length of the reference that `text` begins with; what it means is appended to `to`, unless
/// that is null. It is one of the five that XML names, or the number of a character but 0.
/// Shape: 0 where it is none of these.
std::size_t take_reference(std::string_view text, std::string* to);

/// The longest tag that is read.
constexpr std::size_t kMaxTagBytes = 4UL * 1024;

/// Where the tag ends that `text` begins with, looked for from `from` on: at its '>' outside of
/// quotes. `quote` is what the search is inside of, or 0; it can go on in a longer text.
/// Shape: npos where it is not there.
std::size_t find_xml_tag_end(std::string_view text, std::size_t from, char& quote);

/// The blanks between tags.
constexpr bool is_xml_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_xml_blank(std::string_view text);

/// What `raw`, a text between two tags, says: nothing where it is blank; references stand for
/// characters, and every end of a line becomes '\n'.
/// Shape: `raw` itself or `scratch`. False: a reference that is none.
bool read_xml_text(std::string_view raw, std::string& scratch, std::string_view& text);

/// Characters of names, as far as tags are told apart by them: ASCII as XML says, and whatever is
/// not ASCII.
bool is_xml_name_start(char c);
std::size_t xml_name_length(std::string_view text);

/// Whether `text` is what may stand between an element's name and the end of its tag: attributes of
/// different names, sixteen at most, their values without '<'; and '/' in the end, or not.
bool are_xml_attributes(std::string_view text);

}  // namespace oss
