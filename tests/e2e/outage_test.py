"""The service goes away under load and comes back: nothing acknowledged is lost, and the mount answers
again without help."""
import itertools
import multiprocessing
import os
import time

import harness
from harness import random_bytes, until

SECONDS = float(os.environ.get("STSFS_OUTAGE_SECONDS", "6"))


def program(directory, who, stop, count, done):
    """Writes files until `stop`, and tells which of them close() acknowledged in the end."""
    acknowledged = {}
    for n in itertools.count():
        if stop.is_set():
            break
        name, seed = f"w{who}-{n % 5}", who * 1000 + n
        acknowledged.pop(name, None)
        try:
            (directory / name).write_bytes(random_bytes(150_000, seed))
            acknowledged[name] = seed
            with count.get_lock():
                count.value += 1
        except OSError:
            time.sleep(0.1)
    done.put(acknowledged)


class Outage(harness.Case):
    keep = True

    def weather(self, begin, end):
        m = self.mount(duration="900s")
        # Programs are processes of their own: this one starts others, which would close their files.
        context = multiprocessing.get_context("fork")
        stop, count, done = context.Event(), context.Value("i", 0), context.SimpleQueue()
        programs = [context.Process(target=program, args=(m.path, who, stop, count, done)) for who in range(3)]
        for each in programs:
            each.start()
            self.addCleanup(each.kill)
        until(lambda: count.value >= 5, 30, "some files")
        begin()
        time.sleep(SECONDS)  # the outage's own length
        end()
        until(lambda: self.readable(m), 40, "the mount answers again")
        before = m.status()["requests"].get("PutObject", 0)
        until(lambda: m.status()["requests"].get("PutObject", 0) > before + 3, 40, "writes go on")
        stop.set()
        for each in programs:
            each.join(120)
            self.assertFalse(each.is_alive(), "a program hangs")
            self.assertEqual(each.exitcode, 0)
        acknowledged = {name: seed for _ in programs for name, seed in done.get().items()}
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
