"""Versity's S3 gateway as a judge: it keeps the conditions of every write, copy and completion.

Comes from the Go module proxy: `go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`.
"""
import errno
import os
import pathlib
import shutil
import subprocess
import tempfile

import server

VERSION = "v1.8.0"


def program():
    """Where the gateway is: VERSITYGW, the search path, or .cache/conformance."""
    for found in (os.environ.get("VERSITYGW"), shutil.which("versitygw"), str(server.CACHE / "versitygw")):
        if found and os.access(found, os.X_OK):
            return found
    if not server.MAY_FETCH:
        server.skip("versitygw is not installed; scripts/conformance versitygw builds it (3 minutes)")
    if shutil.which("go") is None:
        server.skip("versitygw is built with Go, which is not here")
    server.CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["go", "install", f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"],
                          env={**os.environ, "GOBIN": str(server.CACHE)}, capture_output=True, text=True)
    if done.returncode != 0:
        server.skip(f"versitygw could not be built: {done.stderr[-300:]}")
    return str(server.CACHE / "versitygw")


class Gateway:
    key, secret = "judgekey", "judgesecret0123456789"

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="stsfs-versitygw-"))
        self.processes = server.Processes(self.directory)
        for folder in ("data", "versions"):
            (self.directory / folder).mkdir()
        port = server.free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        process = self.processes.start(
            "gateway", program(), "--quiet", "-p", f"127.0.0.1:{port}", "-a", self.key, "-s", self.secret,
            "--keep-alive", "posix", "--versioning-dir", str(self.directory / "versions"),
            str(self.directory / "data"), HOME=str(self.directory))
        server.harness.until(lambda: server.answers(port) or process.poll() is not None, 60, "the gateway answers")
        if process.poll() is not None:
            server.skip(f"versitygw does not start here: {self.processes.log('gateway')}")

    def stop(self):
        self.processes.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Versity(server.Case):
    def test_the_contract_of_the_store(self):
        # A file system has no room for "a" beside "a/b", nor for names like "..".
        self.contract(["KeysAreBytes", "ListingsFoldAndTurnPages", "CopiesCanCreateExclusively"])

    def test_what_is_written_is_what_is_read(self):
        m = self.mount("--multipart-threshold", "12MiB", "--part-size", "6MiB")
        big = server.harness.random_bytes(20_000_000, 5)
        (m.path / "dir").mkdir()
        (m.path / "dir" / "small").write_bytes(b"hello")
        (m.path / "dir" / "big").write_bytes(big)
        (m.path / "dir" / "big").rename(m.path / "moved")
        fresh = self.mount(name="fresh")
        self.assertEqual((fresh.path / "moved").read_bytes(), big)
        self.assertEqual((fresh.path / "dir" / "small").read_bytes(), b"hello")
        self.assertEqual(sorted(os.listdir(fresh.path)), ["dir", "moved"])
        self.assertEqual(os.listdir(fresh.path / "dir"), ["small"])

    def loses_against_another_writer(self, content, name):
        m = self.mount("--multipart-threshold", "12MiB", "--part-size", "6MiB")
        (m.path / name).write_bytes(b"first")
        file = os.open(m.path / name, os.O_RDWR)
        self.addCleanup(os.close, file)
        for at in range(0, len(content), 1 << 20):
            os.write(file, content[at:at + (1 << 20)])
        self.raw.must("PUT", f"/{self.bucket}/{name}", body=b"somebody else's")
        with self.assertRaises(OSError) as caught:
            os.fsync(file)
        self.assertEqual(caught.exception.errno, errno.ESTALE)
        self.assertEqual(self.raw.must("GET", f"/{self.bucket}/{name}"), b"somebody else's")
        kept = [n for n in os.listdir(m.path) if n.startswith(name + ".conflict-")]
        self.assertEqual(len(kept), 1, os.listdir(m.path))
        self.assertEqual((m.path / kept[0]).read_bytes(), content)

    def test_a_write_never_replaces_what_it_did_not_see(self):
        self.loses_against_another_writer(b"mine, and longer", "small")

    def test_nor_does_a_completion(self):
        self.loses_against_another_writer(server.harness.random_bytes(13_000_000, 6), "big")

    def test_a_doctor_is_content_and_leaves_nothing(self):
        self.assertEqual(self.doctor(), (0, ["looks-first"]))

    def test_signed_urls(self):
        self.urls()

    def test_a_bad_key_is_named(self):
        for environment in (self.keys("nobody", self.server.secret), self.keys(self.server.key, "wrong")):
            done = self.prepared(environment=environment).run()
            self.assertEqual(done.returncode, 4, done.stderr)


if __name__ == "__main__":
    Versity.server = Gateway()
    try:
        server.harness.main()
    finally:
        Versity.server.stop()
