"""An s3:// mount on the emulator: everything that a program sees is as on oss://."""
import errno
import os

import harness
from harness import random_bytes


class S3(harness.Case):
    def s3(self, *options, **more):
        return self.mount(*options, **{"source": "s3://examplebucket", "role": False, **more})

    def test_files_come_back_as_they_were_written(self):
        m = self.s3("--multipart-threshold", "12MiB", "--part-size", "6MiB")
        big = random_bytes(20_000_000, 1)
        (m.path / "d").mkdir()
        (m.path / "d" / "big").write_bytes(big)
        (m.path / "d" / "big").chmod(0o640)
        (m.path / "d" / "link").symlink_to("big")
        (m.path / "d" / "odd \u00fc+%2F").write_bytes(b"odd")
        os.rename(m.path / "d", m.path / "e")
        fresh = self.s3(name="fresh")
        self.assertEqual(sorted(os.listdir(fresh.path / "e")), ["big", "link", "odd \u00fc+%2F"])
        self.assertEqual((fresh.path / "e" / "link").read_bytes(), big)
        self.assertEqual(os.readlink(fresh.path / "e" / "link"), "big")
        self.assertEqual((fresh.path / "e" / "big").stat().st_mode & 0o7777, 0o640)
        self.assertEqual((fresh.path / "e" / "odd \u00fc+%2F").read_bytes(), b"odd")
        self.assertEqual(fresh.status()["source"], "s3://examplebucket")

    def test_the_other_dialect_reads_it(self):
        (self.s3().path / "f").write_bytes(b"by s3")
        other = self.mount(name="oss")
        self.assertEqual((other.path / "f").read_bytes(), b"by s3")
        (other.path / "f").write_bytes(b"by oss")
        self.assertEqual((self.s3(name="again").path / "f").read_bytes(), b"by oss")

    def test_a_write_never_replaces_what_it_did_not_see(self):
        m = self.s3()
        other = self.mount(name="oss")  # a program started later would close the file, and so upload it
        (m.path / "f").write_bytes(b"first")
        file = os.open(m.path / "f", os.O_RDWR)
        self.addCleanup(os.close, file)
        os.write(file, b"mine")
        (other.path / "f").write_bytes(b"somebody else's")
        with self.assertRaises(OSError) as caught:
            os.fsync(file)
        self.assertEqual(caught.exception.errno, errno.ESTALE)
        self.assertEqual((m.path / "f").read_bytes(), b"somebody else's")
        self.assertEqual([n.split(".conflict-")[0] for n in os.listdir(m.path) if ".conflict-" in n], ["f"])

    def test_a_revoked_key_that_has_no_successor(self):
        m = self.s3(environment=self.emulator.assume_role(self.emulator.role_arn, 900))
        (m.path / "f").write_bytes(b"x")
        self.emulator.revoke()
        with self.assertRaises(OSError):
            (m.path / "g").write_bytes(b"y")
        self.assertGreaterEqual(m.status()["credentials"]["rejections"], 1)


if __name__ == "__main__":
    harness.main()
