"""The vendor's article on temporary access, step by step: by stsfs where it uses an SDK."""
import datetime
import errno
import json
import os
import pathlib
import shutil
import tempfile

import harness

USER = ("step-1-id", "step-1-secret")
ROLE_POLICY = {"Version": "1", "Statement": [
    {"Effect": "Allow", "Action": ["oss:PutObject", "oss:GetObject"],
     "Resource": ["acs:oss:*:*:examplebucket", "acs:oss:*:*:examplebucket/*"]}]}
SESSION_POLICY = ('{"Version": "1", "Statement": [{"Action": ["oss:PutObject","oss:GetObject"], '
                  '"Effect": "Allow", "Resource": ["acs:oss:*:*:examplebucket/*"]}]}')
ACCOUNT = "1750000000000000"


class Article(harness.Case):
    """Steps 1 to 4 are the emulator's config file: a user who may assume roles and nothing else, and
    the role RamOssTest, which the account may assume, with RamTestPolicy attached."""
    buckets = ("examplebucket", "otherbucket")
    emulator_options = ()

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="stsfs-seed-")
        cls.addClassCleanup(shutil.rmtree, folder)
        config = pathlib.Path(folder, "config.json")
        config.write_text(json.dumps({
            "account": ACCOUNT,
            "users": [{"name": "step-1", "access_key_id": USER[0], "access_key_secret": USER[1],
                       "policies": [{"Version": "1", "Statement": [
                           {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}]}],
            "roles": [{"name": "RamOssTest", "policies": [ROLE_POLICY]}]}))
        cls.emulator_options = ("--config", str(config), "--client-vpc", "vpc-of-ours")
        super().setUpClass()
        cls.role = f"acs:ram::{ACCOUNT}:role/RamOssTest"
        cls.user = {"ALIBABA_CLOUD_ACCESS_KEY_ID": USER[0], "ALIBABA_CLOUD_ACCESS_KEY_SECRET": USER[1]}


class SeedExamples(Article):
    def seed_mount(self, *options, **more):
        """Step 5 and 6: the article's session name, lifetime and policy text."""
        policy = self.dir / "policy.json"
        policy.write_text(SESSION_POLICY)
        return self.mount("--role-session-name", "sessiontest", "--session-policy", str(policy), *options,
                          role=self.role, environment=self.user, duration="3000s", **more)

    def test_the_user_alone_may_do_nothing_with_objects(self):
        refused = harness.Mount(self.emulator, self.dir / "user", role=False, environment=self.user,
                                background=False).run()
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("AccessDenied", refused.stderr)

    def test_step_5_a_key_for_3000_seconds(self):
        held = self.seed_mount().status()["credentials"]
        self.assertTrue(held["access_key_id"].startswith("STS."))
        self.assertTrue(2900 < held["seconds_left"] <= 3000, held)

    def test_step_6_upload_and_download_and_nothing_else(self):
        m = self.seed_mount()
        (m.path / "example-test.txt").write_text("hello world")
        self.assertEqual((m.path / "example-test.txt").read_bytes(), b"hello world")
        owner = self.mount(name="owner", role=False)
        self.assertEqual((owner.path / "example-test.txt").read_bytes(), b"hello world")
        (owner.path / "exampleobject.txt").write_bytes(b"put by somebody else")
        self.assertEqual((m.path / "exampleobject.txt").read_bytes(), b"put by somebody else")
        for call in (lambda: os.listdir(m.path), lambda: os.unlink(m.path / "example-test.txt")):
            with self.assertRaises(OSError) as caught:
                call()
            self.assertEqual(caught.exception.errno, errno.EACCES)
        self.assertEqual((owner.path / "example-test.txt").read_bytes(), b"hello world")

    def test_the_policy_ends_at_its_bucket(self):
        m = self.seed_mount(source="oss://otherbucket", name="other", background=False)
        done = m.run()
        if done.returncode == 0:  # a mount that asked for nothing that is forbidden
            m.pid = m.status()["pid"]
            with self.assertRaises(PermissionError):
                (m.path / "example-test.txt").write_text("hello world")
        else:
            self.assertIn("AccessDenied", done.stderr)

    def test_900_seconds_are_the_least_and_the_roles_maximum_the_most(self):
        for seconds in ("899s", "3601s"):
            refused = harness.Mount(self.emulator, self.dir / seconds, role=self.role, environment=self.user,
                                    duration=seconds, background=False).run()
            self.assertEqual(refused.returncode, 4, refused.stderr)
            self.assertIn("15min/1hr", refused.stderr)
        least = self.mount(role=self.role, environment=self.user, duration="900s", name="least")
        expires = datetime.datetime.fromisoformat(least.status()["credentials"]["expires"].replace("Z", "+00:00"))
        self.assertLessEqual(expires.timestamp() - datetime.datetime.now().timestamp(), 901)


if __name__ == "__main__":
    harness.main()
