"""What `stsfs policy` prints is enough for a mount, and nothing in it is too much."""
import base64
import errno
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import harness

ACCOUNT = "1750000000000000"
ROLE = f"acs:ram::{ACCOUNT}:role/"
CALLER = ("caller-id", "caller-secret")
STRANGER = ("stranger-id", "stranger-secret")
PROVIDER = f"acs:ram::{ACCOUNT}:oidc-provider/cluster"
SUBJECT = "system:serviceaccount:team:reader"


def policy(*words):
    done = subprocess.run([harness.STSFS, "policy", *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def without(document, action):
    """The same without one action, nor statements that have no other."""
    statements = [{**one, "Action": [a for a in one["Action"] if a != action]} for one in document["Statement"]]
    return {**document, "Statement": [one for one in statements if one["Action"]]}


def keys(pair):
    return {"ALIBABA_CLOUD_ACCESS_KEY_ID": pair[0], "ALIBABA_CLOUD_ACCESS_KEY_SECRET": pair[1]}


class RolePolicy(harness.Case):
    """--role: attached to the role as it is printed, with a session that narrows nothing, or by itself."""

    def setUp(self):
        super().setUp()
        self.prefix = self.dir.name
        self.source = f"oss://examplebucket/{self.prefix}"

    def attach(self, document):
        self.emulator.policies(self.emulator.role_arn, [document])
        self.addCleanup(self.emulator.policies, self.emulator.role_arn)

    def use(self, *options, name="m"):
        return self.mount("--part-size", "1MiB", "--multipart-threshold", "2MiB", "--metadata-ttl", "0s", *options,
                          name=name, source=self.source)

    def everything(self, m):
        """Each thing that a mount does."""
        big = harness.random_bytes(3_000_000, 1)
        (m.path / "d").mkdir(exist_ok=True)
        (m.path / "d/big").write_bytes(big)
        (m.path / "d/small").write_bytes(b"small")
        os.chmod(m.path / "d/small", 0o600)
        os.symlink("small", m.path / "d/link")
        os.rename(m.path / "d/big", m.path / "d/moved")
        self.assertEqual((m.path / "d/moved").read_bytes(), big)
        self.assertEqual((m.path / "d/link").read_bytes(), b"small")
        self.assertEqual(sorted(os.listdir(m.path / "d")), ["link", "moved", "small"])
        os.rename(m.path / "d", m.path / "e")
        shutil.rmtree(m.path / "e")
        self.assertEqual(os.listdir(m.path), [])

    def test_it_is_enough(self):
        self.attach(policy(self.source))
        for session in ("none", "auto"):
            self.everything(self.use("--session-policy", session, name=session))

    def test_reading_only_is_enough_for_reading(self):
        self.emulator.put_object(f"{self.prefix}/f", b"x")
        self.attach(policy(self.source, "--read-only"))
        m = self.use("--session-policy", "none", "--read-only")
        self.assertEqual((os.listdir(m.path), (m.path / "f").read_bytes()), (["f"], b"x"))

    def test_without_listing_files_open_by_name(self):
        document = policy(self.source, "--no-list")
        self.attach(document)
        m = self.use("--session-policy", "none")
        (m.path / "f").write_bytes(b"x")
        self.assertEqual((m.path / "f").read_bytes(), b"x")
        os.unlink(m.path / "f")
        self.fails(lambda: os.listdir(m.path))

    def fails(self, call):
        with self.assertRaises(OSError) as caught:
            call()
        self.assertEqual(caught.exception.errno, errno.EACCES)

    def test_nothing_in_it_is_too_much(self):
        whole = policy(self.source)
        self.emulator.put_object(f"{self.prefix}/f", b"x")
        self.attach(whole)
        m = self.use("--session-policy", "none")
        calls = {"oss:GetObject": lambda: (m.path / "f").read_bytes(),
                 "oss:PutObject": lambda: (m.path / "new").write_bytes(b"x"),
                 "oss:DeleteObject": lambda: os.unlink(m.path / "f"),
                 "oss:ListObjects": lambda: os.listdir(m.path)}
        actions = {action for one in whole["Statement"] for action in one["Action"]}
        # Of these a mount can do without, where nothing is versioned and nobody set an ACL or tags: preserve_test.py.
        kept = {"oss:GetObjectVersion", "oss:GetObjectAcl", "oss:PutObjectAcl", "oss:GetObjectTagging",
                "oss:PutObjectTagging"}
        versions = {"oss:ListObjectVersions"}  # asked for where the bucket keeps them (preserve_test.py)
        self.assertEqual(actions, {*calls, *kept, *versions, "oss:AbortMultipartUpload"})
        for action, call in calls.items():
            with self.subTest(action):
                self.emulator.policies(self.emulator.role_arn, [without(whole, action)])
                self.fails(call)
        # What a failed upload leaves is only taken away with the right to abort.
        self.emulator.fault("CompleteMultipartUpload", "code:InvalidArgument")
        for number, (document, stays) in enumerate(((whole, False), (without(whole, "oss:AbortMultipartUpload"), True))):
            self.emulator.policies(self.emulator.role_arn, [document])
            refused = self.emulator.count("AbortMultipartUpload")
            with self.assertRaises(OSError):
                (m.path / f"big{number}").write_bytes(harness.random_bytes(3_000_000, 2))
            harness.until(lambda: self.emulator.count("AbortMultipartUpload") > refused, 20, "the upload is given up")
            key = f"{self.prefix}/big{number}".encode()
            harness.until(lambda: (key in self.emulator.ask("GET", "", resource="?uploads")[1]) == stays, 20,
                          f"an upload is {'left' if stays else 'gone'}")
        self.emulator.no_faults()
        self.emulator.policies(self.emulator.role_arn, [whole])

    def test_the_prefix_is_its_end(self):
        self.emulator.put_object("other/f", b"x")
        self.attach(policy(self.source))
        done = harness.Mount(self.emulator, self.dir / "other", "--session-policy", "none", background=False,
                             source="oss://examplebucket/other").run()
        self.assertEqual(done.returncode, 5, done.stderr)


def openssl(*words, text=None):
    return subprocess.run(["openssl", *map(str, words)], input=text, check=True, capture_output=True).stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class UserAndTrust(harness.Case):
    """--user, --trust: in the emulator's config file as they are printed."""

    @classmethod
    def setUpClass(cls):
        if shutil.which("openssl") is None:
            raise harness.unittest.SkipTest("needs the openssl command")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="stsfs-policy-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.key = folder / "key.pem"
        openssl("genrsa", "-out", cls.key, 2048)
        modulus = openssl("rsa", "-in", cls.key, "-noout", "-modulus").decode().strip().split("=")[1]
        (folder / "jwks.json").write_text(json.dumps({"keys": [
            {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "e": "AQAB",
             "n": base64url(bytes.fromhex(modulus))}]}))
        cls.token = folder / "token"
        cls.token.write_text(cls.jwt(SUBJECT))
        files = policy("oss://examplebucket/data")
        named = {name: ROLE + name for name in ("plain", "partner", "pod", "anyone")}
        trust = {"plain": policy("--trust", "--role-arn", named["plain"]),
                 "partner": policy("--trust", "--role-arn", named["partner"], "--external-id", "door"),
                 "pod": policy("--trust", "--role-arn", named["pod"], "--oidc-provider-arn", PROVIDER,
                               "--oidc-token-file", str(cls.token)),
                 "anyone": policy("--trust", "--role-arn", named["anyone"], "--oidc-provider-arn", PROVIDER)}
        # The caller may assume both roles of the account; one policy each, as they are printed.
        caller = [policy("--user", "--role-arn", named[name]) for name in ("plain", "partner")]
        (folder / "config.json").write_text(json.dumps({
            "account": ACCOUNT,
            "users": [{"name": "caller", "access_key_id": CALLER[0], "access_key_secret": CALLER[1], "policies": caller},
                      {"name": "stranger", "access_key_id": STRANGER[0], "access_key_secret": STRANGER[1]}],
            "roles": [{"name": name, "trust_policy": trust[name], "policies": [files]} for name in named],
            "oidc_providers": [{"name": "cluster", "issuer": "https://issuer.example",
                                "client_ids": ["sts.aliyuncs.com"], "jwks_file": str(folder / "jwks.json")}]}))
        cls.emulator_options = ("--config", str(folder / "config.json"))
        super().setUpClass()

    @classmethod
    def jwt(cls, subject):
        claims = {"iss": "https://issuer.example", "aud": ["sts.aliyuncs.com"], "sub": subject,
                  "iat": int(time.time()), "exp": int(time.time()) + 3600}
        text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, claims))
        return f"{text}.{base64url(openssl('dgst', '-sha256', '-sign', cls.key, text=text.encode()))}"

    def outcome(self, role, *options, who=None):
        """Exit code of a mount that is used, 0 if it works."""
        m = harness.Mount(self.emulator, self.dir / harness.uuid.uuid4().hex, *options, role=ROLE + role,
                          source="oss://examplebucket/data", background=False, environment=who or {})
        self.addCleanup(m.stop)
        done = m.run()
        if done.returncode == 0:
            m.pid = m.status()["pid"]
            (m.path / "f").write_bytes(b"x")
            self.assertEqual(os.listdir(m.path), ["f"])
        return done.returncode

    def test_the_user_and_the_account_go_together(self):
        self.assertEqual(self.outcome("plain", who=keys(CALLER)), 0)
        self.assertEqual(self.outcome("plain", who=keys(STRANGER)), 5, "without the user's policy")
        self.assertEqual(self.outcome("pod", who=keys(CALLER)), 5, "a role that the policy does not name")

    def test_an_external_id_is_asked_for(self):
        self.assertEqual(self.outcome("partner", "--external-id", "door", who=keys(CALLER)), 0)
        self.assertEqual(self.outcome("partner", "--external-id", "window", who=keys(CALLER)), 5)
        self.assertEqual(self.outcome("partner", who=keys(CALLER)), 5)

    def test_an_identity_provider_is_trusted_for_one_subject(self):
        def by_token(role, subject):
            file = self.dir / "token"
            file.write_text(self.jwt(subject))
            return self.outcome(role, "--oidc-provider-arn", PROVIDER, "--oidc-token-file", str(file))
        self.assertEqual(by_token("pod", SUBJECT), 0)
        self.assertEqual(by_token("pod", SUBJECT + "-not"), 5)
        self.assertEqual(by_token("anyone", SUBJECT + "-not"), 0)
        self.assertEqual(by_token("plain", SUBJECT), 5, "its trust names no provider")


