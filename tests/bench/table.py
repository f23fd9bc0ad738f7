"""scripts/bench table: stsfs, its peers and a raw HTTP client side by side, in one run on one machine.

Everything is loopback and runs on this machine: client, daemon and `stsfs emulator` share its CPUs. Each
round measures every candidate; what is published is the median of the rounds.
"""
import argparse
import base64
import contextlib
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import candidates  # noqa: E402  (the folder above must be on the path first)
import machine  # noqa: E402
import report  # noqa: E402
import workloads  # noqa: E402
from harness import Emulator, must_be_able_to_mount  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
HELPERS = pathlib.Path(os.environ.get("STSFS_BENCH_HELPERS", ROOT / "build/release/tests/bench"))
SHAPES = {"unshaped": {}, "shaped": {"latency": "20ms", "bandwidth_per_connection": "100MB/s"}}
KINDS = {"GetObject": "GET", "HeadObject": "HEAD", "GetObjectMeta": "HEAD", "ListObjects": "LIST",
         "ListObjectsV2": "LIST", "PutObject": "PUT", "UploadPart": "PUT", "DeleteObject": "DELETE",
         "CopyObject": "COPY", "UploadPartCopy": "COPY", "AssumeRole": None}
RAW = "raw HTTP"


class Bench:
    """One emulator with its objects, and what the candidates are told of it."""

    def __init__(self, emulator, work, sizes):
        self.emulator = emulator
        self.work = work
        self.sizes = sizes
        self.passwd_file = candidates.passwd_file(work, emulator)
        self.signed = {}

    def fields(self, mount):
        facts = self.emulator.facts
        return {"mnt": mount.path, "work": mount.work, "bucket": self.emulator.bucket, "region": facts["region"],
                "endpoint": facts["oss_endpoint"], "sts_endpoint": facts["sts_endpoint"],
                "role_arn": facts["role_arn"], "access_key_id": facts["access_key_id"],
                "access_key_secret": facts["access_key_secret"], "passwd_file": self.passwd_file}

    def environment(self):
        return {**self.emulator.environment(), **self.emulator.aws_environment(), "LC_ALL": "C"}

    def shape(self, condition):
        self.emulator.shape(**SHAPES[condition])

    def url(self, method, key):
        """A request's URL, signed as OSS V1 for a day; for "LIST" the key is a prefix and the key before the page."""
        if (method, key) not in self.signed:
            self.signed[method, key] = self.sign(method, key)
        return self.signed[method, key]

    def sign(self, method, key):
        resource, query = f"/{self.emulator.bucket}/{key}", {}
        if method == "LIST":
            prefix, last = key
            resource = f"/{self.emulator.bucket}/"
            query = {"prefix": prefix, "marker": last, "max-keys": workloads.PAGE}
        expires = int(time.time()) + 86_400
        text = f"{'GET' if method == 'LIST' else method}\n\n\n{expires}\n{resource}"
        mac = hmac.new(self.emulator.access_key_secret.encode(), text.encode(), hashlib.sha1)
        query.update({"OSSAccessKeyId": self.emulator.access_key_id, "Expires": expires,
                      "Signature": base64.b64encode(mac.digest()).decode()})
        return f"{self.emulator.oss_endpoint}{resource}?{urllib.parse.urlencode(query)}"

    def keys(self, prefix):
        """All keys under a prefix, asked for past every mount, and how many requests that took."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        found, asked = [], 0
        while True:
            with opener.open(self.url("LIST", (prefix, found[-1] if found else ""))) as answer:
                page = [part.partition("</Key>")[0] for part in answer.read().decode().split("<Key>")[1:]]
            found += page
            asked += 1
            if len(page) < workloads.PAGE:
                return found, asked

    def forget_written(self):
        """Takes away what rows have made, without the shape's delay."""
        self.shape("unshaped")
        for prefix in ("written", "made/"):
            for key in self.keys(prefix)[0]:
                self.emulator.ask("DELETE", key)

    def settled_stats(self):
        """The counters once nothing is under way, which a read-ahead may be for a moment."""
        end = time.monotonic() + 1
        while True:
            stats = self.emulator.stats()
            if time.monotonic() > end or not any(row["in_flight"] for row in stats.values()):
                return stats
            time.sleep(0.02)


