"""s3:// mounts whose credentials are AWS's: its STS, its web identities, its instances' metadata."""
import json
import os
import pathlib
import tempfile
import time

import harness
from harness import random_bytes

IDENTITY = "a-token-of-the-test"


class S3Credentials(harness.Case):
    emulator_options = ("--min-duration", "1s", "--oidc-token", IDENTITY)

    def s3(self, *options, **more):
        return self.mount(*options, **{"source": "s3://examplebucket", "role": self.emulator.aws_role_arn,
                                       "environment": self.emulator.aws_environment(), **more})

    def works(self, m):
        name = m.path / f"f{time.monotonic_ns()}"
        name.write_bytes(b"content")
        self.assertEqual(name.read_bytes(), b"content")

    def renewed(self, m, times, work):
        """Works until so many renewals are over; all of it must succeed."""
        first = m.status()["credentials"]
        end = time.monotonic() + 120
        while m.status()["credentials"]["renewals"] < first["renewals"] + times:
            self.assertLess(time.monotonic(), end, m.status()["credentials"])
            work()
        held = m.status()["credentials"]
        self.assertNotEqual(held["access_key_id"], first["access_key_id"])
        self.assertEqual(held["last_error"], "")

    def test_tokens_that_live_seconds_are_renewed_and_no_program_notices(self):
        content = random_bytes(2_000_000, 1)
        m = self.s3(duration="3s")
        (m.path / "stable").write_bytes(content)
        self.assertTrue(m.status()["credentials"]["access_key_id"].startswith("ASIA"))

        def work():
            with open(m.path / "stable", "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                self.assertEqual(file.read(), content)
            self.works(m)
            os.listdir(m.path)

        self.renewed(m, 4, work)
        self.assertEqual(self.emulator.signed_past_expiry, 0, "a token was used past its end")

    def test_the_session_policy_is_in_the_words_of_iam_and_kept(self):
        self.emulator.put_object("b/secret", b"not for this mount")
        self.emulator.admin("POST", "/stats/reset")
        m = self.s3("--read-only", source="s3://examplebucket/a")
        self.assertEqual(os.listdir(m.path), [])
        policy = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": ["arn:aws:s3:::examplebucket/b/*"]}]})
        file = self.dir / "policy.json"
        file.write_text(policy)
        narrow = self.s3("--session-policy", str(file), source="s3://examplebucket/b", name="narrow")
        self.assertEqual((narrow.path / "secret").read_bytes(), b"not for this mount")
        with self.assertRaises(PermissionError):
            os.listdir(narrow.path)
        self.assertEqual(self.emulator.errors("AssumeRole"), 0)

    def test_a_web_identity(self):
        token = self.dir / "token"
        token.write_text(IDENTITY)
        m = self.s3("--sts-endpoint", self.emulator.sts_endpoint, "--role-duration", "3s", role=False,
                    environment={"AWS_ROLE_ARN": self.emulator.aws_role_arn,
                                 "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)})
        self.renewed(m, 2, lambda: self.works(m))
        self.assertGreaterEqual(self.emulator.count("AssumeRoleWithWebIdentity"), 3)

    def test_wrong_credentials_are_refused_with_awss_words(self):
        m = self.s3(environment={**self.emulator.aws_environment(), "AWS_SECRET_ACCESS_KEY": "wrong"},
                    background=False)
        done = m.run()
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("SignatureDoesNotMatch", done.stderr)
        m = self.s3(role=self.emulator.aws_role_arn + "-none", background=False, name="norole")
        done = m.run()
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("not authorized to perform: sts:AssumeRole", done.stderr)

    def test_a_clock_that_is_off_is_learnt(self):
        self.emulator.fault("*", "clock-offset:20m")
        self.works(self.s3())


class Instance(harness.Case):
    """EC2's metadata server, whose credentials live some seconds."""

    @classmethod
    def setUpClass(cls):
        config = pathlib.Path(tempfile.mkdtemp(prefix="stsfs-e2e-")) / "config.json"
        config.write_text(json.dumps({"ecs_lifetime": "4s"}))
        cls.emulator_options = ("--config", str(config))
        super().setUpClass()

    def test_its_credentials_are_renewed(self):
        m = self.mount("--metadata-endpoint", self.emulator.imds_endpoint, role=False,
                       source="s3://examplebucket", environment={"AWS_EC2_METADATA_DISABLED": "false"})
        self.assertIn("metadata", m.status()["credentials"]["source"])
        first = m.status()["credentials"]
        end = time.monotonic() + 120
        while m.status()["credentials"]["renewals"] < first["renewals"] + 2:
            self.assertLess(time.monotonic(), end)
            (m.path / "f").write_bytes(b"content")
            self.assertEqual((m.path / "f").read_bytes(), b"content")
        self.assertNotEqual(m.status()["credentials"]["access_key_id"], first["access_key_id"])


if __name__ == "__main__":
    harness.main()
