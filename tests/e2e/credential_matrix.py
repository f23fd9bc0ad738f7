"""Every operation meets every kind of credential trouble, in the very moment that matters.

In each cell the service holds one request of the operation (the k-th part, the completion, the second
page…), the weather changes, and the request goes on. What must come of it stands in TABLE, and nowhere
else. Whatever stands there, these are never allowed, and every cell looks for them: wrong bytes, lost
data that was acknowledged, a call that hangs, a daemon that ends, a mount that does not recover by
itself once the weather is fair again.
"""
import concurrent.futures
import errno
import multiprocessing
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import time
import traceback

import harness
from harness import until
from matrix_operations import OPERATIONS, Deviation, check

# "ok": the program notices nothing. Else the errno that it gets; afterwards the same call works,
# and "+upload" says that what was written is in the bucket in the end, without being written again.
TABLE = """
                  expires revoked sts-slow sts-back sts-down           sts-garbage        ahead behind no-rights
lookup            ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
readdir           ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
ranged-read       ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
sequential-read   ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
small-put         ok      ok      ok       ok       EKEYEXPIRED+upload EKEYEXPIRED+upload ok    ok     EACCES+upload
multipart-part    ok      ok      ok       ok       EKEYEXPIRED+upload EKEYEXPIRED+upload ok    ok     EACCES+upload
streamed-part     ok      ok      ok       ok       EKEYEXPIRED+upload EKEYEXPIRED+upload ok    ok     EACCES+upload
complete          ok      ok      ok       ok       EKEYEXPIRED+upload EKEYEXPIRED+upload ok    ok     EACCES+upload
copy              ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
rename-directory  ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
delete-many       ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
remove-tree       ok      ok      ok       ok       EKEYEXPIRED        EKEYEXPIRED        ok    ok     EACCES
"""

# Every weather meets oss:// mounts; s3:// mounts, on AWS's STS, meet those that differ there. What must
# come of it is the same.
DIALECTS = {"oss": TABLE.split("\n")[1].split(),
            "s3": ["expires", "revoked", "sts-down", "sts-garbage", "no-rights"]}

WORKERS = 12
OUTAGE_WAIT = "2s"    # --credential-wait where it is to end empty
LIMIT = 60            # s that one call may take, whatever the weather; the machine may be busy
RECOVERY = 60         # s until everything works again
TOKEN_SECONDS = 3     # in the cells where tokens end by themselves
PAGE = "<html><body>Please log in to the network</body></html>"
GARBAGE = {
    "oss": (PAGE, "{}", "", '{"Credentials": {"AccessKeyId": "STS.x"}}', '{"Credentials": "none"}',
            '{"Credentials": {"AccessKeyId": "STS.x", "AccessKeySecret": "y", "SecurityToken": "z",'
            ' "Expiration": "2001-01-01T00:00:00Z"}}'),
    "s3": (PAGE, "{}", "", "<AssumeRoleResponse/>", "<AssumeRoleResponse><AssumeRoleResult>",
           "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>x</AccessKeyId>"
           "<SecretAccessKey>y</SecretAccessKey><SessionToken>z</SessionToken>"
           "<Expiration>2001-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
           "</AssumeRoleResponse>")}


# ---- weather: begin() while a request is held; during() once it goes on

class Weather:
    options = ()
    duration = "900s"

    def begin(self, cell):
        pass

    def during(self, cell):
        """While the operation goes on."""


class Expires(Weather):
    duration = f"{TOKEN_SECONDS}s"

    def begin(self, cell):
        time.sleep(TOKEN_SECONDS + 1.2)  # the token's own life, and the second it is rounded up to


class Revoked(Weather):
    def begin(self, cell):
        cell.emulator.revoke()


class StsSlow(Weather):
    def begin(self, cell):
        cell.emulator.fault("AssumeRole", "delay:1500ms")
        cell.emulator.revoke()


class StsBack(Weather):
    def begin(self, cell):
        cell.emulator.fault("AssumeRole", "status:503", count=2)
        cell.emulator.revoke()


class StsDown(Weather):
    options = ("--credential-wait", OUTAGE_WAIT)

    def begin(self, cell):
        cell.emulator.fault("AssumeRole", "status:503")
        cell.emulator.revoke()


class StsGarbage(Weather):
    options = ("--credential-wait", OUTAGE_WAIT)

    def begin(self, cell):
        texts = GARBAGE[cell.dialect]
        cell.emulator.fault("AssumeRole", "body:" + texts[cell.number % len(texts)])
        cell.emulator.revoke()


class ClockAhead(Weather):
    def begin(self, cell):
        cell.emulator.fault("*", "clock-offset:20m")


class ClockBehind(Weather):
    def begin(self, cell):
        cell.emulator.fault("*", "clock-offset:-20m")


class NoRights(Weather):
    def begin(self, cell):
        cell.emulator.policies(cell.emulator.role_arn, [])


WEATHER = {"expires": Expires(), "revoked": Revoked(), "sts-slow": StsSlow(), "sts-back": StsBack(),
           "sts-down": StsDown(), "sts-garbage": StsGarbage(), "ahead": ClockAhead(),
           "behind": ClockBehind(), "no-rights": NoRights()}


# ---- a cell

