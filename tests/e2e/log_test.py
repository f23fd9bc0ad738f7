"""The log: whoever takes its lines, or does not, holds up nobody."""
import fcntl
import os
import subprocess
import threading
import time

import harness
from harness import until

F_SETPIPE_SZ = 1031
LOOKS = 300  # at names that are not there: each is asked of the daemon, and is a line at least


class LogTest(harness.Case):
    def look_around(self, path):
        """Looks, which takes a moment; the slowest of all. Fails, and does not hang, if nobody answers."""
        slowest = []

        def look():
            worst = 0.0
            for i in range(LOOKS):
                begun = time.monotonic()
                os.path.exists(path / f"nothing-{i}")
                worst = max(worst, time.monotonic() - begun)
            slowest.append(worst)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(60)
        self.assertFalse(thread.is_alive(), "the mount does not answer")
        print(f"slowest of {LOOKS} looks: {slowest[0] * 1000:.1f} ms")

    def small_pipe(self, descriptor):
        fcntl.fcntl(descriptor, F_SETPIPE_SZ, 4096)
        os.set_blocking(descriptor, False)
        self.addCleanup(os.close, descriptor)

    def drain(self, descriptor, text):
        try:
            while some := os.read(descriptor, 1 << 16):
                text += some
        except BlockingIOError:
            pass
        return text

    def test_a_log_file_that_nobody_reads(self):
        mount = self.mount(background=False)
        pipe = mount.log_file.with_name("pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDWR)
        self.small_pipe(reader)
        mount.command[mount.command.index("--log-file") + 1] = str(pipe)
        mount.start()
        self.look_around(mount.path)
        (mount.path / "new").write_text("content")
        self.assertEqual(self.emulator.get_object("new"), b"content")
        text = bytearray()
        until(lambda: self.drain(reader, text).count(b" answer ") > LOOKS, what="the lines that waited")
        self.look_around(mount.path)
        self.assertEqual(mount.umount().returncode, 0)
        until(lambda: not mount.alive, what="the end, with the pipe full again")
        self.assertEqual(mount.reports(), "")

    def test_a_full_pipe_as_standard_error(self):
        mount = self.mount(background=False)
        at = mount.command.index("--log-file")
        reader, writer = os.pipe()
        self.small_pipe(reader)
        with subprocess.Popen([*mount.command[:at], *mount.command[at + 2:], "-f"], env=mount.environment,
                              stdin=subprocess.DEVNULL, stderr=writer) as daemon:
            os.close(writer)
            mount.pid = daemon.pid
            self.addCleanup(daemon.kill)
            until(lambda: mount.mounted, what="the mount")
            self.look_around(mount.path)
            self.assertEqual(mount.umount().returncode, 0)
            self.assertEqual(daemon.wait(20), 0)

    def test_a_full_disk_is_counted(self):
        mount = self.mount(background=False)
        mount.command[mount.command.index("--log-file") + 1] = "/dev/full"
        mount.start()
        self.look_around(mount.path)
        until(lambda: mount.status()["metrics"]["log.dropped"] > LOOKS, what="the lost lines in the metrics")


if __name__ == "__main__":
    harness.main()
