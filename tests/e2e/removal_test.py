"""Many names taken away by one program: few requests, and no promise that is not kept."""
import contextlib
import os
import subprocess
import time

import harness
from harness import until


class Removal(harness.Case):
    def allowing(self, *actions):
        return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": ["*"]}]}

    def listed(self, m, path="."):
        return sorted(os.listdir(m.path / path))

    def tree(self, directories, files, prefix="tree"):
        for d in range(directories):
            self.emulator.objects(f"{prefix}/d{d:02}/f", files, 100)

    def requests(self):
        return sum(self.emulator.count(f"Delete{what}") for what in ("Object", "MultipleObjects"))

    def test_a_tree_goes_in_few_requests(self):
        self.tree(8, 100)
        m = self.mount()
        self.emulator.shape(latency="20ms")
        before = self.requests()
        began = time.monotonic()
        subprocess.run(["rm", "-rf", m.path / "tree"], check=True)
        took = time.monotonic() - began
        print(f"\n  rm -rf of 800 files in 8 directories: {took:.2f} s, {self.requests() - before} deletes")
        self.assertLess(self.requests() - before, 200)
        self.assertNotIn("tree", self.listed(m))
        self.emulator.shape()
        self.assertEqual(self.emulator.ask("GET", "tree/d00/f00000000")[0], 404)
        self.assertEqual(m.status()["files"]["deletions_under_way"], 0)

    def test_names_that_may_not_be_deleted_come_back(self):
        self.emulator.objects("kept/f", 40, 100)
        m = self.mount()
        every = self.listed(m, "kept")
        # Allowed for as long as it takes to begin a burst.
        self.emulator.fault("DeleteMultipleObjects", "code:AccessDenied")
        self.emulator.fault("DeleteObject", "code:AccessDenied", skip=9)
        gone = subprocess.run(["rm", "-rf", m.path / "kept"], capture_output=True, text=True)
        self.assertNotEqual(gone.returncode, 0, "rm has to say that it failed")
        self.assertIn("Permission denied", gone.stderr)
        self.emulator.no_faults()
        left = self.listed(m, "kept")
        self.assertGreater(len(left), 20)
        self.assertLessEqual(set(left), set(every))
        for name in left:
            self.assertEqual(len((m.path / "kept" / name).read_bytes()), 100)
            self.assertEqual(self.emulator.ask("HEAD", f"kept/{name}")[0], 200)
        self.assertEqual(self.emulator.ask("HEAD", f"kept/{every[0]}")[0], 404)
        self.assertIn("delete", m.status()["last_error"])
        subprocess.run(["rm", "-rf", m.path / "kept"], check=True)

    def test_fsync_of_a_directory_tells_what_failed(self):
        self.emulator.objects("synced/f", 20, 1)
        m = self.mount()
        names = self.listed(m, "synced")
        self.emulator.fault("DeleteMultipleObjects", "code:AccessDenied")
        self.emulator.fault("DeleteObject", "code:AccessDenied", skip=8)
        with contextlib.suppress(PermissionError):  # of the first that is waited for again
            for name in names:
                (m.path / "synced" / name).unlink()
        directory = os.open(m.path / "synced", os.O_RDONLY)
        self.addCleanup(os.close, directory)
        with self.assertRaises(PermissionError):
            os.fsync(directory)
        self.emulator.no_faults()
        os.fsync(directory)  # told once
        self.assertTrue(self.listed(m, "synced"))

    def test_a_name_can_be_used_again_at_once(self):
        self.emulator.objects("again/f", 60, 1)
        m = self.mount()
        names = self.listed(m, "again")
        self.emulator.shape(latency="20ms")
        for name in names[:30]:
            (m.path / "again" / name).unlink()
        for name in names[20:30]:
            (m.path / "again" / name).write_bytes(b"new " + name.encode())
        (m.path / "again" / names[40]).unlink()
        (m.path / "again" / names[41]).rename(m.path / "again" / names[40])
        self.assertEqual(self.listed(m, "again"), sorted(names[20:41] + names[42:]))
        for name in names[20:30]:
            self.assertEqual(self.emulator.get_object(f"again/{name}"), b"new " + name.encode())
        self.assertIsNone(self.emulator.get_object(f"again/{names[41]}"))
        self.assertIsNotNone(self.emulator.get_object(f"again/{names[40]}"))

    def test_what_is_open_stays_readable(self):
        self.emulator.objects("open/f", 40, 1000)
        m = self.mount()
        names = self.listed(m, "open")
        handles = [open(m.path / "open" / name, "rb") for name in names]
        for name in names:
            (m.path / "open" / name).unlink()
        os.rmdir(m.path / "open")
        for handle in handles:
            self.assertEqual(len(handle.read()), 1000)
            handle.close()

    def test_an_unmount_waits_for_what_is_under_way(self):
        self.emulator.objects("last/f", 40, 1)
        m = self.mount()
        names = self.listed(m, "last")
        self.emulator.hold("DeleteMultipleObjects")
        self.emulator.hold("DeleteObject", skip=8)
        for name in names[:20]:
            (m.path / "last" / name).unlink()
        self.assertEqual(self.listed(m, "last"), names[20:], "what was taken away is not listed")
        until(lambda: m.status()["files"]["deletions_under_way"] == 12, what="all but the first few are under way")
        ending = subprocess.Popen([harness.STSFS, "umount", str(m.path), "--runtime-dir", str(m.directory / "run")])
        time.sleep(0.3)
        self.assertTrue(m.mounted)
        self.emulator.release()
        self.assertEqual(ending.wait(30), 0)
        for name in names[:20]:
            self.assertEqual(self.emulator.ask("HEAD", f"last/{name}")[0], 404)


if __name__ == "__main__":
    harness.main()