class Session:
    """One scenario of one candidate in one round: measures its rows and hands each to `emit`."""

    def __init__(self, bench, scenario, about, emit):
        self.bench = bench
        self.scenario = scenario
        self.sizes = bench.sizes
        self.about = about
        self.emit = emit
        self.mount = None
        self.connections = workloads.CONNECTIONS[about["condition"]]

    @property
    def pids(self):
        """The daemon's processes, as they are now; none for the raw client."""
        return machine.marked(self.mount.mark) if self.mount else []

    def failed(self, row, why):
        self.emit({**self.about, "row": row.key, "failed": why[-300:]})

    def work(self, row, *words, asks=True, whole=None):
        """Runs the workload helper; what it reported, or None. `whole` says what must be in the bucket
        before the row has ended: a prefix of as many objects, or keys and sizes."""
        return self.measured(row, lambda: self.helper("workload", *words), asks, whole)

    def requests(self, row, connections, wanted, seconds=None, per=1):
        """Runs the raw client. `per`: operations of the row that one request stands for."""
        lines = "".join(self.line(one) for one in wanted)

        def run():
            done = self.helper("raw_client", connections, seconds or self.sizes.seconds, given=lines)
            if row.unit == "s" and done["operations"] < len(wanted):
                raise TooLong(seconds or self.sizes.seconds)
            return {**done, "operations": done["operations"] * per}
        return self.measured(row, run, asks=all(one is None or one[0] in ("GET", "PUT") for one in wanted))

    def line(self, wanted):
        if wanted is None:
            return "-\n"
        method, key, start, length = wanted
        if method == "LIST":
            return f"GET {self.bench.url('LIST', (key, start))} 0 0\n"
        return f"{method} {self.bench.url(method, key)} {start} {length}\n"

    def helper(self, name, *words, given=None):
        done = subprocess.run([HELPERS / f"bench_{name}", *map(str, words)], input=given, capture_output=True,
                              text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise RowFailed(done.stderr.strip() or f"bench_{name} ended with {done.returncode}")
        return json.loads(done.stdout)

    def command(self, row, words, lines, names):
        """Runs a program that must print so many lines, about so many names."""
        def run():
            begun = time.monotonic()
            try:
                done = subprocess.run(words, capture_output=True, check=False, timeout=self.sizes.longest,
                                      env={**os.environ, "LC_ALL": "C"})
            except subprocess.TimeoutExpired as late:
                raise TooLong(self.sizes.longest) from late
            seconds = time.monotonic() - begun
            if done.returncode != 0 or done.stdout.count(b"\n") != lines:
                raise RowFailed(f"{words[0]} printed {done.stdout.count(10)} lines of {lines}: "
                                f"{done.stderr.decode(errors='replace')[-200:]}")
            return {"seconds": seconds, "bytes": 0, "operations": names}
        return self.measured(row, run)

    def measured(self, row, run, asks=True, whole=None):
        """Runs it between two looks at every counter. `asks`: the bytes are the service's, not the kernel's."""
        emulator = self.bench.emulator
        emulator.admin("POST", "/stats/reset")
        daemon, children = machine.cpu_seconds(self.pids), machine.children_seconds()
        server, machine_wide, begun = machine.cpu_seconds([emulator.process.pid]), machine.busy_seconds(), time.monotonic()
        try:
            done = run()
            own = self.wait_until(whole, done, begun) if whole else {}
        except RowFailed as trouble:
            self.failed(row, str(trouble))
            return None
        except TooLong as late:
            self.emit({**self.about, "row": row.key, "longer": late.seconds})
            return None
        passed = time.monotonic() - begun
        daemon, children = machine.cpu_seconds(self.pids) - daemon, machine.children_seconds() - children
        server = machine.cpu_seconds([emulator.process.pid]) - server
        others = machine.busy_seconds() - machine_wide - daemon - children - server
        kinds, moved = self.asked_for(own)
        self.emit({**self.about, "row": row.key, "value": row.value(done), **done,
                   "cpu": daemon if self.mount else children, "peak_mib": machine.peak_mib(self.pids), "requests": kinds,
                   "moved": moved / done["bytes"] if asks and done["bytes"] else None,
                   "others": max(0.0, others) / max(passed, 0.01)})
        return done

    def wait_until(self, whole, done, begun):
        """Until what was written is in the bucket, for who uploads after close: adds what that took to
        the seconds. How many requests of which kind the looks were."""
        own, late = {"LIST": 0, "HEAD": 0}, False
        while not self.is_whole(whole, done, own):
            late = True
            if time.monotonic() - begun > 60:
                raise RowFailed("what was written did not come to the bucket")
            time.sleep(0.05)
        if late:
            done["seconds"] = time.monotonic() - begun
        return own

    def is_whole(self, whole, done, own):
        if isinstance(whole, str):
            found, asked = self.bench.keys(whole)
            own["LIST"] += asked
            return sum(not key.endswith("/") for key in found) >= done["operations"]
        own["HEAD"] += len(whole)
        heads = [self.bench.emulator.ask("HEAD", key) for key, _ in whole]
        return all(status == 200 and int(headers["Content-Length"]) == size
                   for (status, headers), (_, size) in zip(heads, whole))

    def asked_for(self, own):
        """Requests by kind, without our own, and the bytes of objects that went either way."""
        kinds, moved = {}, 0
        for name, row in self.bench.settled_stats().items():
            kind = KINDS.get(name, name)
            if kind is not None and row["count"]:
                kinds[kind] = kinds.get(kind, 0) + row["count"]
            if kind in ("GET", "PUT"):
                moved += row["bytes_out"] if kind == "GET" else row["bytes_in"]
        for kind, count in own.items():
            kinds[kind] = kinds.get(kind, 0) - count
        return {kind: count for kind, count in sorted(kinds.items()) if count > 0}, moved


class RowFailed(RuntimeError):
    """A row that gives no figure, and why."""


class TooLong(RuntimeError):
    def __init__(self, seconds):
        super().__init__(f"longer than {seconds} s")
        self.seconds = seconds


class Table:
    """All rounds: who is measured on what, and what came out."""

    def __init__(self, options, sizes, everyone, results):
        self.options = options
        self.sizes = sizes
        self.everyone = everyone
        self.results = results
        self.records = []
        self.hopeless = set()
        self.patience = machine.Patience(options.patience)

    def emit(self, record):
        self.records.append(record)
        self.results.write(json.dumps(record) + "\n")
        self.results.flush()
        if "longer" in record:
            self.hopeless.add((record["condition"], record["candidate"], record["row"]))
        said = record.get("failed") or (f"over {record['longer']} s" if "longer" in record else
                                        report.number(record["value"]))
        print(f"{record['condition']:<9} {record['round']} {record['row']:<24} {record['candidate']:<10} {said}", flush=True)

    def chosen(self):
        wanted = self.options.rows
        for scenario in workloads.scenarios(self.sizes):
            if not wanted or any(row.key in wanted for row in scenario.rows):
                yield scenario

    def rounds(self, bench):
        """As many as were asked for and as the time is likely to hold."""
        begun = time.monotonic()
        for number in range(1, self.options.rounds + 1):
            for condition in self.options.cond:
                for scenario in self.chosen():
                    self.scenario(bench, scenario, condition, number)
            passed = time.monotonic() - begun
            if passed * (number + 1) / number > self.options.minutes * 60:
                return

    def scenario(self, bench, scenario, condition, number):
        """Every candidate in turn; another begins in each round."""
        turns = [RAW, *self.everyone]
        shift = (number - 1) % len(turns)
        for candidate in turns[shift:] + turns[:shift]:
            name = candidate if candidate == RAW else candidate.name
            about = {"condition": condition, "round": number, "candidate": name}
            session = Session(bench, scenario, about, self.emit)
            if candidate == RAW and scenario.raw is None or self.is_hopeless(scenario, condition, name):
                continue
            self.ready(bench, scenario)
            if candidate == RAW:
                bench.shape(condition)
                scenario.raw(session)
            else:
                self.mounted(bench, scenario, candidate, session, condition)
            if scenario.writes:
                bench.forget_written()

    def is_hopeless(self, scenario, condition, name):
        """It took too long before, or so did a smaller one of its kind."""
        known = {row for where, who, row in self.hopeless if (where, who) == (condition, name)}
        return any(row.key in known or row.smaller in known for row in scenario.rows)

    def ready(self, bench, scenario):
        """Disks and others are quiet, and the memory that bulk takes is there: on a virtual machine, memory
        that nobody has touched for a while is several times slower at first."""
        os.sync()
        self.patience.wait()
        if scenario.bulk:
            subprocess.run([HELPERS / "bench_workload", "memory", str(min(bench.sizes.big, workloads.GIB))], capture_output=True, check=False)

    def mounted(self, bench, scenario, candidate, session, condition):
        bench.shape("unshaped")  # mounting is no row
        try:
            with candidates.Mount(candidate, bench, scenario.plain, scenario.remembering) as mount:
                session.mount = mount
                bench.shape(condition)
                scenario.mounted(session, mount.path)
                bench.shape("unshaped")
        except (candidates.MountFailed, OSError, subprocess.TimeoutExpired) as trouble:
            for row in scenario.rows:
                session.failed(row, str(trouble))


def words(text):
    return tuple(filter(None, text.split(",")))


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench table", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: about three minutes")
    parser.add_argument("--cond", type=words, default=tuple(SHAPES), help="unshaped,shaped: 20 ms to the first byte "
                        "and 100 MB/s a connection are the shape")
    parser.add_argument("--rows", type=words, default=(), help="keys of rows, as the progress shows them; all")
    parser.add_argument("--rounds", type=int, help="how often each row is measured at most (3; 1 with --quick)")
    parser.add_argument("--minutes", type=float, default=25, help="no round begins that is likely to end later")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="another peer: a command that "
                        "mounts, with {mnt} {bucket} {endpoint} {work} {region} {access_key_id} {access_key_secret} "
                        "{passwd_file}; AWS's and Alibaba Cloud's variables hold the keys")
    parser.add_argument("--without", type=words, default=(), help="candidates to leave out")
    parser.add_argument("--patience", type=float, default=90, help="seconds to wait, in all, for others to be quiet")
    parser.add_argument("--nice", type=int, default=0, help="of all that is measured; -8 is before others")
    parser.add_argument("--work", help="where mounts and staged files lie; a disk, not memory")
    parser.add_argument("--to", type=pathlib.Path, help="where the table goes: docs/benchmarks, or build/bench with "
                        "--quick, --rows or --cond")
    parser.add_argument("--report", type=pathlib.Path, metavar="RESULTS", help="write the table of an earlier run anew")
    options = parser.parse_args(arguments)
    if unknown := set(options.cond) - set(SHAPES):
        parser.error(f"--cond: {', '.join(sorted(unknown))}?")
    keys = {row.key for one in workloads.scenarios(workloads.Sizes()) for row in one.rows}
    if unknown := set(options.rows) - keys:
        parser.error(f"--rows: {', '.join(sorted(unknown))}? There are {', '.join(sorted(keys))}")
    try:
        options.peers = [candidates.given(text) for text in options.peer]
    except ValueError as wrong:
        parser.error(str(wrong))
    options.rounds = options.rounds or (1 if options.quick else 3)
    partly = options.quick or options.rows or set(options.cond) != set(SHAPES)
    options.to = options.to or ROOT / ("build/bench" if partly else "docs/benchmarks")
    return options


