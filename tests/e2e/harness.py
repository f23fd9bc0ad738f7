"""The real program on a real mount, with the emulator behind it.

A test file ends with `harness.main()`. Without root or /dev/fuse it prints SKIPPED and why, and
exits 77. What the sanitizers say goes to files that every mount is judged by when it ends.
"""
import base64
import contextlib
import email.utils
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid

STSFS = os.environ.get("STSFS", "stsfs")
SKIPPED = 77


def must_be_able_to_mount():
    """Ends as skipped where it cannot be done."""
    for why, missing in (("needs root, to mount", os.geteuid() != 0),
                         ("needs /dev/fuse", not os.path.exists("/dev/fuse")),
                         (f"needs the program: {STSFS}", shutil.which(STSFS) is None)):
        if missing:
            print(f"SKIPPED: {why}")
            sys.exit(SKIPPED)


def main():
    """Runs the tests of the calling file."""
    must_be_able_to_mount()
    unittest.main(verbosity=2)


def until(condition, seconds=10, what="the condition"):
    """Waits for something that another process does; its value once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def request(method, url, body=None, timeout=30):
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(url, data=data, method=method,
                                  headers={"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=timeout) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.strip() else None


def sanitized(directory):
    """The environment with sanitizers that report into `directory`."""
    return {"ASAN_OPTIONS": f"log_path={directory}/asan:detect_stack_use_after_return=0",
            "UBSAN_OPTIONS": f"log_path={directory}/ubsan:print_stacktrace=1",
            "TSAN_OPTIONS": f"log_path={directory}/tsan"}


def reports_in(directory):
    return "\n".join(p.read_text(errors="replace")[:8000] for p in sorted(directory.glob("*san.*")))


class Emulator:
    """`stsfs emulator`, started when made."""

    def __init__(self, directory, *options, buckets=("examplebucket",), keep=False,
                 listen="127.0.0.1:0"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.options = list(options)
        for bucket in buckets:
            self.options += ["--bucket", bucket]
        if keep:
            self.options += ["--data", str(self.directory / "data")]
        self.process = self.log = None
        self.start(listen)

    def start(self, listen):
        self.close_log()
        ready = self.directory / "ready.json"
        ready.unlink(missing_ok=True)
        self.log = open(self.directory / "emulator.log", "ab")
        self.process = subprocess.Popen(
            [STSFS, "emulator", "--listen", listen, "--ready-file", str(ready), *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            env={**os.environ, **sanitized(self.directory)})
        until(lambda: ready.exists() or self.process.poll() is not None, 20, "the emulator is ready")
        if self.process.poll() is not None:
            raise AssertionError((self.directory / "emulator.log").read_text())
        self.facts = json.loads(ready.read_text())

    def __getattr__(self, name):
        if name in self.__dict__.get("facts", {}):
            return self.facts[name]
        raise AttributeError(name)

    @property
    def address(self):
        return self.facts["oss_endpoint"].split("://")[1]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        """At the same address; needs keep=True."""
        self.start(self.address)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            self.process.wait(20)
        self.close_log()

    def reports(self):
        """What sanitizers found."""
        return reports_in(self.directory)

    def close_log(self):
        if self.log is not None:
            self.log.close()
            self.log = None

    def admin(self, method, path, body=None):
        return request(method, self.facts["admin_endpoint"] + path, body)

    def stats(self):
        return self.admin("GET", "/stats")["operations"]

    def count(self, operation):
        return self.stats().get(operation, {}).get("count", 0)

    def codes(self, operation):
        """How often which error was answered, "(broken)" for connections that broke."""
        return self.stats().get(operation, {}).get("codes", {})

    def errors(self, operation):
        return self.stats().get(operation, {}).get("errors", 0)

    def fault(self, operation, fault, **more):
        self.admin("POST", "/faults", {"operation": operation, "fault": fault, **more})

    def no_faults(self):
        self.admin("DELETE", "/faults")

    def shape(self, **values):
        self.admin("POST", "/shape", values)

    def revoke(self):
        self.admin("POST", "/tokens/revoke")

    def hold(self, operation, **more):
        """Lets requests wait at the service's door until release(); "skip" lets the first few pass."""
        self.fault(operation, "hold", **more)

    def release(self):
        self.admin("POST", "/faults/release")

    @property
    def held(self):
        return self.admin("GET", "/stats")["held"]

    @property
    def signed_past_expiry(self):
        """How many requests were signed with a token that had ended by then."""
        return self.admin("GET", "/stats")["signed_past_expiry"]

    def policies(self, role_arn, documents=None):
        """What a role may do from now on; None: what it could at first."""
        body = {"role": role_arn.rsplit("/", 1)[1]}
        if documents is not None:
            body["policies"] = documents
        self.admin("POST", "/policies", body)

    def objects(self, prefix, count, size, bucket="examplebucket"):
        """Makes many objects at once, PREFIX00000000 and so on, all with the same bytes."""
        self.admin("POST", "/objects", {"bucket": bucket, "prefix": prefix, "count": count, "size": size})

    def ask(self, method, key, body=None, bucket="examplebucket", resource="", oss_headers=None, headers=None):
        """One request of the base user's, past every mount, about the object or, as "?acl", a part of
        it: status and body."""
        oss_headers = oss_headers or {}
        date = email.utils.formatdate(usegmt=True)
        others = dict(headers or {})
        kind = "" if body is None else others.pop("Content-Type", "application/octet-stream")
        named = "".join(f"{name}:{value}\n" for name, value in sorted(oss_headers.items()))
        text = f"{method}\n\n{kind}\n{date}\n{named}/{bucket}/{key}{resource}"
        mac = hmac.new(self.facts["access_key_secret"].encode(), text.encode(), hashlib.sha1).digest()
        headers = {**others, **oss_headers, "Date": date, "Authorization":
                   f"OSS {self.facts['access_key_id']}:{base64.b64encode(mac).decode()}"}
        if kind:
            headers["Content-Type"] = kind
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, f"/{bucket}/{urllib.parse.quote(key)}{resource}", body=body, headers=headers)
            answer = connection.getresponse()
            if method == "HEAD":
                return answer.status, dict(answer.getheaders())
            return answer.status, answer.read()
        finally:
            connection.close()

    def head(self, key, bucket="examplebucket"):
        """The headers of an object that is there."""
        status, headers = self.ask("HEAD", key, bucket=bucket)
        if status != 200:
            raise AssertionError(f"HEAD {key}: {status}")
        return headers

    def get_object(self, key, bucket="examplebucket"):
        """An object's bytes, or None."""
        status, body = self.ask("GET", key, bucket=bucket)
        if status not in (200, 404):
            raise AssertionError(f"GET {key}: {status} {body[:300]}")
        return body if status == 200 else None

    def put_object(self, key, body, bucket="examplebucket"):
        status, answer = self.ask("PUT", key, body, bucket=bucket)
        if status != 200:
            raise AssertionError(f"PUT {key}: {status} {answer[:300]}")

    def assume_role(self, arn, seconds, policy=None):
        """Credentials of STS as any program would fetch them."""
        parameters = {"Action": "AssumeRole", "Version": "2015-04-01", "Format": "JSON",
                      "AccessKeyId": self.facts["access_key_id"], "SignatureMethod": "HMAC-SHA1",
                      "SignatureVersion": "1.0", "SignatureNonce": uuid.uuid4().hex,
                      "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                      "RoleArn": arn, "RoleSessionName": "test", "DurationSeconds": str(seconds)}
        if policy:
            parameters["Policy"] = policy

        def quote(text):
            return urllib.parse.quote(text, safe="-_.~")

        query = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(parameters.items()))
        key = (self.facts["access_key_secret"] + "&").encode()
        mac = hmac.new(key, f"GET&%2F&{quote(query)}".encode(), hashlib.sha1).digest()
        answer = request("GET", f"{self.facts['sts_endpoint']}/?{query}"
                         f"&Signature={quote(base64.b64encode(mac).decode())}")
        held = answer["Credentials"]
        return {"ALIBABA_CLOUD_ACCESS_KEY_ID": held["AccessKeyId"],
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": held["AccessKeySecret"],
                "ALIBABA_CLOUD_SECURITY_TOKEN": held["SecurityToken"]}

    def environment(self):
        return {"ALIBABA_CLOUD_ACCESS_KEY_ID": self.facts["access_key_id"],
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.facts["access_key_secret"]}


    def aws_environment(self):
        return {"AWS_ACCESS_KEY_ID": self.facts["access_key_id"],
                "AWS_SECRET_ACCESS_KEY": self.facts["access_key_secret"]}


