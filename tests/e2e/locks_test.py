"""Locks of files hold among the programs on a mount."""
import fcntl
import subprocess
import sys

import harness

# Tries for a lock without waiting; exit code 1: somebody has it.
TRY = """
import fcntl, sys
with open(sys.argv[2], "r+b") as file:
    try:
        getattr(fcntl, sys.argv[1])(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(1)
"""


class Locks(harness.Case):
    def test_one_program_at_a_time_has_a_lock(self):
        path = self.mount().path / "locked"
        path.write_bytes(b"x")
        for kind in ("flock", "lockf"):
            def got_by_another():
                return subprocess.run([sys.executable, "-c", TRY, kind, path]).returncode == 0
            with open(path, "r+b") as file:
                self.assertTrue(got_by_another())
                getattr(fcntl, kind)(file, fcntl.LOCK_EX)
                self.assertFalse(got_by_another())
                getattr(fcntl, kind)(file, fcntl.LOCK_UN)
                self.assertTrue(got_by_another())


if __name__ == "__main__":
    harness.main()
