"""Changes of big objects move what was changed: counted at the service's door."""
import errno
import os

import harness

BIG = 256 << 20
KIB = 1 << 10


class Partial(harness.Case):
    def setUp(self):
        super().setUp()
        self.emulator.objects("big", 1, BIG)
        self.key = "big00000000"
        self.before = self.emulator.get_object(self.key)
        self.m = self.mount("--metadata-ttl", "0s")
        self.path = self.m.path / self.key
        self.path.stat()
        self.emulator.admin("POST", "/stats/reset")

    def moved(self):
        """Bytes of content that went either way, and requests of each kind."""
        stats = self.emulator.stats()
        down = sum(one["bytes_out"] for name, one in stats.items() if name == "GetObject")
        up = sum(one["bytes_in"] for name, one in stats.items()
                 if name in ("PutObject", "UploadPart", "AppendObject"))
        return down + up, {name: one["count"] for name, one in stats.items() if one["count"]}

    def check(self, expected):
        self.assertEqual(self.emulator.get_object(self.key), bytes(expected))
        self.assertEqual(self.path.read_bytes(), bytes(expected))

    def overwrite(self, offset, data):
        with open(self.path, "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), data, offset)

    def test_four_kib_in_the_middle(self):
        data = harness.random_bytes(4096, 1)
        self.overwrite(100_000_001, data)
        total, requests = self.moved()
        self.assertLessEqual(total, 400 * KIB, requests)
        self.assertLessEqual(total, 220 * KIB, requests)
        self.assertEqual(requests.get("InitiateMultipartUpload"), 1)
        self.assertEqual(requests.get("CompleteMultipartUpload"), 1)
        self.assertEqual(requests.get("UploadPart"), 1)
        self.assertLessEqual(requests.get("UploadPartCopy"), 8)
        expected = bytearray(self.before)
        expected[100_000_001:100_000_001 + 4096] = data
        self.check(expected)

    def test_a_line_at_the_end(self):
        with open(self.path, "ab") as file:
            file.write(b"one line\n")
        total, requests = self.moved()
        self.assertLessEqual(total, 4 * KIB, requests)
        self.assertNotIn("GetObject", requests)
        self.check(self.before + b"one line\n")

    def test_it_goes_on_over_what_was_synced(self):
        with open(self.path, "ab", buffering=0) as file:
            for i in range(5):
                file.write(b"line %d\n" % i)
                os.fsync(file.fileno())
        total, requests = self.moved()
        self.assertLessEqual(total, 400 * KIB, requests)
        self.assertEqual(requests.get("CompleteMultipartUpload"), 5)
        self.check(self.before + b"".join(b"line %d\n" % i for i in range(5)))

    def test_somebody_else_replaces_it_while_it_is_open(self):
        file = os.open(self.path, os.O_RDWR)
        os.pwrite(file, b"ours", 1 << 20)
        self.emulator.put_object(self.key, b"theirs")
        with self.assertRaises(OSError) as refused:
            os.fsync(file)
        self.assertEqual(refused.exception.errno, errno.ESTALE)
        os.close(file)
        self.assertEqual(self.emulator.get_object(self.key), b"theirs")
        kept = [name for name in os.listdir(self.m.path) if ".conflict-" in name]
        self.assertEqual(len(kept), 1)
        content = self.emulator.get_object(kept[0])
        self.assertEqual(len(content), BIG)
        self.assertEqual(content[1 << 20:(1 << 20) + 4], b"ours")
        self.assertFalse([name for name in os.listdir(self.m.path) if ".zeros-" in name])

    def test_lost_answers_to_copies(self):
        self.emulator.fault("UploadPartCopy", "lost-response", count=2)
        self.overwrite(1000, b"changed")
        expected = bytearray(self.before)
        expected[1000:1007] = b"changed"
        self.check(expected)

    def test_a_hole_of_a_hundred_gib(self):
        size = 100 << 30
        path = self.m.path / "sparse"
        with open(path, "wb", buffering=0) as file:
            os.pwrite(file.fileno(), b"begin", 0)
            os.pwrite(file.fileno(), b"middle", 50 << 30)
            os.ftruncate(file.fileno(), size)
        total, requests = self.moved()
        self.assertLessEqual(total, 4 << 20, requests)
        fresh = self.mount(name="fresh")
        with open(fresh.path / "sparse", "rb") as file:
            self.assertEqual(os.fstat(file.fileno()).st_size, size)
            self.assertEqual(os.pread(file.fileno(), 8, 0), b"begin\0\0\0")
            self.assertEqual(os.pread(file.fileno(), 8, (50 << 30) - 1), b"\0middle\0")
            self.assertEqual(os.pread(file.fileno(), 8, size - 4), b"\0\0\0\0")

    def test_an_appendable_log_stays_one(self):
        status, _ = self.emulator.ask("POST", "app.log", b"line 0\n", resource="?append&position=0")
        self.assertEqual(status, 200)
        with open(self.m.path / "app.log", "ab", buffering=0) as file:
            for i in range(1, 4):
                file.write(b"line %d\n" % i)
                os.fsync(file.fileno())
        self.assertEqual(self.emulator.get_object("app.log"), b"line 0\nline 1\nline 2\nline 3\n")
        self.assertEqual(self.emulator.head("app.log")["x-oss-object-type"], "Appendable")

    def test_what_stays_open_is_published(self):
        m = self.mount("--publish-after", "1s", name="open")
        with open(m.path / "open.log", "ab", buffering=0) as file:
            file.write(b"a line\n")
            harness.until(lambda: self.emulator.get_object("open.log") == b"a line\n", 20)
            file.write(b"another\n")
            harness.until(lambda: self.emulator.get_object("open.log") == b"a line\nanother\n", 20)


if __name__ == "__main__":
    harness.main()