class Mount:
    """A bucket of an emulator as a directory; a context manager that unmounts."""

    def __init__(self, emulator, directory, *options, source="oss://examplebucket", role=True,
                 environment=None, duration="900s", endpoint=None, background=True):
        self.emulator = emulator
        self.directory = pathlib.Path(directory)
        self.path = self.directory / "mnt"
        self.path.mkdir(parents=True, exist_ok=True)
        self.log_file = self.directory / "stsfs.log"
        words = [STSFS, "mount", source, str(self.path),
                 "--endpoint", endpoint or emulator.oss_endpoint, "--region", emulator.region,
                 "--state-dir", str(self.directory / "state"), "--runtime-dir", str(self.directory / "run"),
                 "--log-file", str(self.log_file), "--log-level", "debug"]
        if role:
            arn = emulator.role_arn if role is True else role
            words += ["--role-arn", arn, "--role-duration", duration]
            if "--sts-endpoint" not in options:
                words += ["--sts-endpoint", emulator.sts_endpoint]
        self.command = words + list(options)
        # The default chain looks into the home and asks an instance's metadata server last.
        self.environment = {**os.environ, **sanitized(self.directory),
                            "HOME": str(self.directory), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
                            "AWS_EC2_METADATA_DISABLED": "true",
                            **(emulator.environment() if environment is None else environment)}
        self.pid = None
        if background:
            self.start()

    def run(self, timeout=60):
        """Only starts it; for mounts that may be refused."""
        return subprocess.run(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    def start(self):
        done = self.run()
        if done.returncode != 0:
            raise AssertionError(f"mount ended with {done.returncode}: {done.stderr}\n{self.log()}")
        self.pid = self.status()["pid"]

    def log(self):
        return self.log_file.read_text(errors="replace")[-20000:] if self.log_file.exists() else ""

    def stsfs(self, command, *options, timeout=90):
        return subprocess.run([STSFS, command, str(self.path), "--runtime-dir", str(self.directory / "run"),
                               *options], env={**os.environ, **sanitized(self.directory)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def status(self):
        """What `stsfs status --json` prints, asked without a process of its own: threads that hold files
        of the mount may be about, and a child would close these, which uploads and waits."""
        sockets = list((self.directory / "run").glob("*.sock"))
        if len(sockets) != 1:
            raise AssertionError(f"status: {len(sockets)} control sockets")
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(60)
            try:
                control.connect(str(sockets[0]))
                control.sendall(b'{"request": "status"}\n')
                with control.makefile("rb") as answer:
                    return json.loads(answer.readline())
            except (OSError, ValueError) as trouble:
                raise AssertionError(f"status: {trouble!r}") from trouble

    def umount(self, *options):
        return self.stsfs("umount", *options)

    @property
    def mounted(self):
        return f" {self.path} " in pathlib.Path("/proc/self/mountinfo").read_text()

    @property
    def alive(self):
        """The daemon runs; one that has ended and waits for its parent does not."""
        try:
            return ") Z " not in pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False

    def reports(self):
        """What sanitizers found."""
        return reports_in(self.directory)

    def stop(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.mounted:
                self.umount("--timeout", "20s", "--lazy")
        if self.alive:
            os.kill(self.pid, signal.SIGTERM)
            os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(AssertionError):
                until(lambda: not self.alive, 10)
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=False)
        if self.reports():
            raise AssertionError(self.reports())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Witness:
    """A relay in front of the emulator's STS that sees how many calls are under way at once."""

    def __init__(self, upstream, delay=0.0):
        witness = self
        self.most = self.calls = 0
        self.under_way = set()  # connections whose call has no answer yet
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self):
                with witness.lock:
                    witness.calls += 1
                    witness.under_way.add(self.connection)
                    witness.most = max(witness.most, sum(map(witness.waits, witness.under_way)))
                try:
                    time.sleep(delay)
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                    call = urllib.request.Request(upstream + self.path, data=body or None,
                                                  method=self.command, headers=headers)
                    try:
                        answer = urllib.request.urlopen(call, timeout=30)
                    except urllib.error.HTTPError as error:
                        answer = error
                    text = answer.read()
                finally:
                    with witness.lock:
                        witness.under_way.discard(self.connection)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "server", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = relay

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def waits(connection):
        """Whether the client is still there; a call that it gave up is not under way."""
        state = select.poll()
        state.register(connection, select.POLLRDHUP)
        return not state.poll(0)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Case(unittest.TestCase):
    """A test with a folder and an emulator of its own class."""
    emulator_options = ("--min-duration", "1s")
    keep = False
    buckets = ("examplebucket",)

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="stsfs-e2e-"))
        cls.emulator = Emulator(cls.root / "emulator", *cls.emulator_options, buckets=cls.buckets,
                                keep=cls.keep)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()
        reports = cls.emulator.reports()
        shutil.rmtree(cls.root, ignore_errors=True)
        if reports:
            raise AssertionError(reports)

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        self.emulator.no_faults()
        self.emulator.shape()

    def mount(self, *options, name="m", **more):
        """A mount that ends with the test."""
        mount = Mount(self.emulator, self.dir / name, *options, **more)
        self.addCleanup(mount.stop)
        return mount


def random_bytes(size, seed):
    import random
    return random.Random(seed).randbytes(size)
