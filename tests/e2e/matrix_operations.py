"""What programs do in the cells of credential_matrix.py."""
import errno
import os
import shutil
import threading

from harness import random_bytes


class Deviation(Exception):
    """What a cell did, and should not have done."""


def check(condition, what):
    if not condition:
        raise Deviation(what)


class Operation:
    """Made in a cell whose mount is ready. prepare() in fair weather; run() is what a program does; held are the requests of which the first meets the weather."""
    held = {}            # operations of the service, any of them, and how many of each pass before
    options = ()
    s3_options = None    # where they are others

    def __init__(self, cell):
        self.cell = cell
        self.path = cell.mount.path
        self.met = threading.Event()  # the weather has begun, and one request stands in it

    def key(self, name):
        return f"{self.cell.prefix}/{name}"

    def bucket(self, name):
        return self.cell.emulator.get_object(self.key(name))

    def put(self, name, content):
        self.cell.emulator.put_object(self.key(name), content)

    def prepare(self):
        pass

    def succeeded(self):
        """After run() came back."""

    def failed(self):
        """After run() ended with an error, and before the weather is fair again."""

    def again(self):
        """Once the weather is fair: what the program can do then; OSError if it cannot yet."""
        self.run()
        self.succeeded()

    def close(self):
        pass


class LookUp(Operation):
    held = {"HeadObject": 0}

    def prepare(self):
        self.content = random_bytes(1234, 1)
        self.put("found", self.content)

    def run(self):
        self.size = os.stat(self.path / "found").st_size

    def succeeded(self):
        check(self.size == 1234, f"a size of {self.size}")


class ReadDirectory(Operation):
    COUNT = 2500
    held = {"ListObjectsV2": 1}
    options = ("--metadata-ttl", "30s")

    def prepare(self):
        self.cell.emulator.objects(self.key("many/f"), self.COUNT, 10)
        self.directory = os.open(self.path / "many", os.O_RDONLY | os.O_DIRECTORY)

    def run(self):
        self.names = os.listdir(self.directory)

    def succeeded(self):
        check(sorted(self.names) == [f"f{i:08}" for i in range(self.COUNT)],
              f"a listing of {len(self.names)} names")

    def close(self):
        os.close(self.directory)


class RangedRead(Operation):
    held = {"GetObject": 0}
    SIZE, FIRST, COUNT = 12_000_000, 9_000_001, 1_000_000

    def prepare(self):
        self.content = random_bytes(self.SIZE, 2)
        self.put("big", self.content)
        self.file = os.open(self.path / "big", os.O_RDONLY)

    def run(self):
        self.got = os.pread(self.file, self.COUNT, self.FIRST)

    def succeeded(self):
        check(self.got == self.content[self.FIRST:self.FIRST + self.COUNT], "wrong bytes")

    def close(self):
        os.close(self.file)


class SequentialRead(RangedRead):
    held = {"GetObject": 2}
    options = ("--read-ahead", "4MiB", "--connections", "4")
    SIZE, PIECE = 24_000_000, 500_000

    def run(self):
        os.posix_fadvise(self.file, 0, 0, os.POSIX_FADV_DONTNEED)
        at = 0
        while at < self.SIZE:
            piece = os.pread(self.file, self.PIECE, at)
            check(piece and piece == self.content[at:at + len(piece)], f"wrong bytes from {at} on")
            at += len(piece)

    def succeeded(self):
        pass


class Write(Operation):
    """What was written is still read while it is not uploaded, and gets into the bucket by itself."""
    SIZE = 100_000
    name = "written"

    def prepare(self):
        self.content = random_bytes(self.SIZE, 3)

    def run(self):
        (self.path / self.name).write_bytes(self.content)

    def succeeded(self):
        check(self.bucket(self.name) == self.content, "close() acknowledged what is not in the bucket")

    def failed(self):
        check((self.path / self.name).read_bytes() == self.content, "what was written reads otherwise")
        check(self.bucket(self.name) in (None, self.content), "wrong bytes in the bucket")

    def again(self):
        check((self.path / self.name).read_bytes() == self.content, "what was written is lost")
        if self.bucket(self.name) != self.content:
            raise OSError(errno.EAGAIN, "not uploaded yet")


class SmallPut(Write):
    held = {"PutObject": 0}


