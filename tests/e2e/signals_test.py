"""Signals: a call waits for its answer whatever a program handles, and no longer than its thread lives."""
import json
import os
import signal
import subprocess
import sys

import harness
from harness import until

# Calls of libc's own, which nobody tries again, under a timer whose handler is set without SA_RESTART.
# Arguments: a directory of the mount, the name of a large file there.
UNDER_A_TIMER = r"""
import ctypes, errno, json, mmap, os, signal, sys

libc = ctypes.CDLL(None, use_errno=True)
os.chdir(sys.argv[1])
large = sys.argv[2].encode()
calls, failed = 0, []

def call(name, *arguments):
    global calls
    calls += 1
    value = getattr(libc, name)(*arguments)
    if value < 0:
        failed.append(name + ": " + errno.errorcode[ctypes.get_errno()])
    return value

signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
buffer = mmap.mmap(-1, 1 << 20)  # aligned, for O_DIRECT
place = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(buffer)))
stat, statfs = ctypes.create_string_buffer(512), ctypes.create_string_buffer(512)
for i in range(2):
    def name(text):
        return f"{text}{i}".encode()
    call("mkdir", name("directory"), 0o755)
    call("chdir", name("directory"))
    call("chdir", b"..")
    file = call("open", name("directory") + b"/new", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
    call("write", file, b"x" * 5000, 5000)
    call("fsync", file)
    call("pwrite", file, b"y" * 5000, 5000, ctypes.c_long(2500))
    call("close", file)
    call("stat", name("directory") + b"/new", stat)
    call("chmod", name("directory") + b"/new", 0o600)
    call("truncate", name("directory") + b"/new", ctypes.c_long(100))
    call("setxattr", name("directory") + b"/new", b"user.a", b"b", 1, 0)
    call("rename", name("directory") + b"/new", name("moved"))
    call("access", name("moved"), os.R_OK)
    call("symlink", name("moved"), name("link"))
    call("readlink", name("link"), stat, 512)
    listing = call("open", b".", os.O_RDONLY | os.O_DIRECTORY)
    while call("getdents64", listing, place, 1 << 20) > 0:
        pass
    call("close", listing)
    direct = call("open", large, os.O_RDONLY | os.O_DIRECT)
    cached = call("open", large, os.O_RDONLY)
    for offset in range(0, 4 << 20, 1 << 20):
        call("pread", direct, place, 1 << 20, ctypes.c_long(offset))
        call("pread", cached, place, 4096, ctypes.c_long(offset))
    call("close", direct)
    call("close", cached)
    call("rename", name("directory"), name("directory-moved"))
    call("unlink", name("link"))
    call("unlink", name("moved"))
    call("rmdir", name("directory-moved"))
signal.setitimer(signal.ITIMER_REAL, 0)
print(json.dumps({"calls": calls, "failed": failed}))
"""

# One call that waits. Arguments: what, a path, "timer" for one whose signals are handled.
WAITING = r"""
import os, resource, signal, sys, threading

what, path, timer = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
    signal.signal(number, signal.SIG_DFL)
handled = []
signal.signal(signal.SIGUSR1, lambda *_: handled.append(1))
if timer:
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
if what == "stat":
    print(os.stat(path).st_size, len(handled))
elif what == "mkdir":
    os.mkdir(path)
elif what == "close":
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.write(file, b"content")
    os.close(file)
elif what == "exit":  # one thread waits, the other ends the process
    began = threading.Event()
    def wait():
        began.set()
        os.stat(path)
    threading.Thread(target=wait, daemon=True).start()
    began.wait()
    sys.stdin.read()
    os._exit(3)
"""


class Signals(harness.Case):

    def run_waiting(self, what, path, timer=False):
        """A program that waits in one call, at the emulator's door."""
        until(lambda: self.emulator.held == 0, 30, "those before have left")
        process = subprocess.Popen([sys.executable, "-c", WAITING, what, str(path), "timer" if timer else ""],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        until(lambda: self.emulator.held > 0 or process.poll() is not None, 30, f"{what} waits")
        self.assertIsNone(process.poll(), process.stderr)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait(30)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()

    @staticmethod
    def metrics(mount):
        return mount.status()["metrics"]

    def test_a_handled_signal_ends_no_call(self):
        self.emulator.objects("large", 1, 4 << 20)
        mount = self.mount()
        self.emulator.shape(latency="60ms")
        done = subprocess.run([sys.executable, "-c", UNDER_A_TIMER, str(mount.path), "large00000000"],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["failed"], [])
        metrics = self.metrics(mount)
        self.assertGreater(metrics["fuse.signals_outlived"], 20, told)  # they did come while calls waited
        self.assertEqual(metrics["fuse.interrupts"], 0)

    def test_a_fatal_signal_ends_a_waiting_program(self):
        mount = self.mount()
        self.emulator.put_object("there", b"x")
        self.emulator.hold("HeadObject")
        expected = 0
        for what in ("stat", "mkdir"):
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL):
                with self.subTest(what, signal=number):
                    process = self.run_waiting(what, mount.path / ("there" if what == "stat" else "new"))
                    process.send_signal(number)
                    self.assertEqual(process.wait(30), -number)
                    expected += 1
        self.assertEqual(self.metrics(mount)["fuse.interrupts"], expected)

    def test_a_fatal_signal_is_seen_behind_handled_ones(self):
        mount = self.mount()
        self.emulator.hold("HeadObject")
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number):
                before = self.metrics(mount)["fuse.signals_outlived"]
                process = self.run_waiting("stat", mount.path / "a", timer=True)
                until(lambda: self.metrics(mount)["fuse.signals_outlived"] > before, 30, "the timer's signal")
                process.send_signal(number)
                self.assertEqual(process.wait(30), -number)

    def test_a_program_ends_while_a_thread_waits(self):
        mount = self.mount()
        self.emulator.hold("HeadObject")
        process = self.run_waiting("exit", mount.path / "a")
        process.stdin.close()
        self.assertEqual(process.wait(30), 3)

    def test_a_stopped_program_gets_its_answer_when_it_goes_on(self):
        mount = self.mount()
        self.emulator.put_object("there", b"12345")
        self.emulator.hold("HeadObject")
        process = self.run_waiting("stat", mount.path / "there")
        for number in (signal.SIGUSR1, signal.SIGTSTP, signal.SIGCONT):
            process.send_signal(number)
        until(lambda: self.metrics(mount)["fuse.signals_outlived"] > 0, 30, "the signal has come")
        self.assertEqual(self.emulator.held, 1)  # the request goes on
        process.send_signal(signal.SIGCONT)
        self.emulator.release()
        out, err = process.communicate(timeout=30)
        self.assertEqual((out, err), ("5 1\n", ""))

    def test_what_a_killed_program_had_written_is_uploaded_by_the_mount(self):
        mount = self.mount()
        self.emulator.hold("PutObject")
        process = self.run_waiting("close", mount.path / "written")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), -signal.SIGTERM)
        self.emulator.release()
        until(lambda: self.emulator.get_object("written") == b"content", 60, "the upload")


if __name__ == "__main__":
    os.umask(0o022)
    harness.main()
