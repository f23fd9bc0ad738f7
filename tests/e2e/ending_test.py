"""How a mount ends while there is something left to upload."""
import contextlib
import errno
import os
import signal
import subprocess
import time

import harness
from harness import until

NOT_DRAINED = 9


class Ending(harness.Case):
    def foreground(self, *options):
        m = self.mount("-f", *options, background=False)
        process = subprocess.Popen(m.command, env=m.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        until(lambda: m.mounted, what="the mount is there")
        m.pid = process.pid
        return m, process

    def dirty(self, m, count):
        files = [open(m.path / f"file{i}", "wb", buffering=0) for i in range(count)]
        for file in files:
            file.write(b"precious")
        return files

    def test_a_service_that_is_gone_costs_the_drain_timeout_once_and_every_name_is_told(self):
        m, process = self.foreground("--drain-timeout", "3s")
        files = self.dirty(m, 3)
        self.emulator.fault("*", "hang")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        self.assertLess(time.monotonic() - began, 3 * 1.5 + 2)
        self.emulator.no_faults()
        self.assertEqual(code, NOT_DRAINED)
        for i in range(3):
            self.assertIn(f"file{i}", m.log())
        self.assertIn("not uploaded", m.log())
        for file in files:
            with self.assertRaises(OSError):
                os.fsync(file.fileno())

    def test_a_second_signal_ends_the_wait(self):
        m, process = self.foreground("--drain-timeout", "60s")
        files = self.dirty(m, 1)
        self.emulator.hold("PutObject")
        process.send_signal(signal.SIGTERM)
        until(lambda: self.emulator.held == 1, what="the upload is under way")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), NOT_DRAINED)
        self.assertLess(time.monotonic() - began, 10)
        self.emulator.release()
        del files

    def test_nothing_new_is_taken_while_the_rest_goes_up(self):
        m, process = self.foreground("--drain-timeout", "60s")
        files = self.dirty(m, 12)
        self.emulator.hold("PutObject")
        process.send_signal(signal.SIGTERM)
        until(lambda: self.emulator.held == 12, what="all uploads are under way side by side")
        with self.assertRaises(OSError) as refused:
            open(m.path / "new", "wb")
        self.assertEqual(refused.exception.errno, errno.EROFS)
        self.emulator.release()
        self.assertEqual(process.wait(20), 0)
        for i in range(12):
            self.assertEqual(self.emulator.get_object(f"file{i}"), b"precious")
        for file in files:
            with contextlib.suppress(OSError):  # the mount is gone
                file.close()

    def later_umount(self, m, *options):
        """A process that will unmount when told to: one that is made while files of the mount are open
        would close them first, which uploads."""
        process = subprocess.Popen(
            ["sh", "-c", 'read go; exec "$@"', "sh", harness.STSFS, "umount", str(m.path), "--runtime-dir",
             str(m.directory / "run"), *options],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        def go():
            complaint = process.communicate("go\n", timeout=60)[1]
            return process.returncode, complaint
        return go

    def test_an_unmount_names_what_is_left_and_the_mount_goes_on(self):
        m = self.mount()
        impatient = self.later_umount(m, "--timeout", "2s")
        patient = self.later_umount(m, "--timeout", "5s")
        with open(m.path / "late", "wb", buffering=0) as file:
            file.write(b"precious")
            self.emulator.hold("PutObject")
            code, complaint = impatient()
            self.assertEqual(code, NOT_DRAINED)
            self.assertIn("late (8 bytes)", complaint)
            self.emulator.release()
            file.write(b" and more")  # nobody was told that the mount ends
            self.assertEqual(patient()[0], 8, "somebody uses it")
            file.write(b" still")
        self.assertEqual(m.umount().returncode, 0)
        self.assertEqual(self.emulator.get_object("late"), b"precious and more still")

    def test_a_mount_that_is_mounted_elsewhere_too_does_not_hold_up_the_unmount(self):
        m = self.mount()
        other = self.dir / "bind"
        other.mkdir()
        subprocess.run(["mount", "--bind", m.path, other], check=True)
        try:
            ended = m.stsfs("umount", "--timeout", "3s", timeout=40)
            self.assertNotEqual(ended.returncode, 0)
            self.assertIn("elsewhere", ended.stderr)
            self.assertFalse(m.mounted)
            (other / "still").write_text("there")
        finally:
            subprocess.run(["umount", other], check=True)
        until(lambda: not m.alive, 20, "the daemon ends with its last mount")
        self.assertEqual(self.emulator.get_object("still"), b"there")

    def test_a_mount_whose_daemon_died_is_replaced(self):
        m = self.mount()
        (m.path / "a").write_text("kept")
        os.kill(m.pid, signal.SIGKILL)
        until(lambda: not m.alive, what="it is gone")
        with self.assertRaises(OSError):
            os.listdir(m.path)
        m.start()
        self.assertEqual((m.path / "a").read_text(), "kept")

    def test_statistics_show_free_inodes(self):
        m = self.mount()
        self.assertGreater(os.statvfs(m.path).f_ffree, 0)

    def test_more_files_than_a_shell_may_open(self):
        m = self.mount()
        limits = open(f"/proc/{m.pid}/limits").read()
        soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
        self.assertGreaterEqual(int(soft), min(int(hard), 1 << 20))


if __name__ == "__main__":
    harness.main()
