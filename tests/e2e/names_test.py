"""Second names, exchanged names, moved trees, and copies that never pass through here."""
import ctypes
import errno
import os
import subprocess
import threading

import harness
from harness import random_bytes, until

MIB = 1 << 20
AT_FDCWD = -100
RENAME_EXCHANGE = 2


class Names(harness.Case):
    def test_hard_links_are_refused_or_copies(self):
        m = self.mount()
        (m.path / "first").write_text("one")
        with self.assertRaises(PermissionError):
            os.link(m.path / "first", m.path / "second")
        self.assertEqual(m.umount().returncode, 0)
        m = self.mount("--hard-links", "copy", name="copies")
        os.link(m.path / "first", m.path / "second")
        self.assertEqual((m.path / "second").stat().st_nlink, 1)
        (m.path / "first").write_text("two")
        self.assertEqual((m.path / "second").read_text(), "one")
        self.assertEqual(self.emulator.get_object("second"), b"one")
        with self.assertRaises(FileExistsError):
            os.link(m.path / "first", m.path / "second")

    def test_trees_with_hard_links_are_copied_in(self):
        tree = self.dir / "tree"
        tree.mkdir()
        (tree / "one").write_text("shared")
        os.link(tree / "one", tree / "two")
        os.symlink("one", tree / "link")
        os.link(tree / "link", tree / "link2", follow_symlinks=False)
        m = self.mount("--hard-links", "copy")
        subprocess.run(["cp", "-a", tree, m.path / "cp"], check=True)
        subprocess.run(f"tar cf - -C {self.dir} tree | tar xf - -C {m.path}", shell=True, check=True)
        for where in ("cp", "tree"):
            self.assertEqual(sorted(os.listdir(m.path / where)), ["link", "link2", "one", "two"])
            self.assertEqual((m.path / where / "two").read_text(), "shared")
            self.assertEqual(os.readlink(m.path / where / "link2"), "one")

    def test_exchanging_two_names_is_refused_and_changes_nothing(self):
        m = self.mount()
        for name in "ab":
            (m.path / name).write_text(name)
        libc = ctypes.CDLL(None, use_errno=True)
        done = libc.renameat2(AT_FDCWD, str(m.path / "a").encode(), AT_FDCWD, str(m.path / "b").encode(),
                              RENAME_EXCHANGE)
        self.assertEqual((done, ctypes.get_errno()), (-1, errno.EINVAL))
        for name in "ab":
            self.assertEqual((m.path / name).read_text(), name)

    def test_large_files_are_copied_by_the_service(self):
        content = random_bytes(20 * MIB, 3)
        m = self.mount()
        (m.path / "a").write_bytes(content)
        os.chmod(m.path / "a", 0o640)
        before = m.status()["metrics"]
        subprocess.run(["cp", m.path / "a", m.path / "b"], check=True)
        after = m.status()["metrics"]
        self.assertEqual(after["transfer.bytes_uploaded"], before["transfer.bytes_uploaded"])
        self.assertEqual(after["fs.server_copies"], before["fs.server_copies"] + 1)
        self.assertEqual((m.path / "b").read_bytes(), content)
        self.assertEqual(self.emulator.get_object("b"), content)
        self.assertEqual((m.path / "b").stat().st_size, len(content))
        subprocess.run(["cp", "-p", "--reflink=auto", m.path / "a", m.path / "c"], check=True)
        self.assertEqual((m.path / "c").stat().st_mode & 0o7777, 0o640)
        self.assertEqual((m.path / "c").stat().st_mtime_ns, (m.path / "a").stat().st_mtime_ns)
        with open(m.path / "b", "r+b") as edited:
            edited.write(b"edited")
        self.assertEqual(self.emulator.get_object("b"), b"edited" + content[6:])
        self.assertEqual(self.emulator.get_object("a"), content)

    def test_what_the_service_may_not_copy_is_copied_here(self):
        content = random_bytes(3 * MIB, 4)
        m = self.mount()
        (m.path / "a").write_bytes(content)
        self.emulator.fault("CopyObject", "code:AccessDenied")
        subprocess.run(["cp", m.path / "a", m.path / "b"], check=True)
        self.emulator.no_faults()
        self.assertEqual(self.emulator.get_object("b"), content)
        with open(m.path / "a", "rb") as source, open(m.path / "part", "wb") as target:
            self.assertEqual(os.copy_file_range(source.fileno(), target.fileno(), MIB, 100, 50), MIB)
        self.assertEqual(self.emulator.get_object("part"), bytes(50) + content[100:100 + MIB])

    def test_a_tree_that_moves_shows_how_far_it_is(self):
        self.emulator.objects("from/f", 300, 10)
        m = self.mount()
        os.listdir(m.path)
        self.emulator.hold("CopyObject", skip=100)
        moving = threading.Thread(target=lambda: os.rename(m.path / "from", m.path / "to"))
        moving.start()
        try:
            move = until(lambda: next((r for r in m.status()["renames"] if r["objects_done"] >= 100), None),
                         what="a hundred objects are copied")
            self.assertEqual((move["from"], move["to"], move["objects"], move["bytes"]),
                             ("from/", "to/", 300, 3000))
            self.assertIn("of 300 objects", m.stsfs("status").stdout)
            until(lambda: self.emulator.held >= 60, what="64 copies are in flight")
        finally:
            self.emulator.release()
            moving.join()
        self.assertEqual(len(os.listdir(m.path / "to")), 300)
        self.assertEqual(m.status()["renames"], [])
        self.assertEqual(self.emulator.ask("HEAD", "from/f00000000")[0], 404)

    def test_holes_and_data(self):
        m = self.mount()
        with open(m.path / "a", "wb") as f:
            f.truncate(MIB)
            f.seek(8 * MIB)
            f.write(b"end")
        with open(m.path / "a", "rb") as f:
            self.assertEqual(os.lseek(f.fileno(), 0, os.SEEK_DATA), 0)
            self.assertEqual(os.lseek(f.fileno(), 0, os.SEEK_HOLE), 8 * MIB + 3)
            with self.assertRaises(OSError) as beyond:
                os.lseek(f.fileno(), 8 * MIB + 3, os.SEEK_DATA)
            self.assertEqual(beyond.exception.errno, errno.ENXIO)


if __name__ == "__main__":
    harness.main()
