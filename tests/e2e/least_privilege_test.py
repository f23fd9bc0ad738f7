"""A token that somebody steals from a mount is good for what the mount does, and for nothing else."""
import base64
import email.utils
import errno
import hashlib
import hmac
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import harness


class LeastPrivilege(harness.Case):
    def policy(self, *words):
        done = subprocess.run([harness.STSFS, "policy", "--session", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.strip()

    def thief(self, policy):
        """Sends raw requests with a token of a session that `policy` narrows; says the status."""
        held = self.emulator.assume_role(self.emulator.role_arn, 900, policy)

        def send(method, key="", query="", body=None, headers=None):
            date = email.utils.formatdate(usegmt=True)
            signed = {"x-oss-date": date, "x-oss-security-token": held["ALIBABA_CLOUD_SECURITY_TOKEN"],
                      **(headers or {})}
            lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
            text = f"{method}\n\n\n{date}\n{lines}/examplebucket/{key}"
            mac = hmac.new(held["ALIBABA_CLOUD_ACCESS_KEY_SECRET"].encode(), text.encode(), hashlib.sha1)
            signature = base64.b64encode(mac.digest()).decode()
            call = urllib.request.Request(
                f"{self.emulator.oss_endpoint}/examplebucket/{urllib.parse.quote(key)}?{query}", data=body,
                method=method, headers={**signed, "Authorization":
                                        f"OSS {held['ALIBABA_CLOUD_ACCESS_KEY_ID']}:{signature}"})
            # Without a body urllib adds no type; with one it would, and that would be signed.
            call.add_unredirected_header("Content-Type", "")
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=30) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
        return send

    def fill(self):
        m = self.mount(name="all")
        for name in ("data/a/deep", "data/b", "data/ab"):
            (m.path / name).mkdir(parents=True, exist_ok=True)
            (m.path / name / "file").write_bytes(name.encode())
        return m

    def test_a_read_only_token_of_one_prefix_reads_there_and_nowhere_else(self):
        self.fill()
        send = self.thief(self.policy("oss://examplebucket/data/a", "--read-only"))
        self.assertEqual(send("GET", "data/a/deep/file"), 200)
        self.assertEqual(send("HEAD", "data/a/deep/file"), 200)
        for query in ("prefix=data%2Fa%2F", "list-type=2&prefix=data%2Fa%2F&delimiter=%2F",
                      "list-type=2&prefix=data%2Fa%2Fdeep%2F"):
            self.assertEqual(send("GET", query=query), 200, query)
        for query in ("", "list-type=2", "prefix=data%2F", "prefix=data%2Fa", "prefix=data%2Fb%2F",
                      "list-type=2&prefix=&delimiter=%2F"):
            self.assertEqual(send("GET", query=query), 403, query)
        for key in ("data/b/file", "data/ab/file", "data/a"):
            self.assertEqual(send("GET", key), 403, key)
        for key in ("data/a/deep/file", "data/a/new", "data/b/new"):
            self.assertEqual(send("PUT", key, body=b""), 403, key)
            self.assertEqual(send("DELETE", key), 403, key)
        self.assertEqual(send("PUT", "data/a/stolen", body=b"",
                              headers={"x-oss-copy-source": "/examplebucket/data/b/file"}), 403)

    def test_a_writing_token_copies_nothing_in_from_elsewhere(self):
        self.fill()
        send = self.thief(self.policy("oss://examplebucket/data/a"))
        self.assertEqual(send("PUT", "data/a/new", body=b""), 200)
        self.assertEqual(send("PUT", "data/a/copy", body=b"",
                              headers={"x-oss-copy-source": "/examplebucket/data/a/deep/file"}), 200)
        self.assertEqual(send("PUT", "data/a/stolen", body=b"",
                              headers={"x-oss-copy-source": "/examplebucket/data/b/file"}), 403)
        self.assertEqual(send("PUT", "data/b/new", body=b""), 403)
        self.assertEqual(send("DELETE", "data/b/file"), 403)
        for key in ("data/a/new", "data/a/copy"):
            self.assertEqual(send("DELETE", key), 204)

    def test_everything_that_a_mount_does_works_with_it(self):
        full = self.fill()
        m = self.mount("--part-size", "1MiB", "--multipart-threshold", "2MiB", name="narrow",
                       source="oss://examplebucket/data/a")
        big = harness.random_bytes(5_000_000, 1)
        (m.path / "big").write_bytes(big)
        os.rename(m.path / "big", m.path / "deep/moved")
        os.rename(m.path / "deep", m.path / "other")
        self.assertEqual((m.path / "other/moved").read_bytes(), big)
        os.symlink("other/file", m.path / "link")
        self.assertEqual((m.path / "link").read_bytes(), b"data/a/deep")
        os.chmod(m.path / "other/file", 0o600)
        os.unlink(m.path / "other/moved")
        self.assertEqual(sorted(os.listdir(m.path)), ["link", "other"])
        self.assertEqual(sorted(os.listdir(full.path / "data/a/other")), ["file"])
        read = self.mount("--read-only", name="reading", source="oss://examplebucket/data/a")
        self.assertEqual((read.path / "other/file").read_bytes(), b"data/a/deep")
        with self.assertRaises(OSError) as caught:
            (read.path / "new").write_bytes(b"x")
        self.assertEqual(caught.exception.errno, errno.EROFS)

    def test_names_that_hold_wildcards_are_names(self):
        full = self.mount(name="full")
        for name in ("w*ld?", "wild1", "wxxld1"):
            (full.path / name).mkdir()
            (full.path / name / "file").write_bytes(b"x")
        m = self.mount("--read-only", name="wild", source="oss://examplebucket/w*ld?")
        self.assertEqual(os.listdir(m.path), ["file"])
        self.assertEqual((m.path / "file").read_bytes(), b"x")
        send = self.thief(self.policy("oss://examplebucket/w*ld?", "--read-only"))
        self.assertEqual(send("GET", "wxxld1/file"), 403)

    def test_a_policy_that_sts_would_not_take_is_refused_before_mounting(self):
        m = self.mount(name="long", source="oss://examplebucket/" + "p" * 1000, background=False)
        done = m.run()
        self.assertEqual(done.returncode, 2)
        self.assertIn("2048", done.stderr)
        self.assertFalse(m.mounted)


if __name__ == "__main__":
    harness.main()
