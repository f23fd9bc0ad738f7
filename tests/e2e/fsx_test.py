"""Ten thousand random operations a seed, on short tokens; then what a fresh mount reads."""
import os

import fsx
import harness

OPERATIONS = int(os.environ.get("STSFS_FSX_OPERATIONS", "10000"))


class Fsx(harness.Case):
    def check(self, seed, *options):
        m = self.mount(*options, duration="5s")
        checker = fsx.Checker(str(m.path), seed)
        content = checker.run(OPERATIONS)
        fresh = self.mount(name="fresh")
        self.assertEqual((fresh.path / os.path.basename(checker.path)).read_bytes(), content)

    def test_seed_one(self):
        self.check(1)

    def test_seed_two_without_attribute_cache_and_in_parts(self):
        self.check(2, "--metadata-ttl", "0", "--multipart-threshold", "200KiB", "--part-size", "100KiB")


if __name__ == "__main__":
    harness.main()