class Multipart(Write):
    held = {"UploadPart": 3}
    options = ("--multipart-threshold", "1MiB", "--part-size", "1MiB", "--upload-connections", "3")
    s3_options = ("--multipart-threshold", "5MiB", "--part-size", "5MiB", "--upload-connections", "3")
    SIZE = 8_400_000
    S3_SIZE = 24_000_000  # parts are larger there

    def prepare(self):
        self.content = random_bytes(self.S3_SIZE if self.cell.dialect == "s3" else self.SIZE, 3)


class StreamedPart(Multipart):
    """The first part meets the weather while the program is still writing."""
    # S3 dates what it joins by when that began, so nothing is sent ahead where attributes are exact.
    s3_options = (*Multipart.s3_options, "--attributes", "plain")
    held = {"UploadPart": 0}

    def run(self):
        half = len(self.content) // 2
        with open(self.path / self.name, "wb", buffering=0) as file:
            file.write(self.content[:half])
            check(self.met.wait(30), "no part goes up before close")
            file.write(self.content[half:])


class Complete(Multipart):
    held = {"CompleteMultipartUpload": 0}


class Copy(Operation):
    """A file is renamed: there is never neither name."""
    held = {"CopyObject": 0}

    def prepare(self):
        self.content = random_bytes(200_000, 4)
        self.put("old", self.content)

    def run(self):
        os.rename(self.path / "old", self.path / "new")

    def succeeded(self):
        check((self.path / "new").read_bytes() == self.content, "the new name has other bytes")
        check(self.bucket("new") == self.content, "the bucket has other bytes")
        check(self.bucket("old") is None, "the old name is still there")

    def failed(self):
        check(self.bucket("old") == self.content, "the old name is gone")


class Tree(Operation):
    COUNT = 30

    def prepare(self):
        self.contents = {f"f{i}": random_bytes(1000 + i, i) for i in range(self.COUNT)}
        for name, content in self.contents.items():
            self.put(f"tree/{name}", content)
        check(len(os.listdir(self.path / "tree")) == self.COUNT, "the tree is not there")

    def tree_in_bucket(self, directory):
        return {name: self.bucket(f"{directory}/{name}") for name in self.contents}

    def whole(self, directory):
        return self.tree_in_bucket(directory) == self.contents

    def gone(self, directory):
        return not any(content is not None for content in self.tree_in_bucket(directory).values())


class RenameDirectory(Tree):
    held = {"CopyObject": 10}
    target = "moved"

    def run(self):
        os.rename(self.path / "tree", self.path / self.target)

    def succeeded(self):
        read = {entry.name: entry.read_bytes() for entry in (self.path / self.target).iterdir()}
        check(read == self.contents, "the moved tree has other files")
        check(self.whole(self.target), "the bucket has other files under the new name")
        check(self.gone("tree"), "the old tree is still there")

    def failed(self):
        check(self.whole("tree"), "the old tree is no longer whole")


class DeleteMany(RenameDirectory):
    """The sources of a renamed directory go in one request, when everything is copied."""
    held = {"DeleteMultipleObjects": 0}

    def failed(self):
        check(self.whole(self.target), "the new tree is not whole")

    def again(self):
        read = {entry.name: entry.read_bytes() for entry in (self.path / self.target).iterdir()}
        check(read == self.contents, "the moved tree has other files")
        if os.path.isdir(self.path / "tree"):
            shutil.rmtree(self.path / "tree")
        self.succeeded()


class RemoveTree(Tree):
    # What follows the first eight, which are waited for: one name alone, if the service is quick.
    held = {"DeleteObject": 8, "DeleteMultipleObjects": 0}

    def run(self):
        shutil.rmtree(self.path / "tree")

    def succeeded(self):
        check(self.gone("tree"), "something is left")
        check(not os.path.exists(self.path / "tree"), "the tree is still shown")

    def failed(self):
        left = {name: content for name, content in self.tree_in_bucket("tree").items() if content}
        check(len(left) >= self.COUNT - 12, f"only {len(left)} files are left")


OPERATIONS = {"lookup": LookUp, "readdir": ReadDirectory, "ranged-read": RangedRead,
              "sequential-read": SequentialRead, "small-put": SmallPut, "multipart-part": Multipart,
              "streamed-part": StreamedPart, "complete": Complete, "copy": Copy, "rename-directory": RenameDirectory,
              "delete-many": DeleteMany, "remove-tree": RemoveTree}
