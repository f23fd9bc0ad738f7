"""URLs that stsfs signs, used by curl as whoever gets one would."""
import json
import os
import shutil
import subprocess
import urllib.parse

import harness
from harness import random_bytes

KEY = "dir one/a+b%2F c=d&e?f#g ü.txt"


class SignedUrls(harness.Case):
    emulator_options = ("--min-duration", "1s", "--client-vpc", "vpc-here")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if shutil.which("curl") is None:
            raise harness.unittest.SkipTest("needs curl")

    def stsfs(self, *words, environment=None, role=True, region=True):
        command = [harness.STSFS, *words, "--endpoint", self.emulator.oss_endpoint,
                   "--sts-endpoint", self.emulator.sts_endpoint]
        if region:
            command += ["--region", self.emulator.region]
        if role:
            command += ["--role-arn", self.emulator.role_arn]
        return subprocess.run(command, env={**os.environ, **harness.sanitized(self.dir),
                                            **(environment or self.emulator.environment())},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)

    def sign(self, method, *options, key=KEY, **more):
        done = self.stsfs("sign-url", method, f"oss://examplebucket/{key}", *options, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("\n"), 1)
        return done.stdout.strip()

    def curl(self, *words):
        """Status and body."""
        done = subprocess.run(["curl", "--silent", "--noproxy", "*", "--write-out", "\n%{http_code}", *words],
                              capture_output=True, timeout=60, check=False)
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), body

    def put(self, content, *options, headers=(), **more):
        file = self.dir / "content"
        file.write_bytes(content)
        words = [word for header in headers for word in ("-H", header)]
        return self.curl("-T", str(file), *words, self.sign("put", *options, **more))

    def test_every_method_in_both_versions_with_and_without_a_token(self):
        for version in ("v1", "v4"):
            for role in (True, False):
                with self.subTest(version=version, role=role):
                    words = ("--sign-version", version)
                    content = random_bytes(70_000, len(version) + role)
                    self.assertEqual(self.put(content, *words, role=role)[0], 200)
                    self.assertEqual(self.curl(self.sign("get", *words, role=role)), (200, content))
                    status, head = self.curl("--head", self.sign("head", *words, role=role))
                    self.assertEqual(status, 200)
                    self.assertIn(b"content-length: 70000", head.lower())
                    self.assertEqual(self.curl("-X", "DELETE", self.sign("delete", *words, role=role))[0], 204)
                    self.assertEqual(self.curl(self.sign("get", *words, role=role))[0], 404)

    def test_version_one_serves_where_no_region_is_known(self):
        self.assertEqual(self.put(b"one", region=False)[0], 200)
        url = self.sign("get", region=False)
        self.assertIn("OSSAccessKeyId=", url)
        self.assertEqual(self.curl(url), (200, b"one"))

    def test_the_command_that_curl_prints_runs_in_a_shell(self):
        (self.dir / "FILE").write_bytes(b"it's $(here)")
        for method, options in (("put", ("--header", "x-oss-meta-note: it's \"$HOME\"",
                                         "--header", "Content-Type: text/plain")),
                                ("get", ()), ("head", ())):
            command = self.sign(method, "--curl", *options, key="a/../b'c")
            done = subprocess.run(["sh", "-c", command + " --silent --noproxy '*'"], cwd=self.dir,
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, (command, done.stderr))
            if method == "get":
                self.assertEqual(done.stdout, "it's $(here)")
            if method == "head":
                self.assertIn("x-oss-meta-note: it's \"$HOME\"", done.stdout)

    def test_headers_that_are_signed_must_come_as_they_are(self):
        for version in ("v1", "v4"):
            words = ("--sign-version", version, "--header", "Content-Type: text/plain",
                     "--header", "x-oss-meta-color: blue")
            good = ("Content-Type: text/plain", "x-oss-meta-color: blue")
            self.assertEqual(self.put(b"x", *words, headers=good)[0], 200)
            for headers in ((), good[:1], ("Content-Type: text/html", good[1]),
                            (good[0], "x-oss-meta-color: red"), (*good, "x-oss-meta-more: y")):
                self.assertEqual(self.put(b"y", *words, headers=headers)[0], 403, headers)

    def test_a_url_that_somebody_changed_is_refused(self):
        self.put(b"x")
        self.put(b"other", key="other")
        for version in ("v1", "v4"):
            url = self.sign("get", "--sign-version", version, "--query", "response-content-type=text/a")
            self.assertEqual(self.curl(url)[0], 200)
            split = urllib.parse.urlsplit(url)
            for changed in (split._replace(path="/examplebucket/other"),
                            split._replace(query=split.query.replace("text%2Fa", "text%2Fb")),
                            split._replace(query=split.query + "&response-content-encoding=x")):
                self.assertEqual(self.curl(changed.geturl())[0], 403, changed)
            self.assertEqual(self.curl("-X", "DELETE", url)[0], 403)

    def test_restrictions_hold(self):
        self.put(b"x")
        for version in ("v1", "v4"):
            words = ("--sign-version", version)
            for options in (("--source-ip", "127.0.0.1"), ("--source-ip", "127.0.0.0/8"),
                            ("--source-ip", "127.0.0.0", "--subnet-mask", "8"),
                            ("--vpc-id", "vpc-here"), ("--traffic-limit", "100KiB/s")):
                self.assertEqual(self.curl(self.sign("get", *words, *options))[0], 200, options)
            for options in (("--source-ip", "10.0.0.0/8"), ("--vpc-id", "vpc-there")):
                self.assertEqual(self.curl(self.sign("get", *words, *options))[0], 403, options)
            forwarded = self.sign("get", *words, "--source-ip", "10.0.0.0/8", "--forward-allow")
            self.assertEqual(self.curl("-H", "X-Forwarded-For: 10.1.2.3", forwarded)[0], 200)
            self.assertEqual(self.curl(forwarded)[0], 403)

    def test_answers_can_be_overridden(self):
        self.put(b"x")
        url = self.sign("get", "--query", 'response-content-disposition=attachment; filename="a, b.txt"')
        self.assertIn(b'attachment; filename="a, b.txt"', self.curl("--include", url)[1])

    def test_what_ends_first_is_said(self):
        done = self.stsfs("sign-url", "get", "oss://examplebucket/k", "--json", "--expires", "1h",
                          "--role-duration", "900s")
        answer = json.loads(done.stdout)
        self.assertEqual(sorted(answer), ["expires_at", "headers", "limited_by", "method", "url"])
        self.assertEqual((answer["limited_by"], answer["method"]), ("token", "GET"))
        self.assertIn("--role-duration", done.stderr)
        done = self.stsfs("sign-url", "get", "oss://examplebucket/k", "--json")
        self.assertEqual(json.loads(done.stdout)["limited_by"], "url")
        self.assertEqual(done.stderr, "")

    def test_a_url_ends(self):
        self.put(b"x")
        url = self.sign("get", "--expires", "2s")
        harness.until(lambda: self.curl(url)[0] == 403, 20, "the URL ends")
        held = self.emulator.assume_role(self.emulator.role_arn, 3)
        url = self.sign("get", "--expires", "1h", role=False, environment=held)
        self.assertEqual(self.curl(url)[0], 200)
        harness.until(lambda: self.curl(url)[0] == 403, 20, "the token in the URL ends")

    def test_a_version_counts_in_the_query_and_not_in_a_header(self):
        self.put(b"x")
        url = self.sign("get", "--version-id", "CAEQnosuchversion")
        self.assertIn("versionId=CAEQnosuchversion", url)
        self.assertNotEqual(self.curl(url)[0], 200)
        for version in ("v1", "v4"):
            url = self.sign("get", "--sign-version", version, "--header", "versionId: CAEQnosuchversion")
            self.assertEqual(self.curl("-H", "versionId: CAEQnosuchversion", url), (200, b"x"))

    def test_bad_input_is_refused_with_the_usage_code(self):
        for options, said in ((("--expires", "0"), "at least 1s"), (("--expires", "169h"), "7 days"),
                              (("--traffic-limit", "1KiB/s"), "100.0 KiB/s"),
                              (("--subnet-mask", "8"), "mask"), (("--header", "Host: x"), "cannot be signed"),
                              (("--query", "Signature=x"), "belongs to the signature")):
            done = self.stsfs("sign-url", "get", "oss://examplebucket/k", *options)
            self.assertEqual((done.returncode, done.stdout), (2, ""), options)
            self.assertIn(said, done.stderr)
        for key, said in (("/k", "slash"), ("k" * 1024, "1024 bytes")):
            done = self.stsfs("sign-url", "get", f"oss://examplebucket/{key}")
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)

    def test_a_file_of_a_mount_has_a_url(self):
        off = self.mount(name="off")
        (off.path / "f +ü").write_bytes(b"through the mount")
        with self.assertRaises(OSError):
            os.getxattr(off.path / "f +ü", "user.oss.signed-url")
        m = self.mount("--signed-url-lifetime", "1h", "--read-only", name="on")
        url = os.getxattr(m.path / "f +ü", "user.oss.signed-url").decode()
        self.assertEqual(self.curl(url), (200, b"through the mount"))
        self.assertEqual(os.listxattr(m.path / "f +ü"), [])


if __name__ == "__main__":
    harness.main()
