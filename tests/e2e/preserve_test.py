"""An edit through a mount changes what the program changed, and nothing else."""
import errno
import os
import re
import threading
import time

import harness
from harness import until

HEADERS = {"Content-Type": "text/html", "Content-Encoding": "gzip", "Cache-Control": "max-age=9",
           "Content-Disposition": "inline", "Content-Language": "de", "Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
SETTINGS = {"x-oss-object-acl": "private", "x-oss-storage-class": "IA", "x-oss-tagging": "a=1&b=2",
            "x-oss-server-side-encryption": "AES256", "x-oss-meta-note": "100%41", "x-oss-meta-xattr": "{\"user.a\":1}",
            "x-oss-meta-mode": "rw-r--r--"}
LEAST = ("oss:GetObject", "oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload", "oss:ListObjects")


class Preserve(harness.Case):
    buckets = ("examplebucket", "versioned")

    def set(self, key, bucket="examplebucket", **settings):
        """As another tool makes an object."""
        status, said = self.emulator.ask("PUT", key, b"data", bucket=bucket, headers=HEADERS,
                                         oss_headers={**SETTINGS, **settings})
        self.assertEqual(status, 200, said)

    def all_of(self, key, bucket="examplebucket"):
        """What is set on an object, but for what every edit changes."""
        head = {name.lower(): value for name, value in self.emulator.head(key, bucket).items()}
        wanted = [*HEADERS, "x-oss-storage-class", "x-oss-server-side-encryption", "x-oss-meta-note",
                  "x-oss-meta-xattr", "x-oss-meta-mode"]
        acl = self.emulator.ask("GET", key, bucket=bucket, resource="?acl")[1]
        tags = self.emulator.ask("GET", key, bucket=bucket, resource="?tagging")[1]
        return {**{name: head.get(name.lower()) for name in wanted},
                "acl": re.search(rb"<Grant>(.*)</Grant>", acl)[1],
                "tags": re.findall(rb"<Key>(.*?)</Key>\s*<Value>(.*?)</Value>", tags)}

    def edits(self):
        def append(path):
            with open(path, "ab") as file:
                file.write(b" and more")

        return {"chown": lambda path: os.chown(path, 7, 7), "touch": lambda path: os.utime(path, (1, 1)),
                "append": append, "truncate": lambda path: os.truncate(path, 2),
                "rewrite": lambda path: path.write_bytes(b"new"),
                "rename": lambda path: (os.rename(path, f"{path}2"), os.rename(f"{path}2", path))}

    def test_every_edit_keeps_everything(self):
        m = self.mount()
        for name, edit in self.edits().items():
            with self.subTest(name):
                key = f"{name}.html"
                self.set(key)
                before = self.all_of(key)
                self.assertEqual((before["acl"], before["tags"]), (b"private", [(b"a", b"1"), (b"b", b"2")]))
                edit(m.path / key)
                self.assertEqual(self.all_of(key), before)
        # A mode in a form of somebody else's is kept until a program sets another.
        self.set("mode.html")
        os.chmod(m.path / "mode.html", 0o600)
        self.assertEqual(self.all_of("mode.html")["x-oss-meta-mode"], str(0o100600))

    def test_a_tree_moves_with_all_that_is_set_in_it(self):
        m = self.mount()
        for number in range(3):
            self.set(f"tree/{number}.html")
        before = self.all_of("tree/0.html")
        os.rename(m.path / "tree", m.path / "moved")
        for number in range(3):
            self.assertEqual(self.all_of(f"moved/{number}.html"), before)

    def test_what_the_mount_made_is_asked_for_nothing(self):
        m = self.mount()
        asked = self.emulator.count("GetObjectAcl")
        (m.path / "own").write_bytes(b"x")
        os.chmod(m.path / "own", 0o600)
        os.rename(m.path / "own", m.path / "own2")
        self.assertEqual(self.emulator.count("GetObjectAcl"), asked)
        self.set("foreign")
        os.utime(m.path / "foreign", (1, 1))
        os.utime(m.path / "foreign", (2, 2))
        self.assertEqual(self.emulator.count("GetObjectAcl"), asked + 1, "once")

    def test_with_the_least_rights_edits_go_on_and_nothing_known_is_lost(self):
        role = self.emulator.role_arn
        self.addCleanup(self.emulator.policies, role)
        self.emulator.policies(role, [{"Version": "1", "Statement": [
            {"Effect": "Allow", "Action": list(LEAST), "Resource": "*"}]}])
        m = self.mount("--session-policy", "none")
        self.set("untagged", **{"x-oss-tagging": ""})
        self.set("other", **{"x-oss-tagging": ""})
        os.utime(m.path / "untagged", (1, 1))
        os.utime(m.path / "other", (1, 1))
        after = self.all_of("untagged")
        self.assertEqual((after["acl"], after["Cache-Control"]), (b"default", "max-age=9"))
        self.assertEqual(m.log().count("the ACL of an object may not be read"), 1, "told once")
        self.set("tagged")
        before = self.all_of("tagged")
        for edit in (lambda: os.utime(m.path / "tagged", (1, 1)), lambda: (m.path / "tagged").write_bytes(b"new")):
            with self.assertRaises(OSError) as caught:
                edit()
            self.assertEqual(caught.exception.errno, errno.EACCES)
            self.assertEqual(self.all_of("tagged"), before)

    def test_types_follow_names_until_somebody_chooses_one(self):
        m = self.mount()
        (m.path / "page.html").write_bytes(b"x")
        self.assertEqual(self.all_of("page.html")["Content-Type"], "text/html")
        (m.path / "sedX1y2").write_bytes(b"y")
        self.assertEqual(self.all_of("sedX1y2")["Content-Type"], "application/octet-stream")
        os.rename(m.path / "sedX1y2", m.path / "page.html")
        self.assertEqual(self.all_of("page.html")["Content-Type"], "text/html")
        self.set("chosen.css")
        os.rename(m.path / "chosen.css", m.path / "chosen.js")
        self.assertEqual(self.all_of("chosen.js")["Content-Type"], "text/html")
        fixed = self.mount("--content-type", "text/plain", name="fixed")
        (fixed.path / "fixed.html").write_bytes(b"x")
        self.assertEqual(self.all_of("fixed.html")["Content-Type"], "text/plain")

    def test_what_was_overwritten_in_a_race_is_told_where_versions_are_kept(self):
        self.emulator.ask("PUT", "", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
                          bucket="versioned", resource="?versioning")
        self.addCleanup(self.emulator.policies, self.emulator.role_arn)
        self.emulator.policies(self.emulator.role_arn, [{"Version": "1", "Statement": [
            {"Effect": "Allow", "Action": ["oss:*"], "Resource": "*"}]}])
        m = self.mount(source="oss://versioned")
        path = m.path / "raced"
        path.write_bytes(b"base")
        self.emulator.fault("PutObject", "hold", count=1)
        writer = threading.Thread(target=path.write_bytes, args=(b"mine",))
        writer.start()
        until(lambda: self.emulator.held > 0, what="the upload")
        self.assertEqual(self.emulator.ask("PUT", "raced", b"theirs", bucket="versioned")[0], 200)
        self.emulator.release()
        writer.join()
        self.assertEqual(path.read_bytes(), b"mine")
        status = m.status()
        self.assertEqual(status["metrics"]["fs.overwrites_found"], 1)
        version = status["last_error"].split("as version ")[1].split()[0]
        theirs = self.emulator.ask("GET", "raced", bucket="versioned", resource=f"?versionId={version}")
        self.assertEqual(theirs[1], b"theirs")

    def test_versioned_buckets_work_with_the_default_policy_and_with_less(self):
        self.emulator.ask("PUT", "", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
                          bucket="versioned", resource="?versioning")
        m = self.mount(source="oss://versioned")
        role = self.emulator.role_arn
        self.addCleanup(self.emulator.policies, role)
        for rights in (None, LEAST):
            if rights:
                self.emulator.policies(role, [{"Version": "1", "Statement": [
                    {"Effect": "Allow", "Action": list(rights), "Resource": "*"}]}])
            (m.path / "f").write_bytes(b"1")
            os.rename(m.path / "f", m.path / "g")
            os.chmod(m.path / "g", 0o600)
            os.utime(m.path / "g", (1, 1))
            self.assertEqual((m.path / "g").read_bytes(), b"1")

    def test_archived_objects_say_what_they_are(self):
        m = self.mount()
        self.set("arc", **{"x-oss-storage-class": "Archive", "x-oss-tagging": ""})
        for _ in range(3):
            with self.assertRaises(OSError) as caught:
                (m.path / "arc").read_bytes()
            self.assertEqual(caught.exception.errno, errno.EACCES)
            time.sleep(0.3)  # beyond the time for which a failed read fails unasked
        self.assertEqual(m.log().count("lies in an archive"), 1, "told once")
        self.assertGreater(m.status()["metrics"]["archived"], 0)


if __name__ == "__main__":
    harness.main()
