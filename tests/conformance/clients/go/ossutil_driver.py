"""ossutil against the emulator: V1, V4, temporary keys, its own AssumeRole, and its signed URLs."""
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

FACTS = json.loads(os.environ["EMULATOR"])
NAMES = os.environ.get("VENDOR_NAMES") == "1"
REGION, BUCKET = FACTS["region"], "oss://" + FACTS["bucket"]
ENDPOINT = f"https://oss-{REGION}.aliyuncs.com" if NAMES else FACTS["oss_endpoint"]
PAIR = ("-i", FACTS["access_key_id"], "-k", FACTS["access_key_secret"])


def fetch(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Case(unittest.TestCase):
    key = PAIR
    more = ()

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=os.environ["HOME"]))

    def run_it(self, command, *words):
        patient = () if command in ("appendfromfile", "cat", "sign", "mkdir", "du") else ("--retry-times", "1")
        return subprocess.run([os.environ["OSSUTIL"], command, *map(str, words), "-e", ENDPOINT, *self.key,
                               *self.more, *patient], cwd=self.dir, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)

    def ok(self, command, *words):
        done = self.run_it(command, *words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def refused(self, code, command, *words):
        done = self.run_it(command, *words)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(code, done.stdout + done.stderr)


class V1(Case):
    name = "v1"

    def test_files_folders_and_what_they_say(self):
        at = f"{BUCKET}/ossutil-{self.name}"
        whole = random.Random(1).randbytes(3_300_000)
        (self.dir / "whole").write_bytes(whole)
        self.ok("cp", "whole", f"{at}/one", "-f")
        self.ok("cp", "whole", f"{at}/parts", "-f", "--bigfile-threshold=200000", "--part-size=200000",
                "--parallel=3", "--checkpoint-dir=up")
        for name in ("one", "parts"):
            self.ok("cp", f"{at}/{name}", f"{name}.back", "-f", "--bigfile-threshold=200000", "--part-size=200000",
                    "--parallel=3", "--checkpoint-dir=down")
            self.assertEqual((self.dir / f"{name}.back").read_bytes(), whole)
        self.ok("set-meta", f"{at}/one", "X-Oss-Meta-Colour:blue#Content-Type:text/x-odd", "--update", "-f")
        said = self.ok("stat", f"{at}/one")
        self.assertRegex(said, r"X-Oss-Meta-Colour\s*: blue")
        self.assertRegex(said, r"Content-Type\s*: text/x-odd")
        self.ok("create-symlink", f"{at}/link", f"ossutil-{self.name}/one")
        self.assertIn(f"ossutil-{self.name}/one", self.ok("read-symlink", f"{at}/link"))
        (self.dir / "tree/ü &+%20").mkdir(parents=True)
        (self.dir / "tree/ü &+%20/leaf").write_text("leaf")
        self.ok("cp", "-r", "tree/", f"{at}/tree/", "-f")
        self.ok("cp", "-r", f"{at}/tree/", f"{at}/twin/", "-f")
        self.assertIn("leaf", self.ok("cat", f"{at}/twin/ü &+%20/leaf"))
        self.assertEqual(len(re.findall(r"oss://\S*ossutil", self.ok("ls", at + "/"))), 7)
        self.ok("appendfromfile", "tree/ü &+%20/leaf", f"{at}/grown")
        self.ok("set-acl", f"{at}/one", "private", "-f")
        self.refused("NoSuchKey", "cat", f"{at}/missing")
        self.refused("NoSuchBucket", "ls", "oss://nosuchbucket")
        self.ok("rm", "-r", at + "/", "-f")
        self.assertIn("Object Number is: 0", self.ok("ls", at + "/"))

    def signed(self, key):
        return next(line for line in self.ok("sign", f"{BUCKET}/{key}", "--timeout", "60").splitlines()
                    if line.startswith("http"))

    def test_a_signed_url(self):
        (self.dir / "f").write_text("by url")
        self.ok("cp", "f", f"{BUCKET}/ossutil-url-{self.name}", "-f")
        url = self.signed(f"ossutil-url-{self.name}")
        self.assertEqual(fetch(url), (200, b"by url"))
        self.assertEqual(fetch(url, "DELETE")[0], 403)

    def test_a_signed_url_is_the_one_that_stsfs_makes(self):
        key = f"url-{self.name}/ä +&"

        def ours():
            done = subprocess.run(
                [os.environ["STSFS"], "sign-url", "get", f"{BUCKET}/{key}", "--endpoint", ENDPOINT, "--region", REGION,
                 "--addressing", "virtual" if NAMES else "path", "--sign-version", self.name, "--expires", "60s"],
                env={**os.environ, "ALIBABA_CLOUD_ACCESS_KEY_ID": PAIR[1], "ALIBABA_CLOUD_ACCESS_KEY_SECRET": PAIR[3]},
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
            return done.stdout.strip()

        def parts(url):
            split = urllib.parse.urlsplit(url)
            return split.hostname, urllib.parse.unquote(split.path), dict(urllib.parse.parse_qsl(split.query))

        for _ in range(50):
            mine, theirs = parts(ours()), parts(self.signed(key))
            if all(mine[2].get(name) == theirs[2].get(name) for name in ("Expires", "x-oss-date")):
                break
        self.assertEqual(mine, theirs)

    def test_wrong_keys(self):
        self.key = (*PAIR[:3], "wrong")
        self.refused("SignatureDoesNotMatch", "ls", BUCKET)
        self.key = ("-i", "nobody", *PAIR[2:])
        self.refused("InvalidAccessKeyId", "ls", BUCKET)


class V4(V1):
    name = "v4"
    more = ("--sign-version", "v4", "--region", REGION)


@unittest.skipUnless(NAMES, "needs the vendor's names")
class Roles(Case):
    def test_a_role_of_its_own_asking(self):
        (self.dir / "f").write_text("by role")
        self.more = ("--mode", "RamRoleArn", "--ram-role-arn", FACTS["role_arn"], "--token-timeout", "900")
        self.ok("cp", "f", f"{BUCKET}/ossutil-role", "-f")
        self.assertIn("by role", self.ok("cat", f"{BUCKET}/ossutil-role"))
        self.more = ("--mode", "RamRoleArn", "--ram-role-arn", FACTS["role_arn"] + "-not")
        self.refused("EntityNotExist", "cat", f"{BUCKET}/ossutil-role")

    def test_its_instance_role_needs_the_weak_mode(self):
        self.key, self.more = (), ("--mode", "EcsRamRole", "--ecs-role-name", FACTS["ecs_role_name"])
        self.assertNotEqual(self.run_it("ls", BUCKET).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
