"""Random operations on the mount and on a local directory, on short tokens: the same answers, and the same tree,
on this mount and on a fresh one."""
import os

import harness
import mirror

OPERATIONS = int(os.environ.get("STSFS_MIRROR_OPERATIONS", "3000"))


class MirrorTest(harness.Case):
    def check(self, seed, *options):
        name = f"mirror-{seed}"
        m = self.mount(*options, duration="5s")
        (m.path / name).mkdir()
        (self.dir / name).mkdir()
        both = mirror.Mirror((m.path / name, self.dir / name), seed)
        for part in range(3):
            both.run(OPERATIONS // 3)
            both.compare()
            if part < 2:
                both.close_all()
                both.compare(self.mount(*options, name=f"fresh{part}").path / name)
        both.close_all()
        m.umount()
        both.compare(self.mount(*options, name="after").path / name)

    def test_seed_one(self):
        self.check(1)

    def test_seed_two_without_attribute_cache_and_in_parts(self):
        self.check(2, "--metadata-ttl", "0", "--multipart-threshold", "200KiB", "--part-size", "100KiB")

    def test_seed_three_with_little_memory_and_published_while_open(self):
        self.check(3, "--memory-limit", "64MiB", "--publish-after", "1s")


if __name__ == "__main__":
    harness.main()
