"""Who is measured: commands that mount a bucket in the foreground or in the background, and what ends them."""
import dataclasses
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import time

import machine

STSFS = os.environ.get("STSFS", "stsfs")
MOUNT_SECONDS = 30
DRAIN_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Candidate:
    """`command` is a template with the fields of Bench.fields(). `plain` is what to add where attributes
    may come from listings, None if there is no such choice; `remembering` what to add where answers
    may be five minutes old."""
    name: str
    command: str
    plain: str | None = None
    remembering: str = ""
    version: tuple = ()
    package: str = ""

    def words(self, fields, plain, remembering):
        parts = [self.command, self.plain or "" if plain else "", self.remembering if remembering else ""]
        return shlex.split(" ".join(filter(None, parts)).format(**fields))

    def version_line(self):
        if not self.version:
            return f"{self.name}: `{self.command}`"
        said = subprocess.run(self.version, capture_output=True, text=True, check=False).stdout.split("\n")[0]
        added = "".join(f"; {what}: `{more}`" for what, more in
                        (("plain", self.plain), ("lists and find", self.remembering)) if more)
        return f"{self.name} ({said}): `{self.command}`{added}"


OURS = Candidate(
    "stsfs",
    "stsfs mount oss://{bucket} {mnt} --foreground --endpoint {endpoint} --region {region} "
    "--role-arn {role_arn} --sts-endpoint {sts_endpoint} --state-dir {work}/state --runtime-dir {work}/run",
    plain="--attributes plain", remembering="--metadata-ttl 5m", version=(STSFS, "--version"))
PEERS = (
    Candidate("s3fs",
              "s3fs {bucket} {mnt} -f -o url={endpoint} -o use_path_request_style -o endpoint={region} "
              "-o passwd_file={passwd_file} -o tmpdir={work}",
              version=("s3fs", "--version"), package="s3fs"),
    Candidate("rclone",
              "rclone mount :s3:{bucket} {mnt} --config {work}/none --s3-provider Other --s3-env-auth "
              "--s3-endpoint {endpoint} --s3-region {region} --s3-force-path-style --cache-dir {work}/cache "
              "--no-checksum",  # the emulator's ETags of large objects are no MD5
              plain="--use-server-modtime", version=("rclone", "version"), package="rclone"),
)


def given(text):
    """A peer of the command line, NAME=TEMPLATE."""
    name, equals, command = text.partition("=")
    if not equals or "{mnt}" not in command or not name.replace("-", "").replace(".", "").isalnum():
        raise ValueError("a peer is NAME=COMMAND, and the command names {mnt}")
    return Candidate(name, command)


def found(peers):
    """stsfs, the peers that are installed, and those given."""
    everyone = {OURS.name: OURS}
    for peer in PEERS:
        if shutil.which(peer.package):
            everyone[peer.name] = peer
        elif peer.name not in {one.name for one in peers}:
            print(f"SKIPPED {peer.name}: not installed; apt-get install {peer.package}", flush=True)
    everyone.update({one.name: one for one in peers})
    return list(everyone.values())


def inherited():
    """Our environment without what would lead a peer elsewhere: proxies, and authorities that it may not read."""
    return {name: value for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and name not in ("AWS_CA_BUNDLE", "AWS_PROFILE")}


class MountFailed(RuntimeError):
    """The command did not mount; the text is the end of what it said."""


class Mount:
    """A candidate's mount; a context manager that leaves neither mount nor process behind."""

    number = 0

    def __init__(self, candidate, bench, plain=False, remembering=False):
        Mount.number += 1
        self.mark = f"{os.getpid()}-{Mount.number}"
        self.directory = bench.work / f"{candidate.name}-{Mount.number}"
        self.path = self.directory / "mnt"
        self.work = self.directory / "work"
        self.path.mkdir(parents=True)
        self.work.mkdir()
        self.log = self.directory / "log"
        fields = bench.fields(self)
        words = candidate.words(fields, plain, remembering)
        if candidate is OURS:
            words[0] = STSFS
        self.words = words
        self.environment = {**inherited(), **bench.environment(), machine.MARK: self.mark, "HOME": str(self.work)}
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.words, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        end = time.monotonic() + MOUNT_SECONDS
        while not os.path.ismount(self.path):
            if self.process.poll() not in (None, 0) or time.monotonic() > end:
                raise MountFailed(self.log.read_text(errors="replace")[-500:].strip() or "it did not mount")
            time.sleep(0.005)

    def end(self):
        self.unmount()
        if self.process is None:
            return
        for how, seconds in ((None, DRAIN_SECONDS), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            left = machine.marked(self.mark)
            for pid in left if how else ():
                try:
                    os.kill(pid, how)
                except ProcessLookupError:
                    pass
            if self.ended_within(seconds):
                break
        shutil.rmtree(self.directory, ignore_errors=True)

    def unmount(self):
        end = time.monotonic() + 5
        while os.path.ismount(self.path):
            words = ["umount", str(self.path)] if time.monotonic() < end else ["umount", "-l", str(self.path)]
            if subprocess.run(words, capture_output=True, check=False).returncode != 0:
                time.sleep(0.1)

    def ended_within(self, seconds):
        end = time.monotonic() + seconds
        while True:
            if not machine.marked(self.mark):
                self.process.wait()  # now, lest its CPU counts as that of what is measured next
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.01)


def passwd_file(directory, emulator):
    """The key pair as s3fs reads it."""
    path = pathlib.Path(directory) / "passwd-s3fs"
    path.write_text(f"{emulator.access_key_id}:{emulator.access_key_secret}\n")
    path.chmod(0o600)
    return path