class Cell:
    def __init__(self, number, dialect, operation, weather, stated):
        self.number = number
        self.dialect = dialect
        self.name = f"{dialect}: {operation} x {weather}"
        self.prefix = f"c{number}"
        self.make = OPERATIONS[operation]
        self.weather = WEATHER[weather]
        self.stated, _, self.more = stated.partition("+")
        self.emulator = self.mount = None
        self.took = 0.0

    def run(self, emulator, directory):
        """Nothing, or in what it deviates."""
        self.emulator = emulator
        begun = time.monotonic()
        s3 = self.dialect == "s3"
        options = self.make.s3_options if s3 and self.make.s3_options else self.make.options
        self.mount = harness.Mount(emulator, directory, *options, *self.weather.options,
                                   source=f"{self.dialect}://examplebucket/{self.prefix}",
                                   role=emulator.aws_role_arn if s3 else True,
                                   environment=emulator.aws_environment() if s3 else None,
                                   duration=self.weather.duration)
        try:
            self.judge()
            done = self.mount.umount("--timeout", "60s")
            check(done.returncode == 0, f"umount: {done.stderr}")
            check(not self.mount.reports(), f"the sanitizers: {self.mount.reports()}")
        except (Deviation, AssertionError, OSError) as trouble:
            return f"{trouble!r}\n{''.join(traceback.format_tb(trouble.__traceback__)[-2:])}{self.mount.log()[-6000:]}"
        finally:
            emulator.no_faults()
            emulator.policies(emulator.role_arn)
            try:
                self.mount.stop()
            except AssertionError as trouble:
                return repr(trouble)
            self.took = time.monotonic() - begun
        return None

    def judge(self):
        operation = self.make(self)
        operation.prepare()
        try:
            self.meet(operation)
            self.recover(operation)
        finally:
            operation.close()

    def meet(self, operation):
        result = []

        def program():
            try:
                operation.run()
                result.append("ok")
            except OSError as error:
                result.append(errno.errorcode.get(error.errno, str(error)))
            except Deviation as deviation:
                result.append(deviation)

        for what, passing in operation.held.items():
            self.emulator.hold(what, skip=passing)
        thread = threading.Thread(target=program, daemon=True)
        thread.start()
        until(lambda: self.emulator.held > 0 or result, 30, "its request comes")
        check(not result, f"over ({result}) before its {' or '.join(operation.held)} came")
        self.weather.begin(self)
        operation.met.set()
        self.emulator.release()
        thread.join(LIMIT)
        check(result, f"it hangs: no answer within {LIMIT} s")
        if isinstance(result[0], Deviation):
            raise result[0]
        check(self.mount.alive, "the daemon has ended")
        check(result[0] == self.stated, f"{result[0]} instead of {self.stated}")
        if self.stated == "ok":
            self.emulator.no_faults()  # a clock that is off would refuse us too
            operation.succeeded()
        else:
            operation.failed()

    def recover(self, operation):
        self.emulator.no_faults()
        self.emulator.policies(self.emulator.role_arn)
        if self.stated == "ok":
            return
        end = time.monotonic() + RECOVERY
        while True:
            try:
                operation.again()
                return
            except OSError as error:
                if time.monotonic() > end:
                    raise Deviation(f"no recovery within {RECOVERY} s: {error}") from error
                time.sleep(0.2)


def cells(pattern):
    lines = TABLE.strip().splitlines()
    number = 0
    for dialect, weathers in DIALECTS.items():
        for line in lines[1:]:
            operation, *outcomes = line.split()
            for weather, stated in zip(lines[0].split(), outcomes, strict=True):
                number += 1
                cell = Cell(number, dialect, operation, weather, stated)
                if weather in weathers and re.search(pattern, cell.name):
                    yield cell


class Worker:
    """What each worker process has: an emulator of its own. Workers are processes, since a cell's files must
    not be open in a process in which another cell starts a program: the child would close them first."""
    emulator = None

    @classmethod
    def begin(cls, emulators, indexes):
        cls.emulator = emulators[indexes.get()]

    @classmethod
    def run(cls, cell, directory):
        return cell.run(cls.emulator, directory), cell.took


def run_all(pattern):
    root = pathlib.Path(tempfile.mkdtemp(prefix="stsfs-matrix-"))
    every = list(cells(pattern))
    context = multiprocessing.get_context("fork")
    emulators, indexes = [], context.SimpleQueue()
    as_stated = 0
    try:
        for index in range(min(WORKERS, len(every))):
            emulators.append(harness.Emulator(root / f"emulator{index}", "--min-duration", "1s"))
            indexes.put(index)
        with concurrent.futures.ProcessPoolExecutor(max(1, len(emulators)), context, Worker.begin,
                                                    (emulators, indexes)) as pool:
            directories = [root / f"cell{cell.number}" for cell in every]
            for cell, (deviation, took) in zip(every, pool.map(Worker.run, every, directories)):
                as_stated += deviation is None
                print(f"{'ok' if deviation is None else 'NOT AS STATED'} - {cell.name} ({took:.1f} s)"
                      f"{'' if deviation is None else ': ' + deviation}", flush=True)
    finally:
        for emulator in emulators:
            emulator.stop()
        reports = "\n".join(p.read_text(errors="replace")[:8000] for p in sorted(root.glob("emulator*/*san.*")))
        shutil.rmtree(root, ignore_errors=True)
    print(reports)
    print(f"matrix: {len(every)} cells, {as_stated} as stated")
    return 0 if every and as_stated == len(every) and not reports else 1


if __name__ == "__main__":
    harness.must_be_able_to_mount()
    sys.exit(run_all(sys.argv[1] if len(sys.argv) > 1 else ""))
