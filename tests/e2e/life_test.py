"""How a mount starts, is looked at, and ends."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import harness
from harness import Mount, random_bytes, until


class Life(harness.Case):
    keep = True

    def test_umount_returns_when_all_is_over(self):
        m = self.mount()
        (m.path / "f").write_bytes(b"x")
        done = m.umount()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertFalse(m.mounted)
        self.assertFalse(m.alive)
        self.assertEqual(list((m.directory / "run").iterdir()), [], "the control socket stays behind")
        m.start()
        self.assertEqual((m.path / "f").read_bytes(), b"x")

    def test_umount_of_a_mount_in_use_says_so_and_changes_nothing(self):
        m = self.mount()
        with open(m.path / "f", "wb") as file:
            file.write(b"begun")
            done = m.umount()
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertIn("fuser", done.stderr)
            file.write(b" and ended")
        self.assertEqual((m.path / "f").read_bytes(), b"begun and ended")
        self.assertEqual(m.umount().returncode, 0)

    def test_umount_uploads_what_is_left(self):
        m = self.mount()
        self.emulator.fault("PutObject", "status:503")
        writer = threading.Thread(target=lambda: (m.path / "late").write_bytes(b"late"))
        writer.start()
        until(lambda: m.status()["files"]["dirty"] > 0, what="a dirty file")
        threading.Timer(2, self.emulator.no_faults).start()
        writer.join(60)
        self.assertEqual(m.umount().returncode, 0)
        m.start()
        self.assertEqual((m.path / "late").read_bytes(), b"late")

    def dying_mount(self):
        """One that was unmounted from outside while the service holds the last upload."""
        m = self.mount()
        self.emulator.hold("PutObject")
        writer = subprocess.Popen([sys.executable, "-c", f"open({str(m.path / 'late')!r}, 'w').write('late')"])
        until(lambda: self.emulator.held > 0, what="the upload")
        writer.kill()
        writer.wait(60)
        until(lambda: subprocess.run(["umount", str(m.path)], capture_output=True).returncode == 0,
              what="the umount")
        return m

    def test_a_mount_waits_for_the_one_before_to_end(self):
        m = self.dying_mount()
        with concurrent.futures.ThreadPoolExecutor() as threads:
            started = threads.submit(m.start)
            until(lambda: "waiting for the daemon of the mount before" in m.log(), what="a word about it")
            self.assertFalse(started.done())
            self.emulator.release()
            started.result(60)
        self.assertEqual((m.path / "late").read_bytes(), b"late")

    def test_a_mount_waits_for_the_one_before_no_longer_than_told(self):
        m = self.dying_mount()
        m.command += ["--mount-timeout", "1s"]
        done = m.run()
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("another stsfs works for", done.stderr)
        self.emulator.release()
        until(lambda: not m.alive, what="the end of the first")

    def test_umount_frees_what_a_dead_daemon_left(self):
        m = self.mount()
        os.kill(m.pid, signal.SIGKILL)
        until(lambda: not m.alive)
        self.assertTrue(m.mounted)
        self.assertEqual(m.stsfs("status").returncode, 1)
        done = m.umount()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(m.mounted)
        m.start()
        self.assertTrue(m.alive)

    def test_a_mount_takes_the_place_of_a_dead_one(self):
        m = self.mount()
        os.kill(m.pid, signal.SIGKILL)
        until(lambda: not m.alive)
        m.start()
        (m.path / "f").write_bytes(b"x")
        self.assertEqual(m.umount().returncode, 0)
        self.assertFalse(m.mounted)

    def test_unmounting_from_outside_ends_the_daemon(self):
        m = self.mount()
        (m.path / "f").write_bytes(b"x")
        subprocess.run(["umount", m.path], check=True)
        until(lambda: not m.alive, 20, "the daemon's end")

    def test_sigterm_uploads_and_unmounts(self):
        m = self.mount()
        (m.path / "f").write_bytes(random_bytes(3_000_000, 1))
        os.kill(m.pid, signal.SIGTERM)
        until(lambda: not m.alive, 20, "the daemon's end")
        self.assertFalse(m.mounted)

    def test_the_foreground_stays_and_ends_with_zero(self):
        m = Mount(self.emulator, self.dir / "m", background=False)
        self.addCleanup(m.stop)
        process = subprocess.Popen([*m.command, "-f"], env=m.environment, stderr=subprocess.DEVNULL)
        until(lambda: m.mounted, what="the mount")
        self.assertIsNone(process.poll())
        os.listdir(m.path)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 0)
        self.assertFalse(m.mounted)

    def test_giving_up_the_wait_leaves_no_mount(self):
        self.emulator.fault("AssumeRole", "delay:5s")
        m = Mount(self.emulator, self.dir / "m", background=False)
        self.addCleanup(m.stop)
        process = subprocess.Popen(m.command, env=m.environment, stderr=subprocess.DEVNULL)
        until(lambda: self.emulator.count("AssumeRole") > 0, what="the start")
        process.kill()
        process.wait()
        time.sleep(6)  # longer than the answer takes
        self.assertFalse(m.mounted)

    def test_the_terminal_is_let_go(self):
        """Whoever waits for the end of our output does not wait for the daemon's end."""
        m = Mount(self.emulator, self.dir / "m", background=False)
        self.addCleanup(m.stop)
        done = m.run(timeout=30)  # reads standard output and error to their end
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "")
        m.pid = m.status()["pid"]

    def test_status_tells_what_an_operator_asks(self):
        m = self.mount(source="oss://examplebucket/data", duration="900s")
        (m.path / "f").write_bytes(b"x")
        status = m.status()
        self.assertEqual(status["source"], "oss://examplebucket/data")
        self.assertEqual(status["mount_point"], str(m.path))
        self.assertEqual(status["state"], "mounted")
        self.assertEqual(status["pid"], m.pid)
        self.assertEqual(status["credentials"]["role"], self.emulator.role_arn)
        self.assertTrue(status["credentials"]["access_key_id"].startswith("STS."))
        self.assertLessEqual(status["credentials"]["seconds_left"], 900)
        self.assertGreater(status["credentials"]["seconds_left"], 850)
        self.assertEqual(status["files"]["dirty"], 0)
        self.assertEqual(status["requests"]["PutObject"], 1)
        self.assertEqual(status["options"]["role-duration"], "900s")
        text = m.stsfs("status").stdout
        for word in ("oss://examplebucket/data on", "good until", "to upload", "PutObject 1"):
            self.assertIn(word, text)

    def test_a_config_file_and_the_environment_are_enough(self):
        m = Mount(self.emulator, self.dir / "m", background=False)
        self.addCleanup(m.stop)
        config = self.dir / "mount.toml"
        config.write_text(f'source = "oss://examplebucket/from-config"\nmountpoint = "{m.path}"\n'
                          f'endpoint = "{self.emulator.oss_endpoint}"\nregion = "{self.emulator.region}"\n'
                          f'state_dir = "{m.directory}/state"\nread-only = true\n'
                          f'assume-dirs = ["a", "b"]\n')
        environment = {**m.environment, "STSFS_RUNTIME_DIR": str(m.directory / "run")}
        subprocess.run([harness.STSFS, "mount", "--config", config], env=environment, check=True)
        m.pid = m.status()["pid"]
        self.assertEqual(m.status()["source"], "oss://examplebucket/from-config")
        self.assertTrue((m.path / "a").is_dir())
        with self.assertRaises(OSError):
            (m.path / "f").write_bytes(b"x")

    def test_mount_helper_serves_fstab(self):
        helper = self.dir / "mount.stsfs"
        helper.symlink_to(harness.STSFS)
        m = Mount(self.emulator, self.dir / "m", background=False)
        self.addCleanup(m.stop)
        options = (f"rw,_netdev,nofail,x-systemd.automount,noexec,url={self.emulator.oss_endpoint},"
                   f"region={self.emulator.region},state_dir={m.directory}/state,"
                   f"runtime_dir={m.directory}/run,fsname=a\\,b,allow_other")
        subprocess.run([helper, "oss://examplebucket", m.path, "-sn", "-o", options],
                       env=m.environment, check=True)
        m.pid = m.status()["pid"]
        row = next(line for line in pathlib.Path("/proc/self/mounts").read_text().split("\n")
                   if str(m.path) in line)
        for word in ("a,b ", "fuse.stsfs", "nosuid", "nodev", "noexec", "allow_other", "default_permissions"):
            self.assertIn(word, row)

    def test_two_mounts_of_one_bucket(self):
        one, two = self.mount(name="one"), self.mount(name="two")
        (one.path / "f").write_bytes(b"shared")
        until(lambda: (two.path / "f").exists(), 5, "the other mount sees it")
        self.assertEqual((two.path / "f").read_bytes(), b"shared")

    def test_whoami(self):
        command = [harness.STSFS, "whoami", "--json", "--role-arn", self.emulator.role_arn,
                   "--sts-endpoint", self.emulator.sts_endpoint, "--role-duration", "900s"]
        done = subprocess.run(command, env={**os.environ, **self.emulator.environment()},
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["role"], self.emulator.role_arn)
        self.assertIsNotNone(told["expires"])
        self.assertNotIn(self.emulator.access_key_secret, done.stdout + done.stderr)


