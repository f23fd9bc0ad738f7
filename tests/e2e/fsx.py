"""Random operations on one file against a model in memory: read, write, append, truncate, mmap, close and
reopen, rename, fsync, another reader. Usage: fsx.py DIRECTORY [--seed N] [--operations N]
"""
import argparse
import mmap
import os
import random
import sys

LARGEST = 700_000


class Checker:
    def __init__(self, directory, seed):
        self.random = random.Random(seed)
        self.path = os.path.join(directory, f"fsx-{seed}")
        self.spare = self.path + "-renamed"
        self.model = bytearray()
        self.log = []
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)

    def note(self, *what):
        self.log.append(" ".join(map(str, what)))
        del self.log[:-30]

    def compare(self, got, first, what):
        want = bytes(self.model[first:first + len(got)]) if got else b""
        if got != want:
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
            history = "\n  ".join(self.log)
            raise AssertionError(f"{what}: {len(got)} bytes at {first}: differs at {first + at}\n  {history}")

    def span(self, limit):
        first = self.random.randrange(0, limit) if limit else 0
        return first, self.random.choice([1, 100, 4096, 30_000, 130_000])

    def write(self):
        first, size = self.span(min(len(self.model) + 50_000, LARGEST))
        size = min(size, LARGEST - first)
        data = self.random.randbytes(size)
        self.note("write", first, size)
        done = 0
        while done < size:
            done += os.pwrite(self.fd, data[done:], first + done)
        if first > len(self.model):
            self.model += bytes(first - len(self.model))
        self.model[first:first + size] = data

    def read(self):
        first, size = self.span(len(self.model) + 10)
        self.note("read", first, size)
        got = os.pread(self.fd, size, first)
        if len(got) != max(0, min(size, len(self.model) - first)):
            self.compare(got + b"?", first, "read of a wrong length")
        self.compare(got, first, "read")

    def truncate(self):
        size = self.random.choice([0, len(self.model) // 2, len(self.model) + 5000,
                                   self.random.randrange(LARGEST)])
        size = min(size, LARGEST)
        self.note("truncate", size)
        os.ftruncate(self.fd, size)
        del self.model[size:]
        self.model += bytes(size - len(self.model))

    def map_read(self):
        if not self.model:
            return
        first, size = self.span(len(self.model))
        self.note("mmap read", first, size)
        with mmap.mmap(self.fd, len(self.model), access=mmap.ACCESS_READ) as view:
            self.compare(view[first:first + size], first, "mmap read")

    def map_write(self):
        if not self.model:
            return
        first, size = self.span(len(self.model))
        size = min(size, len(self.model) - first)
        data = self.random.randbytes(size)
        self.note("mmap write", first, size)
        with mmap.mmap(self.fd, len(self.model)) as view:
            view[first:first + size] = data
            view.flush()
        self.model[first:first + size] = data

    def reopen(self):
        self.note("reopen")
        os.close(self.fd)
        if os.stat(self.path).st_size != len(self.model):
            raise AssertionError("size after close")
        self.fd = os.open(self.path, os.O_RDWR)

    def sync(self):
        self.note("fsync")
        os.fsync(self.fd)

    def rename(self):
        self.note("rename")
        os.rename(self.path, self.spare)
        self.path, self.spare = self.spare, self.path

    def second_reader(self):
        self.note("whole file by another descriptor")
        with open(self.path, "rb") as other:
            got = other.read()
        if len(got) != len(self.model):
            self.compare(got + b"?", 0, "another descriptor: length")
        self.compare(got, 0, "another descriptor")

    def run(self, operations):
        deeds = ([self.write] * 30 + [self.read] * 30 + [self.truncate] * 8 + [self.map_read] * 10 +
                 [self.map_write] * 8 + [self.reopen] * 4 + [self.sync] * 2 + [self.rename] * 1 +
                 [self.second_reader] * 2)
        for number in range(operations):
            try:
                self.random.choice(deeds)()
            except OSError as error:
                history = "\n  ".join(self.log)
                raise AssertionError(f"operation {number}: {error}\n  {history}") from error
        os.close(self.fd)
        with open(self.path, "rb") as whole:
            self.compare(whole.read(), 0, "the end")
        return bytes(self.model)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operations", type=int, default=10_000)
    options = parser.parse_args()
    Checker(options.directory, options.seed).run(options.operations)
    print(f"seed {options.seed}: {options.operations} operations, no difference")


if __name__ == "__main__":
    sys.exit(main())
