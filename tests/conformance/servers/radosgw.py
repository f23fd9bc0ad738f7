"""Ceph's object gateway as a judge: listings, odd keys, AssumeRole, session policies, web identity.

One monitor, one OSD that keeps its data in memory and one gateway, all on loopback, from the
distribution's packages ceph-mon ceph-osd ceph-common radosgw.
"""
import base64
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import uuid

import server

PACKAGES = ("ceph-mon", "ceph-osd", "ceph-common", "radosgw")
PROGRAMS = ("ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "monmaptool")

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon_port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = {dir}
admin socket = {dir}/$name.asok
log file = {dir}/$name.log
crash dir = {dir}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
mon allow pool size one = true
mon data avail crit = 0
mon data = {dir}/mon
osd data = {dir}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
osd class default list = *
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw s3 auth use sts = true
rgw sts key = abcdefghijklmnop
rgw override bucket index max shards = 1
rgw dynamic resharding = false
debug rgw = 0/0
"""


class Gateway:
    key, secret = "judge0123456789abcde", "judgesecret0123456789judgesecret012345"
    role = "arn:aws:iam:::role/Judge"

    def __init__(self):
        missing = [p for p in PROGRAMS if shutil.which(p) is None]
        if missing and server.MAY_FETCH and os.geteuid() == 0:
            subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES],
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, check=False)
            missing = [p for p in PROGRAMS if shutil.which(p) is None]
        if missing:
            server.skip(f"Ceph is not installed ({', '.join(missing)}); scripts/conformance radosgw installs it")
        # A command that comes before the monitor has told its map is refused; a new cluster does.
        for attempt in (1, 2, 3):
            self.directory = pathlib.Path(tempfile.mkdtemp(prefix="stsfs-radosgw-"))
            self.processes = server.Processes(self.directory)
            try:
                return self.bring_up()
            except (subprocess.SubprocessError, AssertionError) as error:
                said = getattr(error, "stderr", None) or error
                print(f"cluster, attempt {attempt}: {said}", flush=True)
                self.stop()
        raise SystemExit("the cluster did not come up")

    def run(self, *command, timeout=60):
        return subprocess.run(command, env={**os.environ, "CEPH_CONF": str(self.configuration)}, check=True,
                              capture_output=True, text=True, timeout=timeout).stdout

    def bring_up(self):
        directory, port, mon_port = self.directory, server.free_port(), server.free_port()
        fsid = str(uuid.uuid4())
        self.configuration = directory / "ceph.conf"
        self.configuration.write_text(CONFIGURATION.format(dir=directory, fsid=fsid, port=port, mon_port=mon_port))
        for folder in ("mon", "osd"):
            (directory / folder).mkdir()
        us = ("-c", str(self.configuration), "--setuser", "root", "--setgroup", "root")
        self.run("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a",
                 f"[v1:127.0.0.1:{mon_port}]", str(directory / "monmap"))
        self.run("ceph-mon", *us, "-i", "a", "--mkfs", "--monmap", str(directory / "monmap"))
        self.processes.start("mon", "ceph-mon", *us, "-i", "a", "-f")

        def says(*command):
            try:
                return self.run("ceph", *command, "-f", "json", timeout=10)
            except subprocess.SubprocessError:
                return ""

        server.harness.until(lambda: says("mon", "stat"), 60, "the monitor answers")
        osd = str(uuid.uuid4())
        self.run("ceph", "osd", "new", osd)
        self.run("ceph-osd", *us, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self.processes.start("osd", "ceph-osd", *us, "-i", "0", "-f")
        server.harness.until(lambda: '"num_up_osds":1' in says("osd", "stat").replace(" ", ""), 60, "the OSD is up")
        self.processes.start("gateway", "radosgw", *us, "-n", "client.rgw", "-f")
        server.harness.until(lambda: server.answers(port), 120, "the gateway answers")
        self.endpoint = f"http://127.0.0.1:{port}"
        self.admin("user", "create", "--uid=judge", "--display-name=judge", f"--access-key={self.key}",
                   f"--secret-key={self.secret}")
        for capability in ("roles=*", "oidc-provider=*"):
            self.admin("caps", "add", "--uid=judge", f"--caps={capability}")
        self.admin("role", "create", "--role-name=Judge", "--assume-role-policy-doc=" + compact(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
                                                     "Principal": {"AWS": ["arn:aws:iam:::user/judge"]}}]}))
        self.admin("role-policy", "put", "--role-name=Judge", "--policy-name=all",
                   "--policy-doc=" + compact(EVERYTHING))

    def admin(self, *words):
        return self.run("radosgw-admin", "-c", str(self.configuration), *words)

    def stop(self):
        self.processes.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def compact(document):
    return json.dumps(document, separators=(",", ":"))


EVERYTHING = {"Version": "2012-10-17",
              "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::*"}]}


class Issuer:
    """An OpenID provider on loopback that signs one kind of token."""

    def __init__(self):
        import datetime
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        from cryptography.x509.oid import NameOID
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        day, now = datetime.timedelta(1), datetime.datetime.now(datetime.timezone.utc)
        certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                       .serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
                       .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
        self.thumbprint = hashlib.sha1(certificate).hexdigest().upper()
        numbers = key.public_key().public_numbers()

        def coded(raw):
            return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

        def number(value):
            return coded(value.to_bytes((value.bit_length() + 7) // 8, "big"))

        def token(lifetime):
            head = compact({"alg": "RS256", "typ": "JWT", "kid": "k"})
            claims = compact({"iss": self.url, "aud": "stsfs", "azp": "stsfs", "sub": "judge",
                              "iat": int(time.time()) - 5, "exp": int(time.time()) + lifetime})
            text = coded(head.encode()) + "." + coded(claims.encode())
            return text + "." + coded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))

        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                about = {"issuer": issuer.url, "jwks_uri": issuer.url + "/jwks"}
                keys = {"keys": [{"kid": "k", "kty": "RSA", "alg": "RS256", "use": "sig", "n": number(numbers.n),
                                  "e": number(numbers.e), "x5c": [base64.b64encode(certificate).decode()]}]}
                text = compact(keys if self.path.endswith("/jwks") else about).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.good, self.expired = token(3600), token(-60)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Ceph(server.Case):
    def role(self, *more):
        return ("--role-arn", self.server.role, "--role-duration", "900s", *more)

    def test_the_contract_of_the_store(self):
        # Conditions on a copy's target and on completions are not kept; completing what was aborted
        # is answered with 500 for ever.
        self.contract(["CopiesCanCreateExclusively", "UploadsCanCreateExclusively", "CompletionsCompareETags",
                       "UploadsThatAreGoneAreNamed"])

    def test_a_role_reads_and_writes(self):
        m = self.mount(*self.role("--multipart-threshold", "12MiB", "--part-size", "6MiB"))
        credentials = m.status()["credentials"]
        self.assertEqual(credentials["role"], self.server.role)
        self.assertGreater(credentials["seconds_left"], 600)
        big = server.harness.random_bytes(20_000_000, 5)
        (m.path / "dir").mkdir()
        (m.path / "dir" / "big").write_bytes(big)
        (m.path / "dir" / "link").symlink_to("big")
        (m.path / "dir" / "big").chmod(0o640)
        os.rename(m.path / "dir", m.path / "moved")
        fresh = self.mount(*self.role(), name="fresh")
        self.assertEqual((fresh.path / "moved" / "link").read_bytes(), big)
        self.assertEqual((fresh.path / "moved" / "big").stat().st_mode & 0o7777, 0o640)
        self.assertEqual(sorted(os.listdir(fresh.path / "moved")), ["big", "link"])

    def test_odd_keys_neither_break_nor_hide_their_neighbours(self):
        plain = ["%2F", "a+b", "a b", "a%20b", " lead", "trail ", "<&>\"'", "?x=1&y#", "ü€😀", "tab\there",
                 "nl\nhere", "cr\rhere", "\x01", "n" * 255, *(f"many{n:04}" for n in range(1_100))]
        for key in [*plain, "x//y", "q/../r", "./f", "..", "a", "a/b"]:
            self.raw.must("PUT", f"/{self.bucket}/odd/{key}", body=key.encode())
        m = self.mount(*self.role())
        names = os.listdir(m.path / "odd")
        self.assertEqual(set(plain) - set(names), set())
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([n for n in names if "/" in n or n in (".", "..")], [])
        for key in plain[:14]:
            self.assertEqual((m.path / "odd" / key).read_bytes(), key.encode())
        self.assertEqual((m.path / "odd" / "a" / "b").read_bytes(), b"a/b")
        self.assertEqual((m.path / "odd" / ".stsfs-file.a").read_bytes(), b"a")

    def test_a_session_policy_narrows_what_the_role_may(self):
        for key in ("data/a/x", "data/b/x"):
            self.raw.must("PUT", f"/{self.bucket}/{key}", body=key.encode())
        source = f"s3://{self.bucket}/data/a"
        m = self.mount(*self.role("--read-only"), source=source)
        self.assertEqual((m.path / "x").read_bytes(), b"data/a/x")
        self.assertEqual(os.listdir(m.path), ["x"])
        policy = subprocess.run([server.harness.STSFS, "policy", source, "--read-only", "--session"], check=True,
                                capture_output=True, text=True).stdout.strip()
        stolen = self.raw.assume_role(self.server.role, policy)
        self.assertEqual(stolen("GET", f"/{self.bucket}/data/a/x")[0], 200)
        for method, path, query in (("GET", "/data/b/x", ""), ("PUT", "/data/a/x", ""), ("DELETE", "/data/a/x", ""),
                                    ("GET", "", "list-type=2&prefix=data%2Fb%2F"), ("GET", "", "list-type=2")):
            self.assertEqual(stolen(method, f"/{self.bucket}{path}", query)[0], 403, (method, path, query))
        self.assertEqual(stolen("GET", f"/{self.bucket}", "list-type=2&prefix=data%2Fa%2F")[0], 200)

    def test_a_policy_file_is_sent_without_blanks(self):
        policy = self.dir / "policy.json"
        policy.write_text(json.dumps({**EVERYTHING}, indent=4))
        m = self.mount(*self.role("--session-policy", str(policy)))
        (m.path / "f").write_bytes(b"x")

    def test_refusals_say_what_to_do(self):
        for options, words in (
                (("--role-arn", "arn:aws:iam:::role/Nobody"), "no such role"),
                (("--role-arn", self.server.role, "--role-duration", "12h"), "900 s"),
                (("--role-arn", self.server.role, "--role-session-name", "a b"), "session name")):
            done = self.prepared(*options).run()
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(words, done.stderr)
        done = self.prepared(*self.role(), environment=self.keys(self.server.key, "wrong")).run()
        self.assertIn(done.returncode, (4, 5), done.stderr)
        self.assertIn("sts:AssumeRole", done.stderr)

    def test_a_doctor_finds_each_right_that_is_missing_and_leaves_nothing(self):
        rights = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListBucket")
        file = self.dir / "policy.json"

        def without(right):
            file.write_text(compact({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": [one for one in rights if one != right], "Resource": "*"}]}))
            return self.doctor(*self.role("--session-policy", str(file)))
        self.assertEqual(self.doctor(*self.role()), (0, ["looks-first"]))
        self.assertEqual(without("s3:GetObject"), (5, ["read-denied", "copy-denied", "looks-first"]))
        # An upload is given up by who may put.
        self.assertEqual(without("s3:PutObject"), (5, ["write-denied", "abort-denied"]))
        self.assertEqual(without("s3:AbortMultipartUpload"), (0, ["looks-first"]))
        self.assertEqual(without("s3:DeleteObject"), (0, ["delete-denied", "guards-untried"]))
        self.assertEqual(without("s3:ListBucket"), (0, ["list-denied", "looks-first"]))

    def test_signed_urls_whose_session_may_nothing_else(self):
        self.urls(*self.role())

    def test_a_web_identity(self):
        try:
            issuer = Issuer()
        except ImportError:
            self.skipTest("needs Python's cryptography, to issue tokens")
        self.addCleanup(issuer.stop)

        def iam(**parameters):
            self.raw.form("iam", Version="2010-05-08", **parameters)

        iam(Action="CreateOpenIDConnectProvider", Url=issuer.url,
            **{"ClientIDList.member.1": "stsfs", "ThumbprintList.member.1": issuer.thumbprint})
        trust = {"Version": "2012-10-17",
                 "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRoleWithWebIdentity"],
                                "Principal": {"Federated": ["arn:aws:iam:::oidc-provider/" + issuer.host]},
                                "Condition": {"StringEquals": {issuer.host + ":app_id": "stsfs"}}}]}
        iam(Action="CreateRole", RoleName="Web", AssumeRolePolicyDocument=compact(trust))
        iam(Action="PutRolePolicy", RoleName="Web", PolicyName="p", PolicyDocument=compact(EVERYTHING))
        token = self.dir / "token"
        token.write_text(issuer.good + "\n")
        pod = {"AWS_ROLE_ARN": "arn:aws:iam:::role/Web", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}
        m = self.mount(environment=pod)
        (m.path / "f").write_bytes(b"by web identity")
        self.assertEqual(self.raw.must("GET", f"/{self.bucket}/f"), b"by web identity")
        for bad in (issuer.expired, issuer.good[:-8] + "AAAAAAAA", "no token at all"):
            token.write_text(bad)
            done = self.prepared(name="bad", environment=pod).run()
            self.assertIn(done.returncode, (4, 5), done.stderr)
            self.assertNotIn(bad, done.stderr)


if __name__ == "__main__":
    Ceph.server = Gateway()
    try:
        server.harness.main()
    finally:
        Ceph.server.stop()
