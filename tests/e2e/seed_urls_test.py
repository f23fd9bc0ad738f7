"""The signed URLs of the vendor's article: made by stsfs, used by whoever has them."""
import datetime
import functools
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import harness
import seed_examples_test as article

KEY = "exampledir/exampleobject.txt"
VERSIONED = "otherbucket"


def each_way(test):
    """Runs it with the key pair and with a session, in both versions; the article's 60 seconds."""
    @functools.wraps(test)
    def run(self):
        for session in (False, True):
            for version in ("v1", "v4"):
                with self.subTest(session=session, version=version):
                    test(self, {"session": session}, ("--sign-version", version, "--expires", "60s"))
    return run


def query_of(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True))


class SeedUrls(article.Article):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        status, said = cls.emulator.ask(
            "PUT", "", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            bucket=VERSIONED, resource="?versioning")
        assert status == 200, said
        # The role of the article, and what a URL of a version, and one that deletes, need beside it.
        more = {"Version": "1", "Statement": [
            {"Effect": "Allow", "Action": ["oss:GetObjectVersion", "oss:DeleteObject"],
             "Resource": ["acs:oss:*:*:examplebucket/*", f"acs:oss:*:*:{VERSIONED}/*"]},
            {"Effect": "Allow", "Action": ["oss:PutObject", "oss:GetObject"],
             "Resource": [f"acs:oss:*:*:{VERSIONED}/*"]}]}
        cls.emulator.policies(cls.role, [article.ROLE_POLICY, more])

    def sign(self, method, *options, key=KEY, session=False, bucket="examplebucket"):
        """What `stsfs sign-url` prints; with `session` by a temporary key, as the article's StsAuth."""
        words = [harness.STSFS, "sign-url", method, f"oss://{bucket}/{key}", "--endpoint",
                 self.emulator.oss_endpoint, "--region", self.emulator.region, *options]
        keys = self.emulator.environment()
        if session:
            words += ["--role-arn", self.role, "--sts-endpoint", self.emulator.sts_endpoint,
                      "--role-session-name", "sessiontest", "--role-duration", "3000s"]
            keys = self.user
        done = subprocess.run(words, env={**os.environ, **harness.sanitized(self.dir), **keys}, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout.count("\n")), (0, 1), done.stderr)
        return done.stdout.strip()

    def fetch(self, method, url, body=None, headers=None):
        """Status and body of a request that no client of OSS makes. A Content-Type of one's own, or
        an empty one, keeps urllib from adding its."""
        call = urllib.request.Request(url, data=body, method=method,
                                      headers={"Content-Type": "", **(headers or {})})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def head_of(self, key):
        url = self.sign("head", key=key)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                urllib.request.Request(url, method="HEAD"), timeout=60) as answer:
            return answer.headers

    @each_way
    def test_a_url_that_uploads_with_the_headers_that_were_signed(self, who, how):
        headers = {"Content-Type": "text/txt", "x-oss-storage-class": "Standard"}
        signed = [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
        url = self.sign("put", *how, *signed, **who)
        body = f"uploaded with {how[1]}, {who}".encode()
        self.assertEqual(self.fetch("PUT", url, body, headers)[0], 200)
        self.assertEqual(self.emulator.get_object(KEY), body)
        self.assertEqual(self.head_of(KEY)["Content-Type"], "text/txt")
        for others in ({}, {**headers, "Content-Type": "text/plain"}, {"Content-Type": "text/txt"},
                       {**headers, "x-oss-storage-class": "IA"}):
            self.assertEqual(self.fetch("PUT", url, b"x", others)[0], 403, others)
        self.assertEqual(self.emulator.get_object(KEY), body)

    @each_way
    def test_a_url_that_downloads(self, who, how):
        self.emulator.put_object(KEY, b"to be fetched")
        header = ("--header", "Accept-Encoding: gzip")
        url = self.sign("get", *how, *header, **who)
        self.assertEqual(self.fetch("GET", url, headers={"Accept-Encoding": "gzip"}), (200, b"to be fetched"))
        # Only version 4 covers a header that is not the service's own.
        changed = 403 if how[1] == "v4" else 200
        self.assertEqual(self.fetch("GET", url, headers={"Accept-Encoding": "identity"})[0], changed)
        for method in ("PUT", "DELETE", "POST", "HEAD"):
            self.assertEqual(self.fetch(method, url, headers={"Accept-Encoding": "gzip"})[0], 403, method)

    @each_way
    def test_every_method(self, who, how):
        options = {"key": "all/methods", **who}
        self.assertEqual(self.fetch("PUT", self.sign("put", *how, **options), b"put")[0], 200)
        self.assertEqual(self.fetch("HEAD", self.sign("head", *how, **options))[0], 200)
        self.assertEqual(self.fetch("GET", self.sign("get", *how, **options)), (200, b"put"))
        self.assertEqual(self.fetch("DELETE", self.sign("delete", *how, **options))[0], 204)
        append = self.sign("post", *how, "--query", "append", "--query", "position=0", **options)
        self.assertEqual(self.fetch("POST", append, b"post")[0], 200)
        self.assertEqual(self.emulator.get_object("all/methods"), b"post")
        begin = self.sign("post", *how, "--query", "uploads", **options)
        status, said = self.fetch("POST", begin)
        self.assertEqual(status, 200, said)
        upload = re.search(b"<UploadId>(.*?)</UploadId>", said)[1].decode()
        part = ("--query", f"uploadId={upload}", "--query", "partNumber=1")
        self.assertEqual(self.fetch("PUT", self.sign("put", *how, *part, **options), b"in parts")[0], 200)
        whole = ("--query", f"uploadId={upload}", "--header", "x-oss-complete-all: yes")
        self.assertEqual(self.fetch("POST", self.sign("post", *how, *whole, **options),
                                    headers={"x-oss-complete-all": "yes"})[0], 200)
        self.assertEqual(self.emulator.get_object("all/methods"), b"in parts")
        self.emulator.ask("DELETE", "all/methods")

    def versions(self, key):
        """The ids of a key's versions, the newest first."""
        status, said = self.emulator.ask("GET", "", bucket=VERSIONED, resource="?versions")
        self.assertEqual(status, 200, said)
        return re.findall(f"<Key>{key}</Key>\\s*<VersionId>(.*?)</VersionId>", said.decode())

    @each_way
    def test_a_version_counts_in_the_query_and_changes_nothing_as_a_header(self, who, how):
        key, there = f"versions/{who['session']}-{how[1]}", {"bucket": VERSIONED, **who}
        for body in (b"old", b"new"):
            self.emulator.put_object(key, body, bucket=VERSIONED)
        old = self.versions(key)[-1]
        by_query = self.sign("get", *how, "--version-id", old, key=key, **there)
        self.assertEqual(query_of(by_query)["versionId"], old)
        self.assertEqual(self.fetch("GET", by_query), (200, b"old"))
        self.assertEqual(self.fetch("GET", self.sign("get", *how, "--query", f"versionId={old}", key=key, **there)),
                         (200, b"old"))
        # As the article's sample does it: the header is sent, the newest version is what comes.
        by_header = self.sign("get", *how, "--header", f"versionId: {old}", key=key, **there)
        self.assertNotIn(old, by_header)
        self.assertEqual(self.fetch("GET", by_header, headers={"versionId": old}), (200, b"new"))
        put = self.sign("put", *how, "--header", f"versionId: {old}", key=key, **there)
        self.assertEqual(self.fetch("PUT", put, b"newest", {"versionId": old})[0], 200)
        self.assertEqual(self.emulator.get_object(key, bucket=VERSIONED), b"newest")
        self.assertEqual(self.fetch("GET", by_query), (200, b"old"))
        # The version cannot be taken out of the URL, nor another put in.
        for changed in (re.sub("&?versionId=[^&]*", "", by_query), by_query.replace(old, self.versions(key)[0])):
            self.assertEqual(self.fetch("GET", changed)[0], 403)

    @each_way
    def test_each_restriction_of_a_download(self, who, how):
        self.emulator.put_object(KEY, b"to be fetched")
        good = (("--traffic-limit", "100KiB/s"), ("--source-ip", "127.0.0.1", "--subnet-mask", "32"),
                ("--source-ip", "127.44.5.6", "--subnet-mask", "8"), ("--vpc-id", "vpc-of-ours"),
                ("--forward-allow",))
        bad = (("--source-ip", "10.9.8.7", "--subnet-mask", "32"), ("--vpc-id", "vpc-t4nlw426y44rd3iq4"))
        for restriction in good:
            url = self.sign("get", *how, *restriction, **who)
            self.assertEqual(self.fetch("GET", url), (200, b"to be fetched"), restriction)
        for restriction in bad:
            url = self.sign("get", *how, *restriction, **who)
            self.assertEqual(self.fetch("GET", url)[0], 403, restriction)
            # A restriction is part of what was signed.
            self.assertEqual(self.fetch("GET", re.sub("&?x-oss-ac-[^&]*", "", url))[0], 403)
        limited = query_of(self.sign("get", *how, *good[0], **who))
        self.assertEqual(limited["x-oss-traffic-limit"], str(100 * 1024 * 8), "the article's own number")
        far = self.sign("get", *how, "--source-ip", "10.9.8.0", "--subnet-mask", "24", "--forward-allow", **who)
        self.assertEqual(self.fetch("GET", far, headers={"X-Forwarded-For": "10.9.8.7"})[0], 200)
        self.assertEqual(self.fetch("GET", far, headers={"X-Forwarded-For": "10.9.7.8"})[0], 403)

    @each_way
    def test_what_the_answer_says_of_itself(self, who, how):
        self.emulator.put_object(KEY, b"x")
        wanted = {"Content-Type": "text/x", "Content-Disposition": 'attachment; filename="a+b, ü.txt"',
                  "Cache-Control": "no-store", "Expires": "Wed, 21 Oct 2026 07:28:00 GMT",
                  "Content-Language": "de", "Content-Encoding": "x-none"}
        options = [word for name, value in wanted.items() for word in ("--query", f"response-{name.lower()}={value}")]
        url = self.sign("get", *how, *options, **who)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as answer:
            got = {name: answer.headers[name] for name in wanted}
        got["Content-Disposition"] = got["Content-Disposition"].encode("latin-1").decode()
        self.assertEqual(got, wanted)

    @each_way
    def test_slashes_stay_and_plus_signs_are_escaped(self, who, how):
        key = "a+b/c d/%2B/ü+"
        self.emulator.put_object(key, b"odd")
        url = self.sign("get", *how, key=key, **who)
        path, query = url.split("?", 1)
        self.assertTrue(path.endswith("/a%2Bb/c%20d/%252B/%C3%BC%2B"), path)
        self.assertNotIn("+", query)
        self.assertEqual(self.fetch("GET", url), (200, b"odd"))

    def test_a_plus_sign_in_a_signature_is_escaped(self):
        self.emulator.put_object(KEY, b"odd")
        # Base64 has a plus sign in most signatures; each second gives another one.
        urls = (self.sign("get", "--sign-version", "v1", "--expires", f"{60 + i}s") for i in range(200))
        url = next(url for url in urls if "%2B" in url.split("Signature=")[1])
        self.assertEqual(self.fetch("GET", url), (200, b"odd"))
        signature = url.index("Signature=")
        self.assertEqual(self.fetch("GET", url[:signature] + url[signature:].replace("%2B", "+"))[0], 403,
                         "what the article warns of")

    def test_a_url_ends_with_the_key_that_signed_it(self):
        answer = json.loads(self.sign("get", "--expires", "2h", "--json", session=True))
        self.assertEqual(answer["limited_by"], "token")
        ends = datetime.datetime.fromisoformat(answer["expires_at"].replace("Z", "+00:00")).timestamp()
        self.assertLessEqual(ends - time.time(), 3001)
        answer = json.loads(self.sign("get", "--expires", "60s", "--json", session=True))
        self.assertEqual((answer["limited_by"], answer["method"]), ("url", "GET"))
        self.emulator.put_object(KEY, b"x")
        ended = self.sign("get", "--expires", "1s", "--sign-version", "v1")
        harness.until(lambda: self.fetch("GET", ended)[0] == 403, 20, "the URL ends")
        self.assertIn(b"expired", self.fetch("GET", ended)[1])


if __name__ == "__main__":
    harness.main()
