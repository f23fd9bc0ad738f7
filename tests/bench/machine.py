"""What processes use and what else the machine does: CPU, memory, load. All of it from /proc."""
import os
import pathlib
import platform
import time

TICKS = os.sysconf("SC_CLK_TCK")
MARK = "STSFS_BENCH_MOUNT"


def marked(name):
    """The processes that began with MARK=name in their environment, children's children too; a daemon
    that leaves its parent keeps it. What has ended and waits for its parent has no environment."""
    wanted = f"{MARK}={name}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                pass  # ended meanwhile
    return found


def cpu_seconds(pids):
    """User and system time of the processes and of the children that they have waited for."""
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
        except OSError:
            pass
    return total / TICKS


def peak_mib(pids):
    """The most memory that each has had, added up."""
    total = 0
    for pid in pids:
        try:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().split("\n"):
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def children_seconds():
    """CPU of all children of this process that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def busy_seconds():
    """CPU that the whole machine has used, other people's too."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICKS


class Patience:
    """Waits for others on the machine to be quiet, for so many seconds in the whole run."""

    def __init__(self, seconds):
        self.left = seconds

    def wait(self, quiet=0.3, look=0.25):
        """Returns once less than `quiet` CPUs were busy over `look` seconds, or patience is used up."""
        while self.left > 0:
            begun, used = time.monotonic(), busy_seconds()
            time.sleep(look)
            passed = time.monotonic() - begun
            self.left -= passed
            if (busy_seconds() - used) / passed < quiet:
                return


def be_first(nice):
    """Puts this session before others. Where the kernel groups processes by session, only the group's
    own value counts beside other sessions."""
    if nice:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        group = pathlib.Path("/proc/self/autogroup")
        if group.exists():
            group.write_text(str(nice))


def described():
    """The machine in a line."""
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n")
                  if line.startswith("model name")), platform.machine())
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    return f"{os.cpu_count()} CPUs ({model}), {memory:.0f} GiB of memory, Linux {platform.release()}"