class Refusals(harness.Case):
    def refused(self, *words):
        done = subprocess.run([harness.STSFS, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False,
                              env={**os.environ, **harness.sanitized(self.dir), **self.emulator.environment()})
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        return done.stderr

    def test_a_policy_file_that_is_none(self):
        file = self.dir / "policy.json"
        mount = ("mount", "oss://examplebucket", str(self.dir), "--region", "r", "--role-arn", ROLE + "x",
                 "--session-policy", str(file))
        for text, said in (('{\n  "Version": "1",\n  oops', "line 3, column 3"), ("[]", "Statement"),
                           (json.dumps({"Statement": ["x" * 2040]}), "2058 characters; STS takes 2048")):
            file.write_text(text)
            self.assertIn(said, self.refused(*mount))
            self.assertIn(str(file), self.refused(*mount))

    def test_roles_and_providers_that_are_none(self):
        trust = ("policy", "--trust", "--role-arn")
        self.assertIn("no role", self.refused(*trust, "reader"))
        self.assertIn("no account", self.refused(*trust, "arn:aws:iam:::role/reader"))
        self.assertIn("no identity provider", self.refused(*trust, ROLE + "x", "--oidc-provider-arn", "x"))
        file = self.dir / "token"
        file.write_text("not-a-jwt")
        said = self.refused(*trust, ROLE + "x", "--oidc-provider-arn", PROVIDER, "--oidc-token-file", str(file))
        self.assertIn("no JWT", said)
        self.assertNotIn("not-a-jwt", said)


if __name__ == "__main__":
    harness.main()
