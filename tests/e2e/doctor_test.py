"""The doctor on a service that is well, and on ones that are not."""
import http.server
import json
import os
import subprocess
import threading

import harness
import tls_test

RIGHTS = ("oss:GetObject", "oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload", "oss:ListObjects")
# What a doctor says without a right, and how it ends.
WITHOUT = {
    "oss:GetObject": (5, ["read-denied", "copy-denied"]),
    "oss:PutObject": (5, ["write-denied"]),
    "oss:DeleteObject": (0, ["delete-denied", "guards-untried"]),
    "oss:AbortMultipartUpload": (0, ["abort-denied"]),
    "oss:ListObjects": (0, ["list-denied"]),
}
# The certificate, and what a doctor says of it; nothing: it is good.
CERTIFICATES = {
    "good": ({}, True, (0, [])),
    "wrong-name": ({"address": "DNS:elsewhere.example"}, True, (7, ["certificate-name"])),
    "self-signed": ({"self_signed": True}, True, (7, ["certificate-authority"])),
    "unknown-authority": ({}, False, (7, ["certificate-authority"])),
    "expired": ({"days": -1}, True, (7, ["certificate-expired"])),
}
ELSEWHERE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>The bucket you are attempting to access must be addressed using the
specified endpoint. Please send all future requests to this endpoint.</Message><RequestId>1</RequestId>
<Bucket>examplebucket</Bucket><Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint></Error>"""


class Asking:
    def doctor(self, *words, source="oss://examplebucket/data", role=None, environment=None, endpoint=None,
               region=None, emulator=None):
        """Exit code, findings but those that every test here has, and the whole answer."""
        emulator = emulator or self.emulator
        command = [harness.STSFS, "doctor", source, "--json", "--mount-timeout", "20s",
                   "--endpoint", endpoint or emulator.oss_endpoint, "--sts-endpoint", emulator.sts_endpoint,
                   "--region", region or emulator.region, *words]
        if role:
            command += ["--role-arn", role]
        done = subprocess.run(command, env={**os.environ, **harness.sanitized(self.dir),
                                            **(environment or emulator.environment())},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
        self.assertTrue(done.stdout, done.stderr)
        self.assertEqual(done.stdout.count("\n"), 1)
        answer = json.loads(done.stdout)
        self.assertEqual(list(answer), ["endpoint", "region", "checks", "exit_code", "conclusion"])
        self.assertEqual(answer["exit_code"], done.returncode)
        for row in answer["checks"]:
            self.assertEqual(list(row), ["name", "verdict", "finding", "says", "advice"])
            self.assertIn(row["verdict"], ("ok", "warning", "failed", "skipped"))
            self.assertEqual(bool(row["advice"]), bool(row["finding"]), row)
            self.assertTrue(row["finding"] or row["verdict"] == "ok", row)
        failed = [row["name"] for row in answer["checks"] if row["verdict"] == "failed"]
        if failed:
            self.assertEqual(answer["conclusion"], f"a mount would not work: {failed[0]}")
        self.assertEqual(bool(failed), done.returncode != 0)
        found = [row["finding"] for row in answer["checks"] if row["finding"]]
        return done.returncode, [name for name in found if name not in ("plain-http", "key-never-expires")], answer


class Doctor(Asking, harness.Case):
    buckets = ("examplebucket", "otherbucket")

    def nothing_is_left(self, bucket="examplebucket"):
        for resource in ("", "?uploads"):
            status, said = self.emulator.ask("GET", "", bucket=bucket, resource=resource)
            self.assertEqual(status, 200, said)
            self.assertNotIn(b"<Key>", said)

    def test_everything_is_fine(self):
        code, found, answer = self.doctor(role=self.emulator.role_arn)
        self.assertEqual((code, found, answer["conclusion"]), (0, [], "a mount will work, within the limits above"))
        self.assertEqual([row["name"] for row in answer["checks"]],
                         ["endpoint", "region", "tls", "clock", "credentials", "list", "read", "write", "abort",
                          "delete", "copy", "guarded write", "guarded complete", "guarded copy"])
        self.nothing_is_left()

    def test_reading_only(self):
        self.emulator.policies(self.emulator.role_arn, [self.allowing("oss:GetObject")])
        self.addCleanup(self.emulator.policies, self.emulator.role_arn)
        before = self.emulator.stats()
        self.assertEqual(self.doctor("--read-only", role=self.emulator.role_arn)[:2], (0, ["list-denied", "read-only"]))
        asked = {name for name, row in self.emulator.stats().items()
                 if row["count"] > before.get(name, {"count": 0})["count"]}
        self.assertLessEqual(asked, {"AssumeRole", "ListBuckets", "ListObjects", "ListObjectsV2", "HeadObject"})

    def allowing(self, *actions):
        return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}

    def test_each_right_that_is_missing(self):
        role = self.emulator.role_arn
        self.addCleanup(self.emulator.policies, role)
        for right, (code, found) in WITHOUT.items():
            with self.subTest(right):
                self.emulator.policies(role, [self.allowing(*(other for other in RIGHTS if other != right))])
                got = self.doctor(role=role)
                self.assertEqual(got[:2], (code, found))
                said = next(row for row in got[2]["checks"] if row["finding"] == found[0])
                self.assertIn("AccessDenied", said["says"])
                self.assertIn(right, said["advice"])
                self.nothing_is_left()
        self.emulator.policies(role, [self.allowing(*RIGHTS)])
        self.assertEqual(self.doctor(role=role)[:2], (0, []))

    def test_the_seed_policy_leaves_nothing_behind(self):
        writes = self.emulator.count("PutObject"), self.emulator.count("InitiateMultipartUpload")
        code, found, answer = self.doctor(role=self.emulator.seed_role_arn)
        self.assertEqual((code, found), (0, ["list-denied", "abort-denied", "delete-denied", "guards-untried"]))
        self.assertIn("within the limits", answer["conclusion"])
        self.assertEqual((self.emulator.count("PutObject"), self.emulator.count("InitiateMultipartUpload")), writes)
        self.nothing_is_left()

    def test_a_versioned_bucket(self):
        self.emulator.ask("PUT", "", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
                          bucket="otherbucket", resource="?versioning")
        self.assertEqual(self.doctor(source="oss://otherbucket")[:2],
                         (0, ["versioned", "write-unguarded", "complete-unguarded"]))
        self.nothing_is_left("otherbucket")
        # Whoever may not name versions: everything works, with requests that are refused first.
        role = self.emulator.role_arn
        self.addCleanup(self.emulator.policies, role)
        self.emulator.policies(role, [self.allowing(*RIGHTS)])
        self.assertEqual(self.doctor(source="oss://otherbucket", role=role)[:2],
                         (0, ["version-denied", "versioned", "write-unguarded", "complete-unguarded"]))

    def test_the_other_dialect(self):
        keys = self.emulator.environment()
        keys = {"AWS_ACCESS_KEY_ID": keys["ALIBABA_CLOUD_ACCESS_KEY_ID"],
                "AWS_SECRET_ACCESS_KEY": keys["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]}
        code, found, answer = self.doctor(source="s3://examplebucket/x", environment=keys)
        self.assertEqual((code, found), (0, ["looks-first"]))
        self.assertIn("s3:ListBucket is allowed", [row["says"] for row in answer["checks"]])
        self.nothing_is_left()

    def test_keys_that_are_wrong(self):
        keys = self.emulator.environment()
        for name, value, finding in (("ID", "LTAInobody", "key-refused"), ("SECRET", "wrong", "secret-wrong")):
            wrong = {**keys, f"ALIBABA_CLOUD_ACCESS_KEY_{name}": value}
            self.assertEqual(self.doctor(environment=wrong)[:2], (4, [finding]))
            self.assertEqual(self.doctor(environment=wrong, role=self.emulator.role_arn)[:2], (4, [finding]))
        nobody = {name: "" for name in keys} | {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "HOME": str(self.dir)}
        self.assertEqual(self.doctor(environment=nobody)[:2], (4, ["no-credentials"]))

    def test_roles_that_are_wrong(self):
        self.assertEqual(self.doctor(role=self.emulator.role_arn + "-not")[:2], (4, ["role-missing"]))
        held = self.emulator.assume_role(self.emulator.role_arn, 900)  # a session may assume nothing further
        self.assertEqual(self.doctor(role=self.emulator.role_arn, environment=held)[:2], (5, ["role-refused"]))
        self.assertEqual(self.doctor("--sts-endpoint", "http://127.0.0.1:1", "--mount-timeout", "1s",
                                     role=self.emulator.role_arn)[:2], (7, ["sts-unreachable"]))

    def test_a_token_that_has_ended(self):
        held = self.emulator.assume_role(self.emulator.role_arn, 1)
        # Reading only: a token that ends in the middle could not remove what was written with it.
        harness.until(lambda: self.doctor("--read-only", "--credential-wait", "1s", environment=held)[:2] ==
                      (4, ["token-expired"]), 20, "the token's end")

    def test_a_bucket_that_is_not_there(self):
        self.assertEqual(self.doctor(source="oss://nosuchbucket")[:2], (6, ["bucket-missing"]))

    def test_another_region(self):
        code, found, answer = self.doctor(region="cn-beijing")
        self.assertEqual((code, found), (7, ["region-wrong"]), answer)

    def test_a_bucket_that_is_elsewhere(self):
        class Elsewhere(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(403)
                self.send_header("x-oss-request-id", "1")
                self.send_header("Content-Length", str(len(ELSEWHERE)))
                self.end_headers()
                self.wfile.write(ELSEWHERE)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        code, found, answer = self.doctor(endpoint=f"http://127.0.0.1:{server.server_address[1]}")
        self.assertEqual((code, found), (7, ["region-wrong"]))
        self.assertIn("oss-cn-beijing.aliyuncs.com", answer["checks"][-1]["says"])

    def test_nobody_there(self):
        self.assertEqual(self.doctor(endpoint="http://127.0.0.1:1")[:2], (7, ["unreachable"]))
        tls = self.emulator.oss_endpoint.replace("http://", "https://")
        self.assertEqual(self.doctor(endpoint=tls)[:2], (7, ["not-the-service"]))

    def test_a_clock_that_is_off(self):
        self.addCleanup(self.emulator.no_faults)
        for offset, finding in (("5m", "clock-off"), ("20m", "clock-far-off"), ("-20m", "clock-far-off")):
            self.emulator.no_faults()
            self.emulator.fault("*", f"clock-offset:{offset}")
            self.assertEqual(self.doctor()[:2], (0, [finding]), offset)


class Certificates(Asking, tls_test.Certified):
    def test_each_kind(self):
        for name, (kind, known, expected) in CERTIFICATES.items():
            with self.subTest(name):
                emulator = self.serve(name, **kind)
                options = ["--ca-file", str(self.ca)] if known else []
                code, found, answer = self.doctor(*options, emulator=emulator)
                self.assertEqual((code, found), expected, answer)


if __name__ == "__main__":
    harness.main()
