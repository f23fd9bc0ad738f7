// Somebody else replaces objects under everybody who has them open, between calls and in the middle
// of them. Beside the file system runs what the kernel would keep: names, inodes and their pages.
// Every inode has exactly one content: that of the version whose number it has, and what we wrote
// over it since. All that is handed out for it is compared with that.
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "core/format.h"
#include "core/random.h"
#include "fs/numbers.h"
#include "unit/fs/fixture.h"

namespace model_test {
namespace {

using core::ErrorKind;
using fs::InodeNumber;
using fs::kRoot;
using test::FailsWith;
using test::IsOk;
using test::Op;
using namespace std::chrono_literals;

constexpr std::size_t kPage = 4096;
constexpr core::Duration kLifetime = std::chrono::seconds{1};  // of what was learnt
constexpr std::array kNames = {"a", "b", "c"};

/// Says in every eight bytes which version they are of.
std::string text_of(std::size_t version, std::size_t size) {
  const std::string run = core::format("{:07}|", version);
  std::string text;
  while (text.size() < size) {
    text += run;
  }
  text.resize(size);
  return text;
}

class Versions : public fs_test::FileSystemTest,
                 public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  struct Version {
    std::string content;
    model::ETag etag;
  };
  /// One that the kernel knows.
  struct Inode {
    std::string name;
    std::string content;
    model::ETag etag;                        ///< of the object that it stands for now
    std::optional<core::WallTime> modified;  ///< as shown; nothing: we wrote since
    std::map<std::size_t, std::string> pages;
    std::uint64_t lookups = 0;
    unsigned handles = 0;
    bool unpublished = false;
  };
  struct Handle {
    fs::FileHandle handle;
    bool writable = false;
  };
  struct Name {
    InodeNumber inode = 0;
    core::SteadyTime until;
  };

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_.below(limit)); }
  std::string any_name() { return kNames.at(below(kNames.size())); }
  static std::string key(const std::string& name) { return "p/" + name; }

  void note(std::string event) {
    events_.push_back(std::move(event));
    if (events_.size() > 60) {
      events_.erase(events_.begin());
    }
  }
  [[nodiscard]] std::string last_events() const {
    std::string text = core::format("seed {}, {} reads, after", GetParam(), reads_);
    for (const std::string& event : events_) {
      text += "\n  " + event;
    }
    return text;
  }

  // ---- somebody else

  void remember(const std::string& name, const model::ETag& etag, std::string content)
      REQUIRES(mutex_) {
    versions_[fs::number_of(key(name), etag)] = {std::move(content), etag};
    ended_[std::exchange(latest_[name], etag)] = clock_.steady_now();
  }
  void replace(const std::string& name, const std::string& content) {
    const core::MutexLock lock(mutex_);
    remember(name, store_.set(key(name), content).etag, content);
    ++replaced_;
  }
  std::string next_content() { return text_of(++made_, 1 + below(below(4) == 0 ? 60000 : 9000)); }
  void replace_any() {
    const std::string name = any_name();
    note("replace " + name);
    replace(name, next_content());
  }
  void replace_in_the_middle() {
    if (planned_.exchange(true)) {
      return;
    }
    static constexpr std::array kOps = {Op::Head, Op::Read, Op::Read, Op::List, Op::Put};
    const Op op = kOps.at(below(kOps.size()));
    const std::string name = any_name();
    note(core::format("replace {} in the middle of the next operation {}", name,
                      static_cast<int>(op)));
    store_.before(fs_test::on(op), [this, name, content = next_content()] {
      replace(name, content);
      planned_ = false;
    });
  }
  /// Who reads one file after another may be given what was there a lifetime ago.
  bool was_there_lately(const Inode& inode) {
    const core::MutexLock lock(mutex_);
    const auto ended = ended_.find(inode.etag);
    return ended != ended_.end() && clock_.steady_now() - ended->second < kLifetime;
  }
  /// What is in the bucket is no longer what the inode stands for.
  bool is_replaced(const Inode& inode) {
    return store_.version(key(inode.name)).etag != inode.etag;
  }

  // ---- the kernel

  Inode& inode_of(InodeNumber number) { return inodes_.at(number); }

  /// Attributes have come.
  void told(Inode& inode, const fs::Attributes& attributes) {
    ASSERT_EQ(attributes.size, inode.content.size()) << "inode " << attributes.inode;
    if (inode.modified) {
      ASSERT_EQ(attributes.modified, *inode.modified) << "inode " << attributes.inode;
    }
    inode.modified = attributes.modified;
  }
  /// A name has come with a lookup count.
  void named(const std::string& name, const fs::Attributes& attributes, core::Duration lifetime) {
    const InodeNumber number = attributes.inode;
    if (!inodes_.contains(number)) {
      const core::MutexLock lock(mutex_);
      ASSERT_TRUE(versions_.contains(number)) << name << " has the number of no version";
      Inode fresh;
      fresh.name = name;
      fresh.content = versions_[number].content;
      fresh.etag = versions_[number].etag;
      inodes_.emplace(number, std::move(fresh));
    }
    Inode& inode = inode_of(number);
    ++inode.lookups;
    names_[name] = {number, clock_.steady_now() + lifetime};
    ASSERT_EQ(inode.name, name);
    told(inode, attributes);
  }
  void resolve(const std::string& name) {
    const auto known = names_.find(name);
    if (known != names_.end() && known->second.until > clock_.steady_now()) {
      return;
    }
    const auto found = fs_->lookup(request_, kRoot, name);
    ASSERT_THAT(found, IsOk());
    named(name, found->attributes, found->lifetime);
  }
  void open_any() {
    if (open_.size() > 12) {
      return;
    }
    const std::string name = any_name();
    const bool writable = below(3) == 0;
    note(core::format("open {}{}", name, writable ? " to write" : ""));
    const std::size_t before = replaced_;
    for (int attempt = 0; attempt < 2; ++attempt) {  // so often the kernel tries
      ASSERT_NO_FATAL_FAILURE(resolve(name));
      const InodeNumber number = names_[name].inode;
      const auto opened = fs_->open(request_, number, writable ? O_RDWR : O_RDONLY);
      if (opened) {
        Inode& inode = inode_of(number);
        note(core::format("  is handle {} of inode {}", opened->handle.id, number));
        ++inode.handles;
        if (!opened->keep_cache) {
          inode.pages.clear();
        }
        open_.push_back({opened->handle, writable});
        ASSERT_TRUE(inode.unpublished || replaced_ != before || !is_replaced(inode) ||
                    (!writable && was_there_lately(inode)))
            << "an open sees what is there";
        return;
      }
      ASSERT_THAT(opened, FailsWith(ErrorKind::Changed));
      names_.erase(name);
    }
    ASSERT_NE(replaced_, before) << "ESTALE without a reason";
  }
  /// Brings pages, all that lack from `page` on and before `end`.
  bool fill(const Handle& one, Inode& inode, std::size_t page, std::size_t end) {
    std::size_t behind = page + 1;
    while (behind * kPage < end && !inode.pages.contains(behind)) {
      ++behind;
    }
    const std::size_t from = page * kPage;
    const auto got = read(one.handle, from, behind * kPage - from);
    if (!got) {
      ++stale_;
      EXPECT_THAT(got, FailsWith(ErrorKind::Changed));
      EXPECT_TRUE(is_replaced(inode)) << "ESTALE of what was not replaced";
      return false;
    }
    const std::string_view wanted =
        std::string_view(inode.content).substr(from, behind * kPage - from);
    EXPECT_EQ(got->size(), wanted.size()) << "a short end at " << from;
    EXPECT_TRUE(*got == wanted) << "at " << from << ": " << got->substr(0, 16) << " … for "
                                << wanted.substr(0, 16);
    for (; page < behind; ++page) {
      std::string bytes = got->substr(std::min(got->size(), page * kPage - from), kPage);
      bytes.resize(kPage);
      inode.pages[page] = std::move(bytes);
    }
    return true;
  }
  void read_piece(const Handle& one) {
    Inode& inode = inode_of(one.handle.inode);
    ++reads_;
    const std::size_t begin = below(inode.content.size());
    const std::size_t end = std::min(inode.content.size(), begin + 1 + below(3 * kPage));
    for (std::size_t page = begin / kPage; page * kPage < end; ++page) {
      if (!inode.pages.contains(page) && !fill(one, inode, page, end)) {
        return;
      }
      const std::size_t from = std::max(begin, page * kPage);
      const std::size_t size = std::min(end, (page + 1) * kPage) - from;
      ASSERT_TRUE(std::string_view(inode.pages[page]).substr(from - page * kPage, size) ==
                  std::string_view(inode.content).substr(from, size))
          << "a page of inode " << one.handle.inode << " at " << from;
    }
  }
  void read_some() {
    const Handle one = open_[below(open_.size())];
    note(core::format("read handle {}", one.handle.id));
    for (std::size_t pieces = 1 + below(48); pieces > 0; --pieces) {
      ASSERT_NO_FATAL_FAILURE(read_piece(one));
    }
  }
  void write_some() {
    const Handle one = open_[below(open_.size())];
    if (!one.writable) {
      return;
    }
    Inode& inode = inode_of(one.handle.inode);
    const std::string text = text_of(++made_, 1 + below(6000));
    const std::size_t offset = inode.content.size() < 60000 && below(4) != 0
                                   ? inode.content.size()
                                   : below(inode.content.size());
    note(core::format("write {} bytes at {} of {} to handle {}", text.size(), offset,
                      inode.content.size(), one.handle.id));
    const std::size_t end = offset + text.size();
    if (const auto status = write(one.handle, text, offset); !status) {
      ASSERT_THAT(status, FailsWith(ErrorKind::Changed));
      ASSERT_TRUE(is_replaced(inode));
      inode.pages.erase(inode.pages.lower_bound(offset / kPage),
                        inode.pages.lower_bound((end + kPage - 1) / kPage));
      return;
    }
    inode.content.resize(std::max(inode.content.size(), end));
    inode.content.replace(offset, text.size(), text);
    inode.unpublished = true;
    inode.modified.reset();
    for (std::size_t page = offset / kPage; page * kPage < end; ++page) {
      const std::size_t from = std::max(offset, page * kPage);
      const std::size_t size = std::min(end, (page + 1) * kPage) - from;
      if (size == kPage) {
        inode.pages[page].resize(kPage);
      }
      if (const auto known = inode.pages.find(page); known != inode.pages.end()) {
        known->second.replace(from - page * kPage, size, text, from - offset, size);
      }
    }
  }
  void sync(const Handle& one) {
    Inode& inode = inode_of(one.handle.inode);
    const auto status = fs_->flush(request_, one.handle);
    if (!one.writable || !inode.unpublished) {
      ASSERT_THAT(status, IsOk());
      return;
    }
    inode.unpublished = false;
    inode.modified.reset();
    if (!status) {
      ++conflicts_;
      ASSERT_THAT(status, FailsWith(ErrorKind::Changed));
      ASSERT_TRUE(is_replaced(inode));
      for (const std::string& other : store_.keys()) {
        if (other.find(".conflict-") != std::string::npos) {
          store_.erase(other);
        }
      }
      return;
    }
    const core::MutexLock lock(mutex_);
    if (store_.content(key(inode.name)) == inode.content) {
      inode.etag = store_.version(key(inode.name)).etag;
      remember(inode.name, inode.etag, inode.content);
      versions_[one.handle.inode] = {inode.content, inode.etag};  // keeps its number
    }
  }
  void close_any() {
    const std::size_t index = below(open_.size());
    const Handle one = open_[index];
    note(core::format("close handle {}", one.handle.id));
    ASSERT_NO_FATAL_FAILURE(sync(one));
    fs_->release(request_, one.handle);
    --inode_of(one.handle.inode).handles;
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  void look_at_handle() {
    const Handle one = open_[below(open_.size())];
    note(core::format("fstat handle {}", one.handle.id));
    const auto found = fs_->getattr(request_, one.handle.inode);
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(found->attributes.inode, one.handle.inode);
    told(inode_of(one.handle.inode), found->attributes);
  }
  void look_at_name() {
    const std::string name = any_name();
    note("stat " + name);
    ASSERT_NO_FATAL_FAILURE(resolve(name));
    const InodeNumber number = names_[name].inode;
    const auto found = fs_->getattr(request_, number);
    if (found) {
      ASSERT_NO_FATAL_FAILURE(told(inode_of(number), found->attributes));
      return;
    }
    ASSERT_THAT(found, FailsWith(ErrorKind::Changed));
    names_.erase(name);
    ASSERT_NO_FATAL_FAILURE(resolve(name));
  }
  void list_all() {
    note("list");
    const auto handle = fs_->opendir(request_, kRoot);
    ASSERT_TRUE(handle);
    std::set<std::string> seen;
    std::vector<fs::DirectoryEntry> complete;
    ASSERT_TRUE(fs_->readdir(request_, *handle, 0, true, [&](const fs::DirectoryEntry& entry) {
      seen.insert(entry.name);
      if (entry.complete) {
        complete.push_back(entry);
      }
      return true;
    }));
    fs_->releasedir(*handle);
    for (const fs::DirectoryEntry& entry : complete) {
      ASSERT_NO_FATAL_FAILURE(named(entry.name, entry.attributes, entry.lifetime));
    }
    for (const char* name : kNames) {
      ASSERT_TRUE(seen.contains(name)) << name;
    }
  }
  /// The kernel needs memory: names go, and inodes that nobody has open.
  void forget_all() {
    note("forget");
    names_.clear();
    for (auto at = inodes_.begin(); at != inodes_.end();) {
      if (at->second.handles > 0) {
        ++at;
        continue;
      }
      fs_->forget(at->first, at->second.lookups);
      at = inodes_.erase(at);
    }
  }
  /// So do we: pages and blocks go.
  void drop_bytes() {
    note("drop pages and blocks");
    for (auto& [number, inode] : inodes_) {
      std::erase_if(inode.pages, [&](const auto& /*page*/) { return below(2) == 0; });
    }
    downloads_->forget(model::ObjectKey(key(any_name())));
  }

  void step() {
    const std::size_t what = below(100);
    if (what < 12 || open_.empty()) {
      open_any();
    } else if (what < 52) {
      read_some();
    } else if (what < 58) {
      write_some();
    } else if (what < 68) {
      close_any();
    } else if (what < 74) {
      look_at_handle();
    } else if (what < 80) {
      look_at_name();
    } else if (what < 83) {
      list_all();
    } else if (what < 87) {
      replace_any();
    } else if (what < 90) {
      replace_in_the_middle();
    } else if (what < 94) {
      drop_bytes();
    } else if (what < 96) {
      forget_all();
    } else {
      note("time passes");
      clock_.advance(std::chrono::milliseconds(below(3000)));
    }
  }

  core::Random random_{GetParam()};
  core::Mutex mutex_{core::LockRank::App};
  std::map<InodeNumber, Version> versions_ GUARDED_BY(mutex_);  ///< all that ever were
  std::atomic<std::size_t> replaced_ = 0;
  std::map<std::string, model::ETag> latest_ GUARDED_BY(mutex_);      ///< of each name
  std::map<model::ETag, core::SteadyTime> ended_ GUARDED_BY(mutex_);  ///< when it was replaced
  std::atomic<bool> planned_ = false;
  std::size_t made_ = 0;
  std::size_t reads_ = 0;
  std::size_t stale_ = 0;
  std::size_t conflicts_ = 0;
  std::map<std::string, Name> names_;
  std::map<InodeNumber, Inode> inodes_;
  std::vector<Handle> open_;
  std::vector<std::string> events_;
};

TEST_P(Versions, NoHandleGetsBytesOfTwo) {
  for (const char* name : kNames) {
    replace(name, next_content());
  }
  while (reads_ < 50000) {
    step();
    if (HasFailure()) {
      FAIL() << last_events();
    }
  }
  EXPECT_GT(stale_, 0U);
  EXPECT_GT(conflicts_, 0U);
  while (!open_.empty()) {
    close_any();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Versions, ::testing::Range<std::uint64_t>(1, 21));

}  // namespace
}  // namespace model_test
