"""What the emulator costs, in its own CPU time: the client is a process apart and does not count.

`scripts/bench emulator` runs it against the release build. Each line ends with what is promised.
"""
import base64
import email.utils
import hashlib
import hmac
import mmap
import os
import pathlib
import socket
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

CONNECTIONS = 16
REQUESTS = 60_000
GIB = 1 << 30
TICKS = os.sysconf("SC_CLK_TCK")


def line(what, measured, promised):
    print(f"{what:<46} {measured:>26}   {promised}", flush=True)


class Bench:
    def __init__(self, emulator):
        self.emulator = emulator
        host, port = emulator.address.split(":")
        self.address = (host, int(port))

    def cpu(self):
        """Seconds that the emulator has used so far."""
        fields = pathlib.Path(f"/proc/{self.emulator.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def head(self, method, path, resource, length=0, query=""):
        """A request signed with V1; the same bytes are good for fifteen minutes."""
        date = email.utils.formatdate(usegmt=True)
        text = f"{method}\n\n\n{date}\n{resource}"
        mac = hmac.new(self.emulator.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()
        return (f"{method} {path}{query} HTTP/1.1\r\nHost: {self.address[0]}\r\nDate: {date}\r\n"
                f"Authorization: OSS {self.emulator.access_key_id}:{base64.b64encode(mac).decode()}\r\n"
                f"Content-Length: {length}\r\n\r\n").encode()

    def connect(self):
        return socket.create_connection(self.address)

    def small(self, name, request, body=b""):
        """Rounds over some connections: one request on each, then the answer of each."""
        sockets = [self.connect() for _ in range(CONNECTIONS)]
        whole = request + body
        sockets[0].sendall(whole)
        first = sockets[0].recv(1 << 16)
        assert first.startswith(b"HTTP/1.1 200"), first[:200]
        begun, used = time.monotonic(), self.cpu()
        for _ in range(REQUESTS // CONNECTIONS):
            for one in sockets:
                one.sendall(whole)
            for one in sockets:
                if not one.recv(1 << 16).startswith(b"HTTP/1.1 200"):
                    raise AssertionError("a request failed")
        wall, used = time.monotonic() - begun, self.cpu() - used
        for one in sockets:
            one.close()
        line(name, f"{REQUESTS / used:,.0f} a CPU second", f"20,000 ({REQUESTS / wall:,.0f} a second with this client)")

    def download(self):
        with self.connect() as one:
            used = self.cpu()
            one.sendall(self.head("GET", "/examplebucket/big00000000", "/examplebucket/big00000000"))
            room, got = bytearray(1 << 20), 0
            while got < GIB:
                n = one.recv_into(room)
                if n == 0:
                    raise AssertionError("the answer ended early")
                got += n
            line("GET of 1 GiB", f"{self.cpu() - used:.2f} CPU s", "0.6 s")

    def upload(self, name):
        chunk = os.urandom(1 << 20)
        with self.connect() as one:
            used = self.cpu()
            one.sendall(self.head("PUT", f"/examplebucket/{name}", f"/examplebucket/{name}", GIB))
            for _ in range(GIB // len(chunk)):
                one.sendall(chunk)
            answer = one.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
            line(f"PUT of 1 GiB, {name}", f"{self.cpu() - used:.2f} CPU s", "0.6 s")


def fresh_memory():
    """What this machine itself takes for memory that nobody has used yet; every body needs some."""
    begun = time.process_time()
    with mmap.mmap(-1, GIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE):
        line("1 GiB of fresh memory, without the emulator", f"{time.process_time() - begun:.2f} CPU s", "")


def starts(folder):
    times = []
    for i in range(9):
        begun = time.monotonic()
        emulator = harness.Emulator(folder / f"start{i}")
        times.append(time.monotonic() - begun)
        emulator.stop()
    line("start until ready (median of 9)", f"{statistics.median(times) * 1000:.0f} ms", "100 ms")


def main():
    with tempfile.TemporaryDirectory(prefix="stsfs-bench-") as name:
        folder = pathlib.Path(name)
        starts(folder)
        emulator = harness.Emulator(folder / "memory")
        bench = Bench(emulator)
        try:
            begun = time.monotonic()
            emulator.admin("POST", "/objects", {"bucket": "examplebucket", "prefix": "many/", "count": 100_000,
                                                "size": 4096})
            line("a bucket of 100,000 objects", f"{time.monotonic() - begun:.2f} s", "seconds")
            small = "/examplebucket/many/00000007"
            bench.small("GET of 4 KiB", bench.head("GET", small, small))
            bench.small("HEAD", bench.head("HEAD", small, small))
            bench.small("PUT of 100 bytes", bench.head("PUT", "/examplebucket/put", "/examplebucket/put", 100), b"x" * 100)
            emulator.admin("POST", "/objects", {"bucket": "examplebucket", "prefix": "big", "count": 1, "size": GIB})
            bench.download()
            fresh_memory()
            bench.upload("in-memory")
            bench.upload("in-memory")
            bench.upload("in-memory")  # into the memory of the first
        finally:
            emulator.stop()
        emulator = harness.Emulator(folder / "disk", keep=True)
        try:
            Bench(emulator).upload("on-disk")
        finally:
            emulator.stop()


if __name__ == "__main__":
    main()
