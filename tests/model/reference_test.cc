#include "reference.h"

#include <gtest/gtest.h>

namespace model_test {
namespace {

using core::ErrorKind;

bool is_below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + "/");
}

void collect(const std::string& at, const InodePtr& directory,
             std::map<std::string, InodePtr>& all) {
  for (const auto& [name, inode] : directory->names) {
    const std::string path = at.empty() ? name : at + "/" + name;
    all.emplace(path, inode);
    if (inode->directory) {
      collect(path, inode, all);
    }
  }
}

}  // namespace

InodePtr Reference::find(const std::string& path, Outcome* why) const {
  InodePtr at = root_;
  std::string rest = path;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
    if (!at->directory || !at->names.contains(name)) {
      if (why != nullptr) {
        *why = at->directory ? ErrorKind::NotFound : ErrorKind::NotDirectory;
      }
      return nullptr;
    }
    at = at->names.at(name);
  }
  return at;
}

Outcome Reference::place(const std::string& path, Place& place) const {
  const auto slash = path.rfind('/');
  Outcome why;
  place.directory = slash == std::string::npos ? root_ : find(path.substr(0, slash), &why);
  if (!place.directory) {
    return why;
  }
  if (!place.directory->directory) {
    return ErrorKind::NotDirectory;
  }
  place.name = path.substr(slash + 1);
  const auto at = place.directory->names.find(place.name);
  place.there = at == place.directory->names.end() ? nullptr : at->second;
  return {};
}

Outcome Reference::open(const std::string& path, bool exclusive, InodePtr& file) {
  Place at;
  if (const Outcome why = place(path, at)) {
    return why;
  }
  if (at.there && exclusive) {
    return ErrorKind::Exists;
  }
  if (at.there && at.there->directory) {
    return ErrorKind::IsDirectory;
  }
  file = at.there ? at.there : std::make_shared<Inode>();
  at.directory->names[at.name] = file;
  return {};
}

Outcome Reference::mkdir(const std::string& path) {
  Place at;
  if (const Outcome why = place(path, at)) {
    return why;
  }
  if (at.there) {
    return ErrorKind::Exists;
  }
  at.directory->names[at.name] = std::make_shared<Inode>();
  at.directory->names[at.name]->directory = true;
  return {};
}

Outcome Reference::unlink(const std::string& path) {
  Place at;
  if (const Outcome why = place(path, at)) {
    return why;
  }
  if (!at.there || at.there->directory) {
    return at.there ? ErrorKind::IsDirectory : ErrorKind::NotFound;
  }
  at.directory->names.erase(at.name);
  return {};
}

Outcome Reference::rmdir(const std::string& path) {
  Place at;
  if (const Outcome why = place(path, at)) {
    return why;
  }
  if (!at.there || !at.there->directory) {
    return at.there ? ErrorKind::NotDirectory : ErrorKind::NotFound;
  }
  if (!at.there->names.empty()) {
    return ErrorKind::NotEmpty;
  }
  at.directory->names.erase(at.name);
  return {};
}

Outcome Reference::rename(const std::string& from, const std::string& to, bool replace) {
  Place old;
  Place now;
  if (const Outcome why = place(from, old)) {
    return why;
  }
  if (const Outcome why = place(to, now)) {
    return why;
  }
  if (!old.there) {
    return ErrorKind::NotFound;
  }
  if (from == to) {
    return {};
  }
  if (now.there && !replace) {
    return ErrorKind::Exists;
  }
  if (old.there->directory && is_below(to, from)) {
    return ErrorKind::InvalidArgument;
  }
  if (now.there) {
    if (is_below(from, to)) {
      return ErrorKind::NotEmpty;
    }
    if (old.there->directory != now.there->directory) {
      return now.there->directory ? ErrorKind::IsDirectory : ErrorKind::NotDirectory;
    }
    if (!now.there->names.empty()) {
      return ErrorKind::NotEmpty;
    }
  }
  old.directory->names.erase(old.name);
  now.directory->names[now.name] = old.there;
  return {};
}

std::map<std::string, InodePtr> Reference::walk() const {
  std::map<std::string, InodePtr> all;
  collect("", root_, all);
  return all;
}

TEST(Reference, KnowsWhatRenameMayDo) {
  Reference reference;
  InodePtr file;
  EXPECT_EQ(reference.mkdir("d"), Outcome{});
  EXPECT_EQ(reference.open("d/f", true, file), Outcome{});
  EXPECT_EQ(reference.rename("d", "d/x", true), ErrorKind::InvalidArgument);
  EXPECT_EQ(reference.rename("d/f", "d", true), ErrorKind::NotEmpty);
  EXPECT_EQ(reference.rename("d/f", "g", true), Outcome{});
  EXPECT_EQ(reference.find("g"), file);
  EXPECT_EQ(reference.rename("g", "d", true), ErrorKind::IsDirectory);
  EXPECT_EQ(reference.rename("d", "g", true), ErrorKind::NotDirectory);
}

}  // namespace model_test
