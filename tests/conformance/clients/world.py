"""Where the vendor's own clients meet the emulator.

A judge is a driver of ours that uses such clients, with pinned versions that are fetched once into
.cache/conformance by the registry's own program. What cannot be had is SKIPPED (77) with its
reason, after a bounded time. Clients that insist on the vendor's host names, https or the metadata
address run in a network of their own, where these lead to the emulator (vendor_names.py).
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = pathlib.Path(os.environ.get("PROJECT_ROOT", HERE.parents[2]))
CACHE = ROOT / ".cache" / "conformance"
STSFS = os.environ.get("STSFS", "stsfs")
SKIPPED = 77
NO_PROXIES = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


class Missing(Exception):
    """What cannot be had, and why."""


def need(program):
    found = shutil.which(program)
    if found is None:
        raise Missing(f"needs {program}")
    return found


def bounded(what, words, seconds, **more):
    """Runs a program that may wait for a network. Raises Missing with its last words."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace",
                               start_new_session=True, **more)
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise Missing(f"{what}: not within {seconds} s") from None
    if process.returncode != 0:
        last = " ".join(said.split())[-300:]
        raise Missing(f"{what}: {last or f'ended with {process.returncode}'}")
    return said


def fetched(kind, pins, fetch):
    """The folder that `fetch(folder)` filled for exactly these pins, now or in an earlier run."""
    key = hashlib.sha256(b"\0".join(pathlib.Path(pin).read_bytes() for pin in pins)).hexdigest()[:12]
    place = CACHE / f"{kind}-{key}"
    whole = place / ".whole"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f".{kind}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            fetch(place)
            whole.touch()
    return place


def node_modules():
    """A folder with `node_modules` of npm/package.json."""
    need("node")
    npm = need("npm")
    pins = HERE / "npm" / "package.json"

    def fetch(place):
        shutil.copy(pins, place)
        bounded("npm install", [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts",
                                "--fetch-retries=1", "--fetch-timeout=30000"], 300, cwd=place)

    return fetched("npm", [pins], fetch)


def virtual_environment():
    """A Python virtual environment with pypi/requirements.txt."""
    pins = HERE / "pypi" / "requirements.txt"

    def fetch(place):
        bounded("python3 -m venv", [sys.executable, "-m", "venv", str(place)], 120)
        bounded("pip install", [str(place / "bin/python"), "-m", "pip", "install", "-q",
                                "--disable-pip-version-check", "--retries", "1", "--timeout", "30",
                                "-r", str(pins)], 400)

    return fetched(f"pypi-{sys.version_info[0]}.{sys.version_info[1]}", [pins], fetch)


def go_programs():
    """A folder with `ossutil` and `sdk`, the driver of the Go SDK, built."""
    go = need("go")
    sources = [HERE / "go" / name for name in ("go.mod", "go.sum", "main.go", "tools.go")]

    def fetch(place):
        for source in sources:
            shutil.copy(source, place)
        for name, package in (("ossutil", "github.com/aliyun/ossutil"), ("sdk", ".")):
            bounded(f"go build {package}", [go, "build", "-o", str(place / name), package], 900,
                    cwd=place, env={**os.environ, "GOFLAGS": "-mod=mod"})

    return fetched("go", sources, fetch)


def names_can_be_taken():
    """Whether this machine lets us have a network of our own."""
    if not all(shutil.which(program) for program in ("unshare", "ip", "openssl")):
        return False
    done = subprocess.run([*own_network(), "true"], stdin=subprocess.DEVNULL, capture_output=True,
                          check=False)
    return done.returncode == 0


def own_network():
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return words if os.geteuid() == 0 else [*words, "--map-root-user"]


def judge(*drivers, environment=None, seconds=600):
    """Runs the drivers, each against an emulator of its own; the worst exit code of all."""
    words = [sys.executable, "-B", str(HERE / "vendor_names.py")]
    if names_can_be_taken():
        words = [*own_network(), *words]
    else:
        print("SKIPPED in part: no network of one's own here (unshare, ip, openssl), so nothing "
              "that needs the vendor's names is asked", flush=True)
        words.append("--plain")
    worst = 0
    for driver in drivers:
        done = subprocess.run([*words, *map(str, driver)], stdin=subprocess.DEVNULL, check=False,
                              env={**NO_PROXIES, "STSFS": STSFS, **(environment or {})}, timeout=seconds)
        worst = max(worst, 1 if done.returncode < 0 else done.returncode)
    return worst


def main(run):
    """The end of a judge's file: what it returns, or SKIPPED with the reason."""
    try:
        need(STSFS)
        sys.exit(run())
    except Missing as why:
        print(f"SKIPPED: {' '.join(str(why).split())}")
        sys.exit(SKIPPED)
