"""Load, a power cut, mount again: what --durability local acknowledged is there.

The state directory lies on a file system of its own, in an image behind a loop device. Nothing reaches the image but
what somebody asked to be made durable; at the cut it is copied, and the next daemon finds the copy. So whatever was
written and not flushed is lost, as it would be with the power."""
import filecmp
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

import harness
from harness import until
from kill_test import Ends

IMAGE_BYTES = 400 << 20


def run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


class Power(Ends):
    def setUp(self):
        super().setUp()
        self.image, self.cut = self.dir / "image", self.dir / "cut"
        self.state = pathlib.Path(self.dir / "local" / "state")
        self.state.mkdir(parents=True)
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        try:
            run("mkfs.ext4", "-q", self.image)
            self.attach()
        except (OSError, subprocess.CalledProcessError) as trouble:
            raise unittest.SkipTest(f"no file system in an image: {trouble}") from trouble
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.state)])

    def attach(self):
        # Nothing is written because a while has passed, only because somebody asks.
        run("mount", "-o", "loop,commit=300", self.image, self.state)

    def end(self, mount):
        os.kill(mount.pid, signal.SIGSTOP)
        # What a thread was in the middle of ends by itself.
        while True:
            shutil.copyfile(self.image, self.cut)
            if filecmp.cmp(self.image, self.cut, shallow=False):
                break
        super().end(mount)

    def before_the_next(self, mount):
        # Threads of the daemon may hold its files for a moment after its end.
        until(lambda: subprocess.run(["umount", str(self.state)], capture_output=True).returncode == 0, 10, "umount")
        os.replace(self.cut, self.image)
        self.attach()

    def test_local(self):
        self.cycles("local", "power cuts")


if __name__ == "__main__":
    harness.main()
