#include "model/media_types.h"

#include <gtest/gtest.h>

namespace model {
namespace {

TEST(MediaTypes, FollowTheEndingOfAName) {
  const MediaTypes types;
  for (const auto& [name, type] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a.html", "text/html"},
           {"dir.d/INDEX.HTM", "text/html"},
           {"a.css", "text/css"},
           {"a.mjs", "text/javascript"},
           {"a.json", "application/json"},
           {"a.svg", "image/svg+xml"},
           {"a.png", "image/png"},
           {"a.jpg", "image/jpeg"},
           {"a.webp", "image/webp"},
           {"a.wasm", "application/wasm"},
           {"a.tar.gz", "application/gzip"},
           {"a.zst", "application/zstd"},
           {"a.7z", "application/x-7z-compressed"},
           {"a.zip", "application/zip"},
           {"a", "application/octet-stream"},
           {"page.d/a", "application/octet-stream"},
           {"a.", "application/octet-stream"},
           {".html", "application/octet-stream"},
           {"a.html~", "application/octet-stream"},
           {"", "application/octet-stream"}}) {
    EXPECT_EQ(types.of(name), type) << name;
  }
}

TEST(MediaTypes, TheSystemsFileComesFirst) {
  const MediaTypes types(
      "# a comment\n"
      "application/x-own\t\tOWN other # and more\n"
      "nonsense txt\n"
      "text/x-html html\r\n"
      "image/empty\n");
  EXPECT_EQ(types.of("a.own"), "application/x-own");
  EXPECT_EQ(types.of("a.Other"), "application/x-own");
  EXPECT_EQ(types.of("a.more"), MediaTypes::kUnknown);
  EXPECT_EQ(types.of("a.html"), "text/x-html");
  EXPECT_EQ(types.of("a.txt"), "text/plain") << "what everybody knows is still known";
}

TEST(MediaTypes, ATypeThatOnlyTheNameGaveFollowsTheName) {
  const MediaTypes types;
  struct Row {
    const char* type;
    const char* from;
    const char* to;
    const char* becomes;
  };
  for (const Row& row : {
           Row{"application/octet-stream", "sedX1", "page.html", "text/html"},
           Row{"", "tmp", "page.html", "text/html"},
           Row{"binary/octet-stream", "tmp", "a.png", "image/png"},
           Row{"text/html", "a.html", "a.css", "text/css"},
           Row{"text/html", "a.html", "a.bak", "application/octet-stream"},
           Row{"text/html; charset=utf-8", "a.html", "b.css", "text/html; charset=utf-8"},
           Row{"text/plain", "a.html", "b.html", "text/plain"},
           Row{"application/octet-stream", "a.html", "b.html", "application/octet-stream"},
           Row{"text/html", "a.html", "dir/a.html", "text/html"},
       }) {
    EXPECT_EQ(types.moved(row.type, row.from, row.to), row.becomes)
        << row.type << " " << row.from << " " << row.to;
  }
}

TEST(MediaTypes, OneForAllIsForAll) {
  const MediaTypes types("text/html html", "text/plain");
  EXPECT_EQ(types.of("a.html"), "text/plain");
  EXPECT_EQ(types.moved("text/plain", "a", "a.html"), "text/plain");
  EXPECT_EQ(types.moved("image/png", "a", "a.html"), "image/png");
}

}  // namespace
}  // namespace model
