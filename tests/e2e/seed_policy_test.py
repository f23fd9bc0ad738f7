"""A role that may only Get and Put: the mount works as far as that goes, and says where it ends."""
import errno
import os

import harness
from harness import random_bytes


class SeedPolicy(harness.Case):
    def test_reads_by_name_creates_and_refuses_to_list(self):
        full = self.mount(name="full")
        (full.path / "known").write_bytes(random_bytes(100_000, 1))
        (full.path / "dir").mkdir()
        (full.path / "dir/inside").write_bytes(b"inside")
        m = self.mount("--assume-dirs", "assumed/deep", name="seed", role=self.emulator.seed_role_arn)
        self.assertEqual((m.path / "known").read_bytes(), random_bytes(100_000, 1))
        (m.path / "created").write_bytes(b"new")
        self.assertEqual((m.path / "created").read_bytes(), b"new")
        with open(m.path / "created", "ab") as file:
            file.write(b" and more")
        self.assertEqual((full.path / "created").read_bytes(), b"new and more")
        self.assertEqual((m.path / "dir/inside").read_bytes(), b"inside")
        (m.path / "assumed/deep/file").write_bytes(b"named")
        self.assertEqual((full.path / "assumed/deep/file").read_bytes(), b"named")
        for path in (m.path, m.path / "dir"):
            with self.assertRaises(OSError) as caught:
                os.listdir(path)
            self.assertEqual(caught.exception.errno, errno.EACCES)
        with self.assertRaises(OSError) as caught:
            os.unlink(m.path / "known")
        self.assertEqual(caught.exception.errno, errno.EACCES)
        self.assertEqual((full.path / "known").read_bytes(), random_bytes(100_000, 1))
        self.assertTrue(m.alive)


class SeedPolicyWhereMissingIsDenied(SeedPolicy):
    """Services that answer 403 for a missing key to those who may not list."""
    emulator_options = ("--min-duration", "1s", "--missing-key-is-denied")


if __name__ == "__main__":
    harness.main()
