// What other tools set on an object survives what programs do to it.
#include "model/media_types.h"
#include "unit/fs/fixture.h"

namespace fs_test {
namespace {

class Preserving : public FileSystemTest {
 protected:
  static store::ObjectAttributes decorated() {
    store::ObjectAttributes attributes{"text/x-chosen", {{"note", "100%41"}, {"mode", "33188"}}};
    attributes.content = {"gzip", "de", "inline", "max-age=9", "Thu, 01 Dec 2044 16:00:00 GMT"};
    attributes.settings.emplace();
    attributes.settings->storage_class = "IA";
    attributes.settings->encryption = "KMS";
    attributes.settings->encryption_key = "k1";
    attributes.settings->acl = store::Acl{{"object-acl", "private"}};
    attributes.settings->tags = store::Tags{{"a", "1"}};
    return attributes;
  }
  void expect_kept(const std::string& key) {
    const auto meta = store_.meta(key);
    ASSERT_TRUE(meta) << key;
    const store::ObjectAttributes set = decorated();
    EXPECT_EQ(meta->content_type, set.content_type) << key;
    EXPECT_EQ(meta->content, set.content) << key;
    EXPECT_EQ(meta->user.at("note"), "100%41") << key;
    store::ObjectSettings settings = meta->settings;
    settings.origin = {};
    EXPECT_EQ(settings, *set.settings) << key;
  }
  std::string type_of(const std::string& key) { return store_.meta(key)->content_type; }
};

TEST_F(Preserving, EveryEditKeepsWhatItDoesNotChange) {
  store_.set("p/a", "data", decorated());
  ASSERT_TRUE(chmod("a", 0600));
  expect_kept("p/a");
  ASSERT_TRUE(fs_->setxattr(request_, inode("a"), "user.x", "1", 0));
  expect_kept("p/a");
  ASSERT_TRUE(truncate("a", 2));
  expect_kept("p/a");
  ASSERT_TRUE(put("a", "rewritten"));
  expect_kept("p/a");
  ASSERT_TRUE(rename("a", "b.html"));
  expect_kept("p/b.html");
  EXPECT_EQ(store_.count(Op::GetAcl), 1U) << "what we made we know";
  EXPECT_EQ(store_.count(Op::GetTags), 1U) << "copies bring them";
}

TEST_F(Preserving, ATreeKeepsItsObjects) {
  store_.set("p/d/a", "data", decorated());
  const InodeNumber known = inode("d/a");
  ASSERT_TRUE(rename("d", "e"));
  expect_kept("p/e/a");
  ASSERT_TRUE(chmod("e/a", 0600));
  EXPECT_EQ(inode("e/a"), known);
  expect_kept("p/e/a");
}

TEST_F(Preserving, NewObjectsAreKeptAsTheStoreIsToldAndOthersAreNot) {
  store::ObjectSettings wanted;
  wanted.storage_class = "Archive";
  store_.keep_new_as(wanted);
  store_.set("p/old", "x");
  ASSERT_TRUE(chmod("old", 0600));
  EXPECT_EQ(store_.meta("p/old")->settings.storage_class, "Standard");
  ASSERT_TRUE(put("new", "x"));
  ASSERT_TRUE(chmod("new", 0600));
  ASSERT_TRUE(put("new", "y"));
  EXPECT_EQ(store_.meta("p/new")->settings.storage_class, "Archive");
  EXPECT_EQ(store_.count(Op::GetAcl), 1U) << "of the old one";
}

TEST_F(Preserving, ForeignFormsAreShownAsAbsentAndStay) {
  const store::UserMeta foreign = {
      {"mode", "rw-r--r--"}, {"uid", "nobody"}, {"xattr", "{\"u\":1}"}};
  store_.set("p/a", "x", meta(foreign));
  ASSERT_TRUE(put("a", "y"));
  for (const auto& [name, value] : foreign) {
    EXPECT_EQ(store_.meta("p/a")->user.at(name), value) << name;
  }
  ASSERT_TRUE(chmod("a", 0600));
  EXPECT_EQ(store_.meta("p/a")->user.at("mode"), std::to_string(0100600));
  EXPECT_EQ(store_.meta("p/a")->user.at("uid"), "nobody");
  EXPECT_THAT(fs_->setxattr(request_, inode("a"), "user.x", "1", 0),
              FailsWith(ErrorKind::Unsupported));
  EXPECT_EQ(store_.meta("p/a")->user.at("xattr"), "{\"u\":1}");
}

TEST_F(Preserving, TagsThatMayNotBeReadAreNotLost) {
  store_.set("p/a", "data", decorated());
  store_.fail(on(Op::GetTags, 0), core::fail(ErrorKind::Denied, "no"));
  EXPECT_THAT(put("a", "new"), FailsWith(ErrorKind::Denied));
  expect_kept("p/a");
}

TEST_F(Preserving, TypesFollowNames) {
  ASSERT_TRUE(put("page.html", "x"));
  EXPECT_EQ(type_of("p/page.html"), "text/html");
  ASSERT_TRUE(put("tmp", "y"));
  EXPECT_EQ(type_of("p/tmp"), "application/octet-stream");
  ASSERT_TRUE(rename("tmp", "page.html"));
  EXPECT_EQ(type_of("p/page.html"), "text/html");
  ASSERT_TRUE(mkdir("d.html"));
  EXPECT_EQ(type_of("p/d.html/"), "application/x-directory");
  options_.media_types = std::make_shared<model::MediaTypes>("text/own html");
  mount();
  ASSERT_TRUE(put("b.html", "x"));
  EXPECT_EQ(type_of("p/b.html"), "text/own");
}

}  // namespace
}  // namespace fs_test