class User(harness.Case):
    """Somebody without rights, through fusermount3."""
    ID = 65534

    def setUp(self):
        super().setUp()
        for needed in ("setpriv", "fusermount3"):
            if shutil.which(needed) is None:
                self.skipTest(f"needs {needed}")
        for folder in (self.root, self.dir):
            os.chmod(folder, 0o755)
        if self.as_user("test", "-x", harness.STSFS).returncode != 0:
            self.skipTest("the program lies where other users may not look")

        if os.stat("/dev/fuse").st_mode & 0o006 != 0o006:
            self.skipTest("users may not open /dev/fuse here")

    def as_user(self, *words, **more):
        return subprocess.run(["setpriv", f"--reuid={self.ID}", f"--regid={self.ID}", "--clear-groups", *words],
                              capture_output=True, text=True, timeout=60, **more)

    def prepared(self, *options):
        m = Mount(self.emulator, self.dir / "m", *options, background=False)
        for folder in (m.directory, m.path):
            os.chown(folder, self.ID, self.ID)
        self.addCleanup(m.stop)
        return m

    def test_mounts_and_unmounts(self):
        m = self.prepared()
        done = self.as_user(*m.command, env=m.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        status = self.as_user(harness.STSFS, "status", "--json", str(m.path), "--runtime-dir",
                              str(m.directory / "run"))
        m.pid = json.loads(status.stdout)["pid"]
        self.assertEqual(self.as_user("sh", "-c", f"echo mine > {m.path}/f; cat {m.path}/f").stdout, "mine\n")
        with self.assertRaises(OSError):
            os.listdir(m.path)  # not even root, without allow_other
        self.assertEqual(m.stsfs("status").returncode, 0)  # root may ask
        done = self.as_user(harness.STSFS, "umount", str(m.path), "--runtime-dir", str(m.directory / "run"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(m.mounted)
        harness.until(lambda: not m.alive)

    def test_may_not_let_others_in_unless_the_host_allows_it(self):
        conf = pathlib.Path("/etc/fuse.conf")
        if conf.exists() and "\nuser_allow_other" in "\n" + conf.read_text():
            self.skipTest("user_allow_other is set here")
        m = self.prepared("--allow-other")
        done = self.as_user(*m.command, env=m.environment)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("user_allow_other", done.stderr)


class Manager(harness.Case):
    def test_readiness_is_told_to_the_service_manager(self):
        m = Mount(self.emulator, self.dir / "m", background=False)
        self.addCleanup(m.stop)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.dir / "notify"))
            manager.settimeout(30)
            process = subprocess.Popen([*m.command, "-f"], stderr=subprocess.DEVNULL, env={
                **m.environment, "NOTIFY_SOCKET": str(self.dir / "notify"), "WATCHDOG_USEC": "2000000"})
            first = manager.recv(4096).decode()
            self.assertTrue(first.startswith("READY=1\nSTATUS=token good until "), first)
            self.assertTrue(m.mounted)
            heard = ""
            while "WATCHDOG=1" not in heard or "STATUS=" not in heard:
                heard += manager.recv(4096).decode() + "\n"
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)


if __name__ == "__main__":
    harness.main()
