"""A request for bytes that is not answered keeps no program waiting."""
import time

import harness
from harness import random_bytes

SIZE = 8 << 20


class LateAnswers(harness.Case):
    def test_a_request_that_is_never_answered_is_sent_once_more(self):
        content = random_bytes(SIZE, 7)
        (self.mount().path / "a").write_bytes(content)
        m = self.mount(name="fresh")
        (m.path / "a").stat()
        self.emulator.fault("GetObject", "hang", count=1)
        began = time.monotonic()
        self.assertEqual((m.path / "a").read_bytes(), content)
        self.assertLess(time.monotonic() - began, 10)
        metrics = m.status()["metrics"]
        self.assertGreaterEqual(metrics["transfer.hedges_won"], 1)  # more on a busy machine
        self.assertEqual(metrics["transfer.bytes_downloaded"], SIZE)


if __name__ == "__main__":
    harness.main()
