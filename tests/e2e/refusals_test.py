"""What is wrong is said before the program goes to the background: one line, advice, an exit code."""
import os
import socket
import subprocess
import tempfile
import time

import harness
from harness import Mount


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Refusals(harness.Case):
    def refused(self, mount, code, *words, seconds=15):
        begun = time.monotonic()
        done = mount.run()
        self.addCleanup(mount.stop)
        self.assertEqual(done.returncode, code, done.stderr)
        lines = [line for line in done.stderr.strip().split("\n") if "warning: " not in line]
        self.assertTrue(lines[0].startswith("stsfs: "), done.stderr)
        self.assertLessEqual(len(lines), 2, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(mount.mounted)
        self.assertNotIn(self.emulator.access_key_secret, done.stderr + done.stdout)
        self.assertLess(time.monotonic() - begun, seconds)
        self.assertFalse(mount.reports(), mount.reports())
        return done.stderr

    def prepared(self, *options, **more):
        return Mount(self.emulator, self.dir / "m", *options, background=False, **more)

    def test_usage(self):
        self.refused(self.prepared("--endpiont", "x"), 2, "endpoint?")
        self.refused(self.prepared("-o", "alow_other"), 2, "allow-other?")
        self.refused(self.prepared("--metadata-ttl", "soon"), 2, "metadata-ttl", "30s")
        self.refused(self.prepared("--oss_access_key_secret=canary"), 2, "no option takes a secret")
        self.refused(self.prepared("--sign-version", "v1", source="s3://examplebucket"), 2, "v4 alone")
        self.refused(self.prepared(source="oss://Not_A_Bucket"), 2, "no name of a bucket")
        self.refused(self.prepared("--ca-file", "/nonexistent.pem"), 2, "/nonexistent.pem")

    def test_config(self):
        self.refused(self.prepared("--config", "/nonexistent.toml"), 2, "/nonexistent.toml")
        config = self.dir / "typo.toml"
        config.write_text("# what\nregoin = \"x\"\n")
        self.refused(self.prepared("--config", str(config)), 2, "typo.toml, line 2", "region?")

    def test_mount_point(self):
        missing = self.prepared()
        os.rmdir(missing.path)
        self.refused(missing, 3, str(missing.path), "mkdir")
        missing.path.write_text("a file")
        self.refused(missing, 3, "not a directory")
        os.unlink(missing.path)
        mounted = self.mount(name="m")
        again = Mount(self.emulator, self.dir / "m", background=False)
        done = again.run()
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("already", done.stderr)
        self.assertTrue(mounted.alive)

    def test_credentials(self):
        good = self.emulator.environment()
        none = {name: "" for name in good}
        self.refused(self.prepared(environment=none), 4, "ALIBABA_CLOUD_ACCESS_KEY_ID")
        wrong_secret = {**good, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}
        self.refused(self.prepared(environment=wrong_secret), 4)
        self.refused(self.prepared(environment=wrong_secret, role=False), 4)
        wrong_id = {**good, "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIunknown"}
        self.refused(self.prepared(environment=wrong_id), 4)
        self.refused(self.prepared(environment=wrong_id, role=False), 4)
        self.refused(self.prepared(role="acs:ram::1750000000000000:role/none"), 4)
        self.refused(self.prepared(duration="20h"), 4)

    def test_an_expired_static_token(self):
        tokens = self.emulator.assume_role(self.emulator.role_arn, 1)
        time.sleep(2.1)  # the token's own life
        self.refused(self.prepared(environment=tokens, role=False), 4)

    def test_bucket(self):
        self.refused(self.prepared(source="oss://no-such-bucket", role=False), 6, "no-such-bucket")

    def test_network(self):
        url = f"http://127.0.0.1:{closed_port()}"
        self.refused(self.prepared("--mount-timeout", "2s", endpoint=url), 7, url)
        self.refused(self.prepared("--mount-timeout", "2s", "--sts-endpoint", url), 7)
        self.refused(self.prepared("--mount-timeout", "2s", endpoint="http://no-such-host.invalid"), 7,
                     seconds=30)

    def test_a_service_that_is_back_in_time_is_no_refusal(self):
        self.emulator.fault("AssumeRole", "status:503", count=2)
        self.mount("--mount-timeout", "20s")

    def test_umount_and_status_refuse_what_is_not_ours(self):
        idle = self.prepared()
        for command in ("umount", "status"):
            done = idle.stsfs(command)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("nothing of stsfs is mounted", done.stderr)
        self.assertEqual(subprocess.run([harness.STSFS, "umount"], capture_output=True).returncode, 2)


class Rights(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.config = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
        cls.config.write('{"users": [{"name": "nobody", "access_key_id": "nobody-id", '
                         '"access_key_secret": "nobody-secret", "policies": []}]}')
        cls.config.close()
        cls.emulator_options = ("--min-duration", "1s", "--config", cls.config.name)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        os.unlink(cls.config.name)

    def test_permission(self):
        nobody = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "nobody-id",
                  "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "nobody-secret"}
        for role in (False, True):
            mount = Mount(self.emulator, self.dir / f"m{role}", background=False, role=role,
                          environment=nobody)
            done = mount.run()
            self.assertEqual(done.returncode, 5, done.stderr)
            self.assertFalse(mount.mounted)


if __name__ == "__main__":
    harness.main()
