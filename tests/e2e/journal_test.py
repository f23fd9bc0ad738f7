"""What a killed daemon had promised is kept by the next one, and what it had begun is ended."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import harness
from harness import random_bytes, until

SMALL = 16 << 10


def kill(mount):
    """As a crash would end it."""
    os.kill(mount.pid, signal.SIGKILL)
    until(lambda: not mount.alive, 10, "its end")
    subprocess.run(["umount", "-l", str(mount.path)], check=True)


class Uploads(harness.Case):
    def test_the_next_mount_aborts_what_was_begun_and_nothing_else(self):
        first = self.mount("--multipart-threshold", "1MiB", "--part-size", "1MiB", name="m")
        other = self.mount("--multipart-threshold", "1MiB", "--part-size", "1MiB", name="other")
        theirs = open(other.path / "theirs", "wb")
        big = os.open(first.path / "big", os.O_CREAT | os.O_WRONLY)
        os.write(big, random_bytes(8 << 20, 1))
        theirs.write(random_bytes(8 << 20, 1))
        theirs.flush()
        for mount in (first, other):
            until(lambda m=mount: m.status()["metrics"]["journal.uploads"] == 1, 10, "the upload")
        kill(first)
        with contextlib.suppress(OSError):
            os.close(big)
        first.start()
        until(lambda: first.status()["metrics"]["journal.uploads"] == 0, 20, "the end of what was left")
        self.assertEqual(self.emulator.count("AbortMultipartUpload"), 1)
        theirs.close()
        self.assertEqual(self.emulator.get_object("theirs"), random_bytes(8 << 20, 1))


class Local(harness.Case):
    def local(self, *options, name="m"):
        return self.mount("--durability", "local", *options, name=name)

    def test_close_does_not_wait_for_the_bucket(self):
        m = self.local()
        self.emulator.fault("PutObject", "status:503", count=1000)
        (m.path / "a").write_bytes(b"safe")
        self.assertEqual((m.path / "a").read_bytes(), b"safe")
        self.assertIn("a", os.listdir(m.path))
        self.assertIn(os.getxattr(m.path / "a", "user.oss.pending")[:7], (b"waiting", b"uploadi", b"failed:"))
        self.assertEqual(m.status()["files"]["safe_here"], 1)
        self.emulator.no_faults()
        until(lambda: m.status()["files"]["dirty"] == 0, 60, "the upload")
        self.assertEqual(self.emulator.get_object("a"), b"safe")

    def test_what_was_acknowledged_survives_a_kill_under_load(self):
        m = self.local()
        (m.path / "d").mkdir()
        self.emulator.fault("PutObject", "status:503", count=100000)
        acknowledged = {}
        stop = threading.Event()

        def write(worker):
            n = 0
            while not stop.is_set():
                name, content = f"d/{worker}-{n}", random_bytes(SMALL, worker * 100000 + n)
                try:
                    (m.path / name).write_bytes(content)
                except OSError:
                    return
                acknowledged[name] = content
                n += 1

        threads = [threading.Thread(target=write, args=(w,)) for w in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        os.kill(m.pid, signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        subprocess.run(["umount", "-l", str(m.path)], check=True)
        self.assertGreater(len(acknowledged), 20)
        m.start()
        for name, content in acknowledged.items():
            self.assertEqual((m.path / name).read_bytes(), content, name)
        self.emulator.no_faults()
        until(lambda: m.status()["files"]["dirty"] == 0, 60, "the uploads")
        for name, content in acknowledged.items():
            self.assertEqual(self.emulator.get_object(name), content, name)

    def test_copies_of_the_state_at_any_moment_lose_nothing(self):
        m = self.local()
        self.emulator.fault("PutObject", "status:503", count=100000)
        state = pathlib.Path(m.directory) / "state"
        for n in range(12):
            (m.path / f"f{n}").write_bytes(random_bytes(SMALL, n))
        copy = pathlib.Path(m.directory) / "copy"
        shutil.copytree(state, copy, ignore=shutil.ignore_patterns("lock"))
        kill(m)
        shutil.rmtree(state)
        copy.rename(state)
        m.start()
        for n in range(12):
            self.assertEqual((m.path / f"f{n}").read_bytes(), random_bytes(SMALL, n))
        self.emulator.no_faults()
        until(lambda: m.status()["files"]["dirty"] == 0, 60, "the uploads")

    def test_rename_and_unlink_before_the_upload(self):
        m = self.local()
        (m.path / "r").mkdir()
        (m.path / "r/target").write_bytes(b"old")
        until(lambda: m.status()["files"]["dirty"] == 0, 30, "the upload")
        self.emulator.fault("PutObject", "status:503", count=100000)
        (m.path / "r/temporary").write_bytes(b"new")
        os.rename(m.path / "r/temporary", m.path / "r/target")
        (m.path / "r/gone").write_bytes(b"x")
        os.unlink(m.path / "r/gone")
        self.assertEqual((m.path / "r/target").read_bytes(), b"new")
        self.assertEqual(sorted(os.listdir(m.path / "r")), ["target"])
        kill(m)
        m.start()
        self.assertEqual(sorted(os.listdir(m.path / "r")), ["target"])
        self.assertEqual((m.path / "r/target").read_bytes(), b"new")
        self.emulator.no_faults()
        until(lambda: m.status()["files"]["dirty"] == 0, 60, "the upload")
        self.assertEqual(self.emulator.get_object("r/target"), b"new")
        self.assertEqual(m.status()["files"]["conflicts"], 0)

    def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(self):
        m = self.local()
        (m.path / "a").write_bytes(b"base")
        until(lambda: m.status()["files"]["dirty"] == 0, 30, "the upload")
        self.emulator.fault("PutObject", "status:503", count=100000)
        (m.path / "a").write_bytes(b"ours")
        kill(m)
        self.emulator.no_faults()
        self.emulator.put_object("a", b"theirs")
        m.start()
        until(lambda: m.status()["files"]["conflicts"] == 1, 60, "the conflict")
        self.assertEqual(self.emulator.get_object("a"), b"theirs")
        kept = [name for name in os.listdir(m.path) if name.startswith("a.conflict-")]
        self.assertEqual([(m.path / name).read_bytes() for name in kept], [b"ours"])

    def test_what_cannot_be_uploaded_at_the_end_stays_for_the_next_mount(self):
        m = self.local("--drain-timeout", "2s")
        self.emulator.fault("PutObject", "status:503", count=100000)
        (m.path / "closed").write_bytes(b"closed")
        still = os.open(m.path / "open", os.O_CREAT | os.O_WRONLY)
        os.write(still, b"open")
        os.kill(m.pid, signal.SIGTERM)
        until(lambda: not m.alive, 30, "its end")
        with contextlib.suppress(OSError):
            os.close(still)
        self.assertIn("drain.kept", m.log())
        m.start()
        self.assertEqual((m.path / "open").read_bytes(), b"open")
        ended = m.umount("--timeout", "2s")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        until(lambda: not m.alive, 30, "its end")
        self.emulator.no_faults()
        m.start()
        self.assertEqual((m.path / "closed").read_bytes(), b"closed")
        self.assertEqual((m.path / "open").read_bytes(), b"open")
        until(lambda: m.status()["files"]["dirty"] == 0, 60, "the uploads")
        self.assertEqual(self.emulator.get_object("open"), b"open")

    def test_a_change_of_a_big_object_is_in_the_bucket_after_close(self):
        m = self.local("--multipart-threshold", "1MiB", "--part-size", "1MiB")
        content = bytearray(random_bytes(8 << 20, 1))
        self.emulator.put_object("big", bytes(content))
        with open(m.path / "big", "r+b") as file:
            file.seek(5 << 20)
            file.write(b"changed")
        content[5 << 20 : (5 << 20) + 7] = b"changed"
        self.assertEqual(self.emulator.get_object("big"), bytes(content))
        self.assertEqual(m.status()["files"]["dirty"], 0)

    def test_an_upload_goes_on_where_a_kill_ended_it(self):
        m = self.local("--multipart-threshold", "1MiB", "--part-size", "1MiB", "--upload-connections", "2")
        begun, sent = (self.emulator.count(what) for what in ("InitiateMultipartUpload", "UploadPart"))
        content = random_bytes(24 << 20, 7)
        self.emulator.shape(bandwidth_per_connection="2MB/s")
        (m.path / "big").write_bytes(content)
        until(lambda: self.emulator.count("UploadPart") - sent >= 10, 60, "some parts")
        kill(m)
        self.emulator.shape()
        m.start()
        self.assertEqual((m.path / "big").read_bytes(), content)
        until(lambda: m.status()["files"]["dirty"] == 0, 60, "the upload")
        self.assertEqual(self.emulator.get_object("big"), content)
        self.assertEqual(self.emulator.count("InitiateMultipartUpload") - begun, 1)
        self.assertLessEqual(self.emulator.count("UploadPart") - sent, 24 + 6)
        until(lambda: m.status()["metrics"]["journal.uploads"] == 0, 10, "its end in the journal")

    def test_the_journal_of_another_bucket_is_left_alone(self):
        m = self.local()
        self.emulator.fault("PutObject", "status:503", count=100000)
        (m.path / "a").write_bytes(b"ours")
        kill(m)
        m.command = [word.replace("oss://examplebucket", "oss://examplebucket/below") for word in m.command]
        refused = m.run()
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("1 files that are not uploaded", refused.stderr)
        m.command = [word.replace("/below", "") for word in m.command]
        m.start()
        self.assertEqual((m.path / "a").read_bytes(), b"ours")
        self.emulator.no_faults()


if __name__ == "__main__":
    harness.main()
