"""scripts/bench quick: through the mount beside raw HTTP, in one run on one machine."""
import base64
import concurrent.futures
import hashlib
import hmac
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from harness import Emulator, Mount  # noqa: E402  (the folder above must be on the path first)

GIB = 1 << 30
OBJECTS = 10_000


def peak_memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().split("\n"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sequential_write(path, size):
    """Seconds until close returned."""
    piece = os.urandom(1 << 20)
    begun = time.monotonic()
    with open(path, "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(piece)
    return time.monotonic() - begun


def curl_ranges(url, size, parallel=8):
    """Seconds that curl takes for the object in `parallel` ranges at once."""
    step = size // parallel
    begun = time.monotonic()
    ranges = [f"{i * step}-{(i + 1) * step - 1}" for i in range(parallel)]
    curls = [subprocess.Popen(["curl", "-sSf", "--noproxy", "*", "-r", r, "-o", "/dev/null", url]) for r in ranges]
    for curl in curls:
        if curl.wait() != 0:
            raise SystemExit("curl failed")
    return time.monotonic() - begun


def sequential(path, size):
    begun = time.monotonic()
    done = 0
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while got := file.readinto(buffer):
            done += got
    if done != size:
        raise SystemExit(f"read {done} bytes of {size}")
    return time.monotonic() - begun


def signed_url(emulator, key):
    """A V1 signed URL, made here so that no part of stsfs is measured with."""
    expires = int(time.time()) + 3600
    text = f"GET\n\n\n{expires}\n/{emulator.bucket}/{key}"
    mac = hmac.new(emulator.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()
    query = urllib.parse.urlencode({"OSSAccessKeyId": emulator.access_key_id, "Expires": expires,
                                    "Signature": base64.b64encode(mac).decode()})
    return f"{emulator.oss_endpoint}/{emulator.bucket}/{key}?{query}"


def main():
    with tempfile.TemporaryDirectory(prefix="stsfs-bench-") as work:
        work = pathlib.Path(work)
        emulator = Emulator(work / "emulator", keep=True)
        try:
            with Mount(emulator, work / "writer", "--log-level", "info") as writer:
                # The content lies on this disk three times: here, staged by the mount, and in the emulator.
                local = sequential_write(work / "local", GIB)
                print(f"sequential write of 1 GiB to the local disk       {GIB / local / 1e6:8.0f} MB/s")
                begun = cpu_seconds(writer.pid)
                taken = sequential_write(writer.path / "big", GIB)
                print(f"sequential write of 1 GiB, until close returned   {GIB / taken / 1e6:8.0f} MB/s"
                      f"   {local / taken:5.2f} of the disk   {cpu_seconds(writer.pid) - begun:5.2f} CPU s")
                (writer.path / "many").mkdir()
                begun = time.monotonic()
                with concurrent.futures.ThreadPoolExecutor(16) as pool:
                    list(pool.map(lambda i: (writer.path / f"many/{i:05}").touch(), range(OBJECTS)))
                print(f"creating {OBJECTS} empty files, 16 at a time             {OBJECTS / (time.monotonic() - begun):8.0f} /s")
            raw = min(curl_ranges(signed_url(emulator, "big"), GIB) for _ in range(2))
            print(f"curl, 8 ranges at once                             {GIB / raw / 1e6:8.0f} MB/s")
            with Mount(emulator, work / "reader", "--log-level", "info") as reader:
                begun = cpu_seconds(reader.pid)
                taken = sequential(reader.path / "big", GIB)
                print(f"sequential read of 1 GiB, cold, through the mount  {GIB / taken / 1e6:8.0f} MB/s"
                      f"   {raw / taken:5.2f} of curl       {cpu_seconds(reader.pid) - begun:5.2f} CPU s")
                memory_read = peak_memory(reader.pid)
            with Mount(emulator, work / "lister", "--log-level", "info") as lister:
                emulator.admin("POST", "/stats/reset")
                begun = time.monotonic()
                listed = subprocess.run(["ls", "-l", lister.path / "many"], capture_output=True, check=True)
                taken = time.monotonic() - begun
                requests = sum(row["count"] for name, row in emulator.stats().items() if name != "AssumeRole")
                if len(listed.stdout.split(b"\n")) != OBJECTS + 2:
                    raise SystemExit("ls did not show every object")
                print(f"ls -l of {OBJECTS} objects                             {taken:8.2f} s    {requests:5} requests")
                memory_list = peak_memory(lister.pid)
            print(f"peak memory: reading {memory_read:.0f} MiB, listing {memory_list:.0f} MiB")
        finally:
            emulator.stop()


if __name__ == "__main__":
    main()
