"""What the judges of the S3 dialect share: running a server, asking it over raw HTTP, mounting it.

A judge that is not installed is skipped (77) with its reason; scripts/conformance sets
STSFS_FETCH_SERVERS=1, which lets a judge install its server first.
"""
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as tree

ROOT = pathlib.Path(os.environ["PROJECT_ROOT"])
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

REGION = "us-east-1"
MAY_FETCH = os.environ.get("STSFS_FETCH_SERVERS") == "1"
CACHE = ROOT / ".cache" / "conformance"


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(harness.SKIPPED)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Processes:
    """Programs that end with the test."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.running = []

    def start(self, name, *command, **environment):
        log = open(self.directory / f"{name}.log", "ab")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, **environment}, start_new_session=True)
        log.close()
        self.running.append((name, process))
        return process

    def log(self, name):
        return (self.directory / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self):
        for _, process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []


class Raw:
    """Requests signed with AWS Signature Version 4, by code of the test's own."""

    def __init__(self, endpoint, key, secret, token=None):
        self.address = urllib.parse.urlsplit(endpoint).netloc
        self.key, self.secret, self.token = key, secret, token

    def __call__(self, method, path, query="", body=b"", service="s3", headers=()):
        """`path` is encoded here, `query` is given as it goes out, sorted and with '=' throughout."""
        path = urllib.parse.quote(path, safe="/-_.~")
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest = hashlib.sha256(body).hexdigest()
        sent = {"host": self.address, "x-amz-content-sha256": digest, "x-amz-date": stamp, **dict(headers)}
        if self.token:
            sent["x-amz-security-token"] = self.token
        names = ";".join(sorted(sent))
        canonical = "\n".join([method, path, query, *(f"{n}:{sent[n]}" for n in sorted(sent)), "", names, digest])
        scope = f"{stamp[:8]}/{REGION}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for part in (stamp[:8], REGION, service, "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        sent["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, "
                                 f"Signature={key.hex()}")
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request(method, path + ("?" + query if query else ""), body=body, headers=sent)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def must(self, *arguments, **more):
        status, text = self(*arguments, **more)
        if status >= 300:
            raise AssertionError(f"{arguments[:2]}: {status} {text[:300]}")
        return text

    def form(self, service, **parameters):
        """An action of STS or IAM; the answer as a tree without name spaces."""
        status, text = self("POST", "/", body=urllib.parse.urlencode(parameters).encode(), service=service,
                            headers={"content-type": "application/x-www-form-urlencoded"}.items())
        if status >= 300:
            raise AssertionError(f"{parameters['Action']}: {status} {text[:300]}")
        return text

    def assume_role(self, arn, policy=""):
        more = {"Policy": policy} if policy else {}
        text = self.form("sts", Action="AssumeRole", Version="2011-06-15", RoleArn=arn,
                         RoleSessionName="judge", DurationSeconds="900", **more)
        found = {e.tag.split("}")[-1]: e.text for e in tree.fromstring(text).iter()}
        return Raw("http://" + self.address, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


class Mount(harness.Mount):
    """A bucket of the judge's server as a directory."""

    def __init__(self, endpoint, directory, source, environment, *options):
        self.directory = pathlib.Path(directory)
        self.path = self.directory / "mnt"
        self.path.mkdir(parents=True, exist_ok=True)
        self.log_file = self.directory / "stsfs.log"
        self.command = [harness.STSFS, "mount", source, str(self.path), "--endpoint", endpoint,
                        "--state-dir", str(self.directory / "state"),
                        "--runtime-dir", str(self.directory / "run"),
                        "--log-file", str(self.log_file), "--log-level", "debug", *options]
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ALIBABA_", "OSS_"))}
        self.environment = {**plain, **harness.sanitized(self.directory), **environment}
        self.pid = None


class Case(unittest.TestCase):
    """Needs `server`: endpoint, key, secret."""

    @classmethod
    def setUpClass(cls):
        cls.raw = Raw(cls.server.endpoint, cls.server.key, cls.server.secret)
        cls.environment = cls.keys(cls.server.key, cls.server.secret)

    @staticmethod
    def keys(key, secret):
        """Under both families of names: a mount takes whichever comes first in its dialect."""
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
                "ALIBABA_CLOUD_ACCESS_KEY_ID": key, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret}

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="stsfs-judge-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.bucket = "judge-" + self.dir.name[-8:].replace("_", "x").lower()
        self.raw.must("PUT", "/" + self.bucket)

    def prepared(self, *options, source=None, name="m", environment=None):
        mount = Mount(self.server.endpoint, self.dir / name, source or "s3://" + self.bucket,
                      self.environment if environment is None else environment, *options)
        self.addCleanup(mount.stop)
        return mount

    def mount(self, *options, **more):
        mount = self.prepared(*options, **more)
        mount.start()
        return mount

    def stsfs(self, command, *words):
        return subprocess.run([harness.STSFS, command, *words, "--endpoint", self.server.endpoint],
                              env={**self.prepared().environment}, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)

    def doctor(self, *options):
        """Exit code, and findings but those that every judge has here."""
        done = self.stsfs("doctor", f"s3://{self.bucket}/data", "--json", *options)
        found = [row["finding"] for row in json.loads(done.stdout)["checks"] if row["finding"]]
        for query in ("", "uploads="):
            self.assertNotIn(b"<Key>", self.raw.must("GET", "/" + self.bucket, query=query), "something is left")
        return done.returncode, [name for name in found if name not in ("plain-http", "key-never-expires")]

    def urls(self, *options):
        """What `stsfs sign-url` prints does what it is for, and nothing else."""
        def ask(method, url, body=None, **headers):
            call = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "", **headers})
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=60) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        def sign(method, *more):
            done = self.stsfs("sign-url", method, f"s3://{self.bucket}/a dir/b+c é", *options, *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.strip()

        put = sign("put", "--header", "x-amz-meta-a: b")
        self.assertEqual(ask("PUT", put, b"by url", **{"x-amz-meta-a": "c"})[0], 403)
        self.assertEqual(ask("PUT", put, b"by url", **{"x-amz-meta-a": "b"})[0], 200)
        get = sign("get", "--query", "response-content-type=text/x")
        self.assertEqual(ask("GET", get), (200, b"by url"))
        self.assertEqual(ask("DELETE", get)[0], 403)
        self.assertEqual(ask("HEAD", sign("head"))[0], 200)
        self.assertEqual(ask("DELETE", sign("delete"))[0], 204)
        self.assertEqual(ask("GET", get)[0], 404)

    def contract(self, deviations):
        """The contract of store::ObjectStore, less what this service is known to do otherwise."""
        left_out = ":".join(f"*.{name}/*" for name in deviations)
        done = subprocess.run([os.environ["STORE_SUITE"], f"--gtest_filter=Judges/*-{left_out}", "--gtest_brief=1"],
                              env={**os.environ, **self.environment, "STSFS_JUDGE_ENDPOINT": self.server.endpoint},
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-3000:])
        self.assertIn("PASSED", done.stdout)
