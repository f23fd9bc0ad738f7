"""The same random operations in two directories, one of them on a mount: what each call answers, and what is
there afterwards, has to be the same. Usage: mirror.py MOUNTED PLAIN [--seed N] [--operations N]
"""
import argparse
import errno
import os
import random
import stat

NAMES = ("a", "b", "c", "lower", "d e", "é", "x" * 60)
MOST_OPEN = 8
LARGEST = 3_000_000


class Difference(Exception):
    """What one directory did, and the other did not."""


class Mirror:
    """`roots`: the directory on the mount, and the plain one that is believed."""

    def __init__(self, roots, seed):
        self.roots = [os.fspath(root) for root in roots]
        self.random = random.Random(seed)
        self.open = []  # pairs of descriptors
        self.history = []

    # ---- doing the same twice

    def both(self, what, *calls):
        answers = []
        for call in calls:
            try:
                answers.append(call())
            except OSError as error:
                answers.append(errno.errorcode.get(error.errno, error.errno))
        shown = [a if not isinstance(a, bytes) else f"{len(a)} bytes" for a in answers]
        self.history.append(f"{what} -> {shown[1]}")
        del self.history[:-int(os.environ.get("STSFS_MIRROR_HISTORY", "40"))]
        if answers[0] != answers[1]:
            raise self.difference(f"{what}: {shown[0]} instead of {shown[1]}")
        return answers[1]

    def difference(self, what):
        return Difference(what + "\n  " + "\n  ".join(self.history))

    def at(self, what, call, *paths):
        """call(path, ...) below each root."""
        return self.both(f"{what} {' '.join(paths)}",
                         *(lambda root=root: call(*(os.path.join(root, p) for p in paths)) for root in self.roots))

    def on(self, what, call):
        """call(descriptor) of one open file."""
        index = self.random.randrange(len(self.open))
        pair = self.open[index]
        return self.both(f"{what} #{pair[1]}", *(lambda fd=fd: call(fd) for fd in pair))

    # ---- what is done

    def path(self):
        depth = self.random.choice((1, 1, 1, 2, 2, 3))
        return "/".join(self.random.choice(NAMES) for _ in range(depth))

    def bytes(self):
        size = self.random.choice((0, 1, 100, 4096, 10_000, 131_072, 300_000))
        return self.random.randbytes(size)

    def offset(self):
        return self.random.randrange(self.random.choice((10, 5_000, 200_000, LARGEST)))

    def do_open(self):
        if len(self.open) == MOST_OPEN:
            self.do_close()
        flags = self.random.choice((os.O_RDONLY, os.O_WRONLY, os.O_RDWR))
        for more, odds in ((os.O_CREAT, 0.7), (os.O_EXCL, 0.1), (os.O_TRUNC, 0.2), (os.O_APPEND, 0.2)):
            flags |= more if self.random.random() < odds else 0
        path, fds = self.path(), []

        def enter(full):
            fds.append(os.open(full, flags, 0o640))
        if self.at(f"open {flags:#o}", enter, path) is None:
            self.open.append(fds)

    def do_close(self):
        if self.open:
            pair = self.open.pop(self.random.randrange(len(self.open)))
            self.both(f"close #{pair[1]}", *(lambda fd=fd: os.close(fd) for fd in pair))

    def do_write(self):
        if self.open:
            data, at = self.bytes(), self.offset()
            self.on(f"pwrite {at}+{len(data)}", lambda fd: os.pwrite(fd, data, at))

    def do_append(self):
        if self.open:
            data = self.bytes()
            self.on(f"write {len(data)}", lambda fd: os.lseek(fd, 0, os.SEEK_END) * 0 + os.write(fd, data))

    def do_read(self):
        if self.open:
            at, count = self.offset(), self.random.choice((1, 5_000, 400_000))
            self.on(f"pread {at}+{count}", lambda fd: os.pread(fd, count, at))

    def do_truncate_open(self):
        if self.open:
            size = self.offset()
            self.on(f"ftruncate {size}", lambda fd: os.ftruncate(fd, size))

    def do_fsync(self):
        if self.open:
            self.on("fsync", os.fsync)

    def do_stat_open(self):
        if self.open:
            self.on("fstat", lambda fd: self.facts(os.fstat(fd)))

    def do_truncate(self):
        size = self.offset()
        self.at(f"truncate {size}", lambda path: os.truncate(path, size), self.path())

    def do_rename(self):
        self.at("rename", os.rename, self.path(), self.path())

    def do_unlink(self):
        self.at("unlink", os.unlink, self.path())

    def do_mkdir(self):
        self.at("mkdir", lambda path: os.mkdir(path, 0o750), self.path())

    def do_rmdir(self):
        self.at("rmdir", os.rmdir, self.path())

    def do_symlink(self):
        target = self.path()
        self.at(f"symlink {target}", lambda path: os.symlink(target, path), self.path())

    def do_chmod(self):
        mode = self.random.choice((0o600, 0o644, 0o755, 0o400))
        self.at(f"chmod {mode:o}", lambda path: os.chmod(path, mode), self.path())

    def do_utime(self):
        when = self.random.randrange(10**9) * 10**9
        self.at(f"utime {when}", lambda path: os.utime(path, ns=(when, when)), self.path())

    def do_stat(self):
        self.at("stat", lambda path: self.facts(os.stat(path)), self.path())

    def do_list(self):
        self.at("listdir", lambda path: sorted(os.listdir(path)), self.random.choice((".", self.path())))

    OPERATIONS = {do_open: 12, do_close: 9, do_write: 16, do_append: 6, do_read: 10, do_truncate_open: 3, do_fsync: 2,
                  do_stat_open: 3, do_truncate: 2, do_rename: 6, do_unlink: 4, do_mkdir: 5, do_rmdir: 2,
                  do_symlink: 2, do_chmod: 2, do_utime: 1, do_stat: 5, do_list: 4}

    # ---- what is there

    @staticmethod
    def facts(st):
        is_file = stat.S_ISREG(st.st_mode)
        return oct(st.st_mode), st.st_uid, st.st_gid, st.st_size if is_file else None

    def run(self, operations):
        chosen = self.random.choices(list(self.OPERATIONS), list(self.OPERATIONS.values()), k=operations)
        for operation in chosen:
            operation(self)

    def close_all(self):
        while self.open:
            self.do_close()

    def tree(self, root):
        """Everything below, by path."""
        found = {}
        for directory, directories, files in os.walk(root):
            for name in directories + files:
                path = os.path.join(directory, name)
                st = os.lstat(path)
                facts = self.facts(st)
                if stat.S_ISLNK(st.st_mode):
                    facts = ("link", os.readlink(path))
                elif stat.S_ISREG(st.st_mode):
                    with open(path, "rb") as file:
                        facts = (*facts, file.read())
                found[os.path.relpath(path, root)] = facts
        return found

    def compare(self, root=None):
        """All that is below `root`, or the mounted directory, with the plain one."""
        got, want = self.tree(root or self.roots[0]), self.tree(self.roots[1])
        for path in sorted(got.keys() | want.keys()):
            if got.get(path) != want.get(path):
                def short(facts):
                    return facts and tuple(f if not isinstance(f, bytes) else f"{len(f)} bytes" for f in facts)
                raise self.difference(f"{path}: {short(got.get(path))} instead of {short(want.get(path))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mounted")
    parser.add_argument("plain")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operations", type=int, default=10_000)
    options = parser.parse_args()
    mirror = Mirror((options.mounted, options.plain), options.seed)
    mirror.run(options.operations)
    mirror.compare()
    mirror.close_all()
    mirror.compare()
    print(f"seed {options.seed}: {options.operations} operations, no difference")


if __name__ == "__main__":
    main()
