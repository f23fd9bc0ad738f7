"""systemd accepts the unit, and nothing in it takes the service out of the host's mount namespace."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

UNIT = pathlib.Path(os.environ.get("PROJECT_ROOT", ".")) / "systemd/stsfs@.service"
# Each of these gives the service a mount namespace of its own, where nobody sees its mount.
HIDES_MOUNTS = ("PrivateTmp ProtectHome ProtectSystem ReadWritePaths InaccessiblePaths BindPaths "
                "TemporaryFileSystem PrivateDevices ProtectKernelTunables ProtectKernelModules "
                "ProtectKernelLogs ProtectControlGroups ProtectProc ProcSubset PrivateIPC PrivateMounts "
                "DynamicUser").split()


class Unit(unittest.TestCase):
    def test_systemd_accepts_it(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("needs systemd-analyze")
        done = subprocess.run(["systemd-analyze", "verify", str(UNIT)], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_the_mount_stays_visible(self):
        set_here = set(re.findall(r"^(\w+)=", UNIT.read_text(), re.M))
        self.assertEqual(set_here & set(HIDES_MOUNTS), set())
        self.assertLessEqual({"Restart", "TimeoutStopSec", "StateDirectory", "RuntimeDirectory"}, set_here)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("SKIPPED: needs systemd-analyze")
        sys.exit(77)
    unittest.main(verbosity=2)
