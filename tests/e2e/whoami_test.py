#!/usr/bin/env python3
"""Who a mount would be: source, identity, lifetime, renewal."""
import http.server
import json
import os
import subprocess
import threading
import time
import unittest

import harness


class Pages:
    """A web server that gives everybody the same answer."""

    def __init__(self, status, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Whoami(harness.Case):
    def whoami(self, *options, exit=0, **environment):
        done = subprocess.run(
            [harness.STSFS, "whoami", *options],
            env={**os.environ, **harness.sanitized(self.dir), "HOME": str(self.dir),
                 "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "AWS_EC2_METADATA_DISABLED": "true",
                 **self.emulator.environment(), **environment},
            capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, exit, done.stdout + done.stderr)
        self.assertNotIn(self.emulator.access_key_secret, done.stdout + done.stderr)
        self.said = done.stderr
        return json.loads(done.stdout) if "--json" in options else done.stdout

    @property
    def sts(self):
        return "--sts-endpoint", self.emulator.sts_endpoint

    def test_the_session_of_a_role(self):
        for signature in "rpc", "acs3":
            told = self.whoami("--json", *self.sts, "--sts-signature", signature, "--role-arn", self.emulator.role_arn,
                               "--role-session-name", "it-is-me", "--role-duration", "900s")
            account, name = self.emulator.role_arn.split("::")[1].split(":role/")
            self.assertEqual(told["identity"]["account"], account)
            self.assertEqual(told["identity"]["arn"], f"acs:ram::{account}:assumed-role/{name}/it-is-me")
            self.assertEqual([told["identity"][key] for key in ("kind", "name", "session")], ["role", name, "it-is-me"])
            self.assertIn(told["lifetime_seconds"], (899, 900))
            self.assertTrue(870 < told["expires_in_seconds"] <= 900, told)
            self.assertTrue(60 < told["next_renewal_in_seconds"] < 730, told)
            self.assertLess(told["next_renewal"], told["expires"])
            self.assertGreater(told["expires"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def test_a_users_own_key(self):
        text = self.whoami(ALIBABA_CLOUD_STS_ENDPOINT=self.emulator.sts_endpoint)
        self.assertRegex(text, r"(?m)^  identity  user \S+$")
        self.assertRegex(text, r"(?m)^  arn       acs:ram::\d+:user/")
        self.assertRegex(text, r"(?m)^  expires   never$")
        self.assertRegex(text, r"(?m)^  renewal   never$")

    def test_a_key_that_sts_does_not_take_fails_and_is_shown(self):
        for wrong, code in (({"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAInobody"}, "InvalidAccessKeyId.NotFound"),
                            ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}, "SignatureDoesNotMatch")):
            told = self.whoami("--json", *self.sts, exit=4, **wrong)
            self.assertIn(code, told["identity_error"])
            self.assertEqual(told["source"], "environment")
            self.assertIn(code, self.said)

    def test_what_cannot_be_asked_is_said_and_no_failure(self):
        for options, words in (
                (("--sts-endpoint", "http://127.0.0.1:1"), "connect"),
                (("--endpoint", self.emulator.oss_endpoint), "--sts-endpoint would say whom to ask"),
                (("--anonymous", *self.sts), "not signed")):
            told = self.whoami("--json", *options)
            self.assertIsNone(told["identity"])
            self.assertIn(words, told["identity_error"])

    def test_an_s3_service_is_asked_in_its_own_words(self):
        keys = self.emulator.aws_environment()
        told = self.whoami("s3://examplebucket", "--json", "--endpoint", self.emulator.oss_endpoint, **keys,
                           AWS_REGION=self.emulator.region)
        self.assertEqual(told["access_key_id"], keys["AWS_ACCESS_KEY_ID"])
        self.assertRegex(told["identity"]["arn"], r"^arn:aws:iam::\d+:user/")
        told = self.whoami("s3://examplebucket", "--json", "--endpoint", self.emulator.oss_endpoint, "--role-arn",
                           self.emulator.aws_role_arn, "--role-session-name", "me", **keys,
                           AWS_REGION=self.emulator.region)
        self.assertEqual((told["identity"]["kind"], told["identity"]["session"]), ("role", "me"))
        told = self.whoami("s3://examplebucket", "--json", "--endpoint", self.emulator.oss_endpoint, exit=4,
                           **{**keys, "AWS_SECRET_ACCESS_KEY": "wrong"}, AWS_REGION=self.emulator.region)
        self.assertIn("SignatureDoesNotMatch", told["identity_error"])
        with Pages(405, b"") as pages:  # as Ceph has it
            told = self.whoami("s3://examplebucket", "--json", "--endpoint", pages.url, **keys)
            self.assertIn("does not tell whose key", told["identity_error"])

    def test_hostile_answers(self):
        for status, body in ((200, b""), (200, b"<html>log in</html>"), (200, b"{" * 10_000_000), (302, b"elsewhere"),
                             (404, b"\x1b[2J" * 100_000)):
            with Pages(status, body) as pages:
                text = self.whoami("--sts-endpoint", pages.url)
                self.assertRegex(text, r"(?m)^  identity  unknown: GetCallerIdentity at 127")
                self.assertNotIn("\x1b", text)
                self.assertLess(len(text), 1000)

    def test_refusals_come_before_anything_is_asked(self):
        self.whoami("oss:///", exit=2)
        self.whoami("--sts-endpoint", "ftp://x", exit=2)
        self.assertEqual(self.said.count("stsfs:"), 1)


if __name__ == "__main__":
    unittest.main()
