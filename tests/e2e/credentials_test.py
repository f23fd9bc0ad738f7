"""Credentials never interrupt I/O: short tokens, a failing STS, revocation in the middle."""
import errno
import os
import random
import threading
import time

import harness
from harness import Witness, random_bytes

# How long the weather lasts: 60 s is what is promised, CI looks at less.
SECONDS = float(os.environ.get("STSFS_WEATHER_SECONDS", "20"))
RENEWALS = int(SECONDS / 6)


class Weather(harness.Case):
    def fail_half_of(self, operation, calls):
        """As a coin falls, the same way in every run: of four calls in a row, one fails at least."""
        coin = random.Random(6)
        fortunate = 0
        for call in range(calls):
            fails = coin.random() < 0.5 or fortunate == 3
            fortunate = 0 if fails else fortunate + 1
            if fails:
                self.emulator.fault(operation, "status:503", skip=call, count=1)

    def test_half_of_the_renewals_fail_and_no_program_notices(self):
        witness = Witness(self.emulator.sts_endpoint, delay=0.2)
        self.addCleanup(witness.stop)
        self.fail_half_of("AssumeRole", 200)
        m = self.mount("--sts-endpoint", witness.url, duration="6s")
        (m.path / "stable").write_bytes(random_bytes(2_000_000, 1))
        self.emulator.admin("POST", "/stats/reset")
        begun = m.status()["credentials"]
        end = time.monotonic() + SECONDS
        at_most = end + 120
        troubles = []

        def goes_on():
            """For as long as was asked, and on a slow machine until enough tokens came and went."""
            now = time.monotonic()
            return now < end or (now < at_most and
                                 m.status()["credentials"]["renewals"] - begun["renewals"] < RENEWALS)
        work = {"reads": 0, "writes": 0}

        def guard(action):
            try:
                while goes_on():
                    action()
            except Exception as trouble:  # whatever a program would have seen
                troubles.append(repr(trouble))

        def read():
            with open(m.path / "stable", "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                if file.read() != random_bytes(2_000_000, 1):
                    raise AssertionError("wrong bytes")
            work["reads"] += 1

        def write():
            name = m.path / f"w{work['writes'] % 7}"
            name.write_bytes(random_bytes(300_000, work["writes"]))
            if name.read_bytes() != random_bytes(300_000, work["writes"]):
                raise AssertionError("wrong bytes")
            os.listdir(m.path)
            work["writes"] += 1

        threads = [threading.Thread(target=guard, args=(action,)) for action in (read, read, write)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        self.assertGreater(min(work.values()), 2, work)
        renewals = m.status()["credentials"]["renewals"] - begun["renewals"]
        self.assertGreaterEqual(renewals, RENEWALS)
        self.assertGreater(self.emulator.errors("AssumeRole"), 0, "the faults did nothing")
        self.assertEqual(witness.most, 1, "more than one AssumeRole under way")
        self.assertEqual(self.emulator.signed_past_expiry, 0, "a token was used past its end")
        for operation in ("GetObject", "PutObject"):
            self.assertGreater(self.emulator.count(operation), 0)
            # On a machine that is busy enough, a request arrives when its token has just ended, or
            # the answer to it takes so long that the mount asks again.
            refused = set(self.emulator.codes(operation)) - {"SecurityTokenExpired", "(broken)"}
            self.assertEqual(refused, set(), operation)

    def test_a_token_lives_to_its_last_second_and_requests_wait_for_the_next(self):
        m = self.mount("--credential-wait", "30s", duration="4s")
        (m.path / "f").write_bytes(b"before")
        self.emulator.fault("AssumeRole", "status:503")
        threading.Timer(9, self.emulator.no_faults).start()
        harness.until(lambda: m.status()["credentials"]["degraded"] or
                      m.status()["credentials"]["seconds_left"] <= 0, 10, "renewal fails")
        begun = time.monotonic()
        while time.monotonic() < begun + 7:
            (m.path / "f").write_bytes(b"during")
            self.assertEqual((m.path / "f").read_bytes(), b"during")

    def test_a_wait_that_ends_empty_says_so_and_nothing_is_lost(self):
        m = self.mount("--credential-wait", "2s", duration="3s")
        self.emulator.fault("AssumeRole", "status:503")
        harness.until(lambda: m.status()["credentials"]["seconds_left"] < 0, 10, "the token ends")
        begun = time.monotonic()
        with self.assertRaises(OSError) as caught:
            (m.path / "late").write_bytes(b"late")
        self.assertEqual(caught.exception.errno, errno.EKEYEXPIRED)
        self.assertLess(time.monotonic() - begun, 20)
        self.emulator.no_faults()


        def works():
            try:
                return (m.path / "later").write_bytes(b"x") == 1
            except OSError:
                return False
        harness.until(works, 10, "recovery without help")


class Revocation(harness.Case):
    SIZE = 24_000_000

    def revoke_during(self, operation, action):
        """Revokes every token once a few requests of `operation` are under way in `action`."""
        before = self.emulator.count(operation)
        revoked = threading.Event()

        def watch():
            harness.until(lambda: self.emulator.count(operation) >= before + 6, 30, operation)
            self.emulator.revoke()
            revoked.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        value = action()
        self.assertTrue(revoked.is_set(), "it was over before the revocation")
        watcher.join()
        return value

    def test_in_the_middle_of_an_upload(self):
        m = self.mount("--part-size", "1MiB", "--upload-connections", "4")
        self.emulator.shape(bandwidth_per_connection="2MB/s")
        content = random_bytes(self.SIZE, 2)
        self.revoke_during("UploadPart", lambda: (m.path / "big").write_bytes(content))
        self.assertGreaterEqual(m.status()["credentials"]["rejections"], 1)
        self.emulator.shape()
        self.assertEqual((self.mount(name="fresh").path / "big").read_bytes(), content)

    def test_in_the_middle_of_a_long_read(self):
        content = random_bytes(self.SIZE, 3)
        (self.mount(name="writer").path / "big").write_bytes(content)
        m = self.mount("--connections", "4", "--read-ahead", "4MiB")
        self.emulator.shape(bandwidth_per_connection="2MB/s")
        got = self.revoke_during("GetObject", (m.path / "big").read_bytes)
        self.assertEqual(got, content)
        self.assertGreaterEqual(m.status()["credentials"]["rejections"], 1)


if __name__ == "__main__":
    harness.main()
