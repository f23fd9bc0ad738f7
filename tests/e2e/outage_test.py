"""The service goes away under load and comes back: nothing acknowledged is lost, and the mount answers
again without help."""
import os
import threading
import time

import harness
from harness import random_bytes, until

SECONDS = float(os.environ.get("STSFS_OUTAGE_SECONDS", "6"))


class Outage(harness.Case):
    keep = True

    def load(self, m, stop):
        """Writes files until `stop`; what close() acknowledged, and what failed."""
        acknowledged, failures = {}, []

        def work(who):
            n = 0
            while not stop.is_set():
                name = f"w{who}-{n % 5}"
                seed = who * 1000 + n
                acknowledged.pop(name, None)
                try:
                    (m.path / name).write_bytes(random_bytes(150_000, seed))
                    acknowledged[name] = seed
                except OSError as error:
                    failures.append(error)
                    time.sleep(0.1)
                n += 1

        threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
        for thread in threads:
            thread.start()
        return threads, acknowledged, failures

    def weather(self, begin, end):
        m = self.mount(duration="900s")
        stop = threading.Event()
        threads, acknowledged, _ = self.load(m, stop)
        until(lambda: len(acknowledged) >= 5, 30, "some files")
        begin()
        time.sleep(SECONDS)  # the outage's own length
        end()
        until(lambda: self.readable(m), 40, "the mount answers again")
        before = m.status()["requests"].get("PutObject", 0)
        until(lambda: m.status()["requests"].get("PutObject", 0) > before + 3, 40, "writes go on")
        stop.set()
        for thread in threads:
            thread.join(120)
            self.assertFalse(thread.is_alive(), "a program hangs")
        self.assertGreaterEqual(len(acknowledged), 3)
        fresh = self.mount(name="fresh")
        for name, seed in acknowledged.items():
            self.assertEqual((fresh.path / name).read_bytes(), random_bytes(150_000, seed), name)

    def readable(self, m):
        try:
            os.listdir(m.path)
            return True
        except OSError:
            return False

    def test_killed_and_started_again(self):
        self.weather(self.emulator.kill, self.emulator.restart)

    def test_frozen_and_thawed(self):
        self.weather(self.emulator.freeze, self.emulator.thaw)


if __name__ == "__main__":
    harness.main()
