"""One limit for memory: the process keeps to it, whatever is read and listed."""
import re
import subprocess
import threading

import harness

MIB = 1 << 20
LIMIT = 128 * MIB
MARGIN = 42 * MIB  # what the allocator, the kernel's accounting and the program's own pages may add
NAMES = 20_000
FILES = 4
FILE_SIZE = 96 * MIB


def peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def is_sanitized(pid):
    """Sanitizers keep several times what the program has."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        return re.search(r"lib[at]san", maps.read()) is not None


class Memory(harness.Case):
    def read_all(self, mount):
        counts = {}

        def read(path):
            with open(path, "rb", buffering=0) as file:
                total = 0
                while piece := file.read(MIB):
                    total += len(piece)
                counts[path] = total

        threads = [threading.Thread(target=read, args=(mount.path / f"big{i}-00000000",))
                   for i in range(FILES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(list(counts.values()), [FILE_SIZE] * FILES)

    def test_the_limit_is_kept_by_readers_and_listings(self):
        for i in range(FILES):
            self.emulator.objects(f"big{i}-", 1, FILE_SIZE)
        self.emulator.objects("many/f", NAMES, 10)
        m = self.mount("--memory-limit", "128MiB")
        self.read_all(m)
        after_reading = peak(m.pid)
        listed = subprocess.run(["ls", "-l", str(m.path / "many")], capture_output=True, check=True,
                                timeout=240)
        self.assertEqual(len(listed.stdout.splitlines()), NAMES + 1)
        status = m.status()
        print(f"peak {after_reading / MIB:.0f} MiB of reading, {peak(m.pid) / MIB:.0f} MiB in all; "
              f"{status['memory']}")
        self.assertEqual(status["memory"]["limit_bytes"], LIMIT)
        self.assertEqual(status["metrics"]["memory.limit_bytes"], LIMIT)
        self.assertLessEqual(status["memory"]["blocks_bytes"], LIMIT // 2)
        self.assertLess(status["files"]["inodes"], NAMES, "the kernel was asked to forget")
        if not is_sanitized(m.pid):
            self.assertLess(peak(m.pid), LIMIT + MARGIN)

    def test_direct_readers_leave_nothing_in_the_page_cache(self):
        content = bytes(range(256)) * 4096
        self.emulator.put_object("data", content)
        for options, least, most in ((), len(content), len(content)), (("--direct-io",), 0, 0):
            m = self.mount(*options)
            with self.subTest(options=options):
                self.assertEqual((m.path / "data").read_bytes(), content)
                cached = subprocess.run(["fincore", "-nb", "-o", "RES", str(m.path / "data")],
                                        capture_output=True, check=True, text=True)
                self.assertGreaterEqual(int(cached.stdout), least)
                self.assertLessEqual(int(cached.stdout), most)
            m.umount()

    def test_less_than_a_mount_needs_is_refused(self):
        m = self.mount_refused("--memory-limit", "32MiB")
        self.assertIn("64MiB", m)

    def mount_refused(self, *options):
        m = harness.Mount(self.emulator, self.dir / "refused", *options, background=False)
        done = m.run()
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr


if __name__ == "__main__":
    harness.main()
