"""What a mount says of the objects that it makes, and how fast it may go."""
import os
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import harness
from harness import random_bytes


class ObjectOptions(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="stsfs-objects-")
        self.addCleanup(self.directory.cleanup)
        self.emulator = harness.Emulator(f"{self.directory.name}/emulator")
        self.addCleanup(self.emulator.stop)

    def mount(self, *options):
        mount = harness.Mount(self.emulator, f"{self.directory.name}/mount", *options)
        self.addCleanup(mount.stop)
        return mount

    def status_for_strangers(self, key):
        url = f"{self.emulator.oss_endpoint}/examplebucket/{key}"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_every_way_in_which_objects_are_made_says_it(self):
        self.emulator.put_object("before", b"x")
        mount = self.mount("--storage-class", "ia", "--object-acl", "public-read", "--encryption", "AES256",
                           "--multipart-threshold", "1MiB", "--part-size", "1MiB")
        (mount.path / "small").write_bytes(b"hello")
        (mount.path / "big").write_bytes(random_bytes(3_000_000, 1))
        os.rename(mount.path / "before", mount.path / "renamed")
        os.symlink("small", mount.path / "link")
        self.assertEqual(mount.umount().returncode, 0)
        mount.start()
        for name in ("small", "big"):
            self.assertEqual(os.getxattr(mount.path / name, "user.oss.storage-class"), b"IA", name)
        # The session policy allows what the ACL takes, and it is kept: no signature is needed.
        for name in ("small", "big", "link"):
            self.assertEqual(self.status_for_strangers(name), 200, name)
        # What was there before stays as it was.
        self.assertEqual(os.getxattr(mount.path / "renamed", "user.oss.storage-class"), b"Standard")
        self.assertEqual(self.status_for_strangers("renamed"), 403)
        self.emulator.put_object("private", b"x")
        self.assertEqual(self.status_for_strangers("private"), 403)

    def test_the_service_keeps_the_limits(self):
        content = random_bytes(300_000, 2)
        self.emulator.put_object("read", content)
        mount = self.mount("--download-limit", "100KiB/s", "-o", "upload_traffic_limit=819200")
        begun = time.monotonic()
        self.assertEqual((mount.path / "read").read_bytes(), content)
        self.assertGreater(time.monotonic() - begun, 1)
        begun = time.monotonic()
        (mount.path / "written").write_bytes(content)
        self.assertGreater(time.monotonic() - begun, 1)
        self.assertEqual(self.emulator.get_object("written"), content)

    def test_what_cannot_be_meant_is_refused_before_anything_is_mounted(self):
        for options, said in ((("--storage-class", "warm"), "--storage-class wants one of Standard, IA"),
                              (("--upload-limit", "1"), "--upload-limit"),
                              (("-o", "ahbe_conf=/x"), "ahbe_conf")):
            mount = harness.Mount(self.emulator, f"{self.directory.name}/refused", *options, background=False)
            done = mount.run()
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(said, done.stderr)
            self.assertFalse(mount.mounted)

    def test_hints_of_other_programs_are_ignored_aloud(self):
        mount = harness.Mount(self.emulator, f"{self.directory.name}/hints", "-o", "use_cache=/tmp,dbglevel=info",
                              background=False)
        self.addCleanup(mount.stop)
        done = mount.run()
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("-o use_cache is ignored: there is no cache on disk", done.stderr)
        mount.pid = mount.status()["pid"]


if __name__ == "__main__":
    harness.main()