def about_run(options, sizes, everyone, arguments):
    said = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {"about": {"date": datetime.datetime.now().strftime("%Y-%m-%d"), "machine": machine.described(),
                      "command": " ".join(["scripts/bench table", *arguments]), "commit": said.stdout.strip(),
                      "quick": options.quick, "big": sizes.big, "lists": sizes.lists, "write": sizes.write,
                      "candidates": [[one.name, one.version_line()] for one in everyone]}}


def measure(options, arguments, path):
    sizes = workloads.QUICK if options.quick else workloads.Sizes()
    everyone = [one for one in candidates.found(options.peers) if one.name not in options.without]
    machine.be_first(options.nice)
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stsfs-bench-", dir=options.work)))
        results = stack.enter_context(open(path, "w", encoding="utf-8"))
        results.write(json.dumps(about_run(options, sizes, everyone, arguments)) + "\n")
        emulator = Emulator(work / "emulator")
        stack.callback(emulator.stop)
        workloads.fill(emulator, sizes)
        Table(options, sizes, everyone, results).rounds(Bench(emulator, work, sizes))


def main(arguments):
    options = options_of(arguments)
    results = options.report
    if results is None:
        must_be_able_to_mount()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        results = ROOT / f"build/bench/{datetime.datetime.now():%Y-%m-%d-%H%M%S}.jsonl"
        results.parent.mkdir(parents=True, exist_ok=True)
        print(f"every figure goes to {results}; --report makes a table of it, of one that was broken off too", flush=True)
        measure(options, arguments, results)
    options.to.mkdir(parents=True, exist_ok=True)
    report.publish(results, options.to)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
