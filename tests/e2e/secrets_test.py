"""No secret shows anywhere but where it is used: canaries at trace level."""
import json
import os
import pathlib
import resource
import subprocess
import time

import harness


class Secrets(harness.Case):
    def assert_clean(self, data, where):
        for secret in self.secrets:
            self.assertNotIn(secret, data, f"a secret shows in {where}")

    def test_nothing_shows_a_secret(self):
        m = self.mount("--log-level", "trace", duration="2s")
        self.secrets = [self.emulator.access_key_secret.encode()]
        self.exercise_and_look(m)

    def test_nothing_shows_a_session_that_was_given(self):
        """The same with a token as canary, from the environment and then from a file."""
        given = self.emulator.assume_role(self.emulator.role_arn, 900)
        self.secrets = [value.encode() for name, value in given.items() if not name.endswith("KEY_ID")]
        self.exercise_and_look(self.mount("--log-level", "trace", role=False, environment=given))
        keys = self.dir / "keys"
        keys.write_text("[default]\naccess_key_id={}\naccess_key_secret={}\nsecurity_token={}\n".format(
            given["ALIBABA_CLOUD_ACCESS_KEY_ID"], given["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            given["ALIBABA_CLOUD_SECURITY_TOKEN"]))
        keys.chmod(0o600)
        self.exercise_and_look(self.mount("--log-level", "trace", "--credentials-file", str(keys),
                                          name="file", role=False, environment={}))

    def test_nothing_shows_what_other_sources_hold(self):
        """The same through a program that complains with its own secrets, a rotated directory, a key
        file and the CLI's profile; what they hold shows in none of their children either."""
        given = self.emulator.assume_role(self.emulator.role_arn, 900)
        names = ("AccessKeyId", "AccessKeySecret", "SecurityToken")
        triple = dict(zip(names, given.values()))
        key = (self.emulator.access_key_id, self.emulator.access_key_secret)
        self.secrets = [triple["AccessKeySecret"].encode(), triple["SecurityToken"].encode(), key[1].encode()]
        held = self.dir / "held"
        held.mkdir()
        for name, text in triple.items():
            (held / name).write_text(text)
            (held / name).chmod(0o600)
        passwd = self.private("passwd", ":".join(key))
        config = self.private("config.json", json.dumps({"current": "a", "profiles": [
            {"name": "a", "mode": "RamRoleArn", "access_key_id": key[0], "access_key_secret": key[1],
             "ram_role_arn": self.emulator.role_arn, "expired_seconds": 2}]}))
        answer = self.private("answer.json", json.dumps(triple))
        program = self.private("program", f"#!/bin/sh\ncat {answer} >&2\ncat {answer}\n")
        program.chmod(0o700)
        for number, words in enumerate((
                ["--credential-process", str(program)], ["--credentials-dir", str(held)],
                ["--passwd-file", str(passwd)],
                ["--credentials-file", str(config), "--sts-endpoint", self.emulator.sts_endpoint])):
            with self.subTest(source=words[0]):
                self.exercise_and_look(self.mount("--log-level", "trace", *words, name=f"m{number}",
                                                  role=False, environment={}))

    def private(self, name, text):
        path = self.dir / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def exercise_and_look(self, m):
        (m.path / "f").write_bytes(b"x" * 100_000)
        with open(m.path / "f", "ab") as file:
            file.write(b"y")
        self.emulator.fault("GetObject", "code:SecurityTokenExpired", count=1)
        self.emulator.fault("GetObject", "code:SignatureDoesNotMatch", count=1)
        try:
            (m.path / "f").read_bytes()
        except OSError:
            pass
        self.emulator.fault("AssumeRole", "status:503", count=1)
        time.sleep(4)  # two lives of a token
        (m.path / "g").write_bytes(b"z")

        process = pathlib.Path(f"/proc/{m.pid}")
        self.assert_clean((process / "cmdline").read_bytes(), "the argument list")
        self.assert_clean((process / "environ").read_bytes(), "the environment block")
        for task in (process / "task").iterdir():
            self.assert_clean((task / "comm").read_bytes(), "a thread's name")
        status = m.stsfs("status", "--json").stdout + m.stsfs("status").stdout
        self.assert_clean(status.encode(), "status")
        log = m.log_file.read_bytes()
        self.assertGreater(len(log), 1000, "the log is empty: the test would see nothing")
        self.assert_clean(log, "the log at trace level")
        for word in (b"Signature=", b"security-token: ", b"SecurityToken\":"):
            self.assertNotIn(word, log, "a signature or token shows in the log")
        for path in [*(m.directory / "state").rglob("*"), *(m.directory / "run").rglob("*")]:
            if path.is_file():
                self.assert_clean(path.read_bytes(), path)
        self.assertEqual(os.stat(m.log_file).st_mode & 0o077, 0)

    def test_children_inherit_none(self):
        self.secrets = [self.emulator.access_key_secret.encode()]
        m = self.mount(name="m", role=False)
        for pid in [m.pid, *self.children(m.pid)]:
            self.assert_clean(pathlib.Path(f"/proc/{pid}/environ").read_bytes(), f"environ of {pid}")

    def children(self, pid):
        text = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True,
                              text=True).stdout
        return [int(word) for word in text.split()]

    def test_core_dumps_are_off(self):
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern")
        before = pattern.read_text()
        trap = self.dir / "core"
        try:
            pattern.write_text(str(trap))
        except OSError as error:
            self.skipTest(f"core_pattern cannot be set: {error}")
        self.addCleanup(pattern.write_text, before)
        limits = resource.getrlimit(resource.RLIMIT_CORE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, limits)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                           if limits[1] == resource.RLIM_INFINITY else (limits[1], limits[1]))
        # The control: a program that may dump does.
        victim = subprocess.Popen(["sleep", "60"])
        victim.send_signal(11)
        victim.wait()
        found = list(self.dir.glob("core*"))
        if not found:
            self.skipTest("no program can dump here")
        for path in found:
            path.unlink()
        m = self.mount()
        os.kill(m.pid, 11)
        harness.until(lambda: not m.alive, 20, "the daemon's end")
        self.assertEqual(list(self.dir.glob("core*")), [])
        for report in m.directory.glob("*san.*"):
            report.unlink()  # the sanitizer's word on the signal that we sent


if __name__ == "__main__":
    harness.main()
