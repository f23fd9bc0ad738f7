"""Credentials that are asked for over the network, on a real mount: the metadata server of an
instance, a credentials URI, a rotated identity token, and STS calls signed the newer way."""
import errno
import http.server
import json
import os
import subprocess
import threading
import time
import unittest

import harness

IDENTITY = "an-identity-token-that-is-accepted-as-it-is"


def has_option(name):
    return name in subprocess.run([harness.STSFS, "mount", "--help"], capture_output=True, text=True,
                                  check=False).stdout


def needs(option):
    return unittest.skipUnless(has_option(option), f"this program has no {option}")


class Sidecar:
    """Hands credentials out to whoever asks, as long as it is told to."""

    def __init__(self, credentials):
        sidecar = self
        self.credentials = credentials  # a function that makes the answer's (status, bytes)
        self.asked = []
        self.shown = []  # what was in the Authorization header

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                sidecar.asked.append(self.path)
                sidecar.shown.append(self.headers.get("Authorization"))
                status, body = sidecar.credentials()
                self.send_response(status)
                if status // 100 == 3:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def round_trip(case, mount, text=b"hello"):
    (mount.path / "f").write_bytes(text)
    case.assertEqual((mount.path / "f").read_bytes(), text)
    case.assertIn("f", os.listdir(mount.path))


@needs("--ecs-ram-role")
class Metadata(harness.Case):
    def instance(self, *options, role="auto", **more):
        """A mount on nothing but the metadata server."""
        return self.mount("--ecs-ram-role", role, "--metadata-endpoint",
                          self.emulator.metadata_endpoint, *options, role=False, environment={}, **more)

    def test_the_hardened_mode_serves_a_mount(self):
        m = self.instance()
        round_trip(self, m)
        held = m.status()["credentials"]
        self.assertIn("metadata server", held["source"])
        self.assertTrue(held["access_key_id"].startswith("STS."), held)

    def test_credentials_that_are_revoked_are_fetched_again(self):
        m = self.instance()
        round_trip(self, m)
        before = m.status()["credentials"]["access_key_id"]
        self.emulator.revoke()
        round_trip(self, m, b"after")
        self.assertNotEqual(m.status()["credentials"]["access_key_id"], before)

    def test_an_unknown_role_is_refused_before_mounting(self):
        done = self.instance(role="nobody", background=False).run()
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("no RAM role nobody", done.stderr)

    def test_no_proxy_sees_the_metadata_server(self):
        # Where the proxy is, nobody listens.
        done = self.instance("--proxy", "http://127.0.0.1:9", "--mount-timeout", "3s",
                             background=False).run()
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertNotIn("metadata server", done.stderr)  # that worked; the bucket is out of reach


@needs("--ecs-weak-metadata")
class WeakMetadata(harness.Case):
    """A server that knows no session tokens, as old instances have it."""

    def mode(self):
        upstream = self.emulator.assume_role(self.emulator.role_arn, 900)

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, text=""):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                self.answer(404)

            def do_GET(self):
                if self.path.endswith("/security-credentials/"):
                    return self.answer(200, "weak-role")
                self.answer(200, json.dumps({
                    "Code": "Success", "AccessKeyId": upstream["ALIBABA_CLOUD_ACCESS_KEY_ID"],
                    "AccessKeySecret": upstream["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
                    "SecurityToken": upstream["ALIBABA_CLOUD_SECURITY_TOKEN"],
                    "Expiration": "2100-01-01T00:00:00Z"}))

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def test_it_is_refused_unless_allowed_by_name(self):
        options = ("--ecs-ram-role", "auto", "--metadata-endpoint", self.mode())
        strict = self.mount(*options, role=False, environment={}, background=False, name="strict")
        done = strict.run()
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("only the weak mode answers", done.stderr)
        self.assertIn("--ecs-weak-metadata", done.stderr)
        round_trip(self, self.mount(*options, "--ecs-weak-metadata", role=False, environment={},
                                    name="lenient"))


@needs("--credentials-uri")
class Uri(harness.Case):
    def fresh(self, seconds=900):
        held = self.emulator.assume_role(self.emulator.role_arn, seconds)
        return {"AccessKeyId": held["ALIBABA_CLOUD_ACCESS_KEY_ID"],
                "AccessKeySecret": held["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
                "SecurityToken": held["ALIBABA_CLOUD_SECURITY_TOKEN"]}

    def sidecar(self, answer):
        sidecar = Sidecar(answer)
        self.addCleanup(sidecar.stop)
        return sidecar

    def document(self, seconds=900):
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return 200, json.dumps({**self.fresh(seconds), "Expiration": ends, "Code": "Success"}).encode()

    def test_it_serves_a_mount_and_outlives_nonsense(self):
        sidecar = self.sidecar(lambda: self.document(6))
        m = self.mount(role=False, environment={
            "ALIBABA_CLOUD_CREDENTIALS_URI": sidecar.url + "/creds?pass=canary-word",
            "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "HOME": str(self.dir)})
        round_trip(self, m)
        self.assertEqual(sidecar.asked[0], "/creds?pass=canary-word")
        sidecar.credentials = lambda: (200, b"<html>maintenance</html>")
        harness.until(lambda: m.status()["credentials"]["last_error"], 30, "nonsense is noticed")
        self.assertIn("no JSON object", m.status()["credentials"]["last_error"])
        sidecar.credentials = self.document
        harness.until(lambda: not m.status()["credentials"]["last_error"], 60, "recovery")
        round_trip(self, m, b"again")
        self.assertNotIn("canary-word", m.log() + json.dumps(m.status()))

    def test_a_containers_agent_serves_an_s3_mount(self):
        """In AWS's spelling, to whoever shows the token that lies in a file by then."""
        def answer():
            status, body = self.document(6)
            held = json.loads(body)
            held["SecretAccessKey"] = held.pop("AccessKeySecret")
            held["Token"] = held.pop("SecurityToken")
            return status, json.dumps(held).encode()

        sidecar = self.sidecar(answer)
        token = self.dir / "token"
        token.write_text("canary-one\n")
        m = self.mount(role=False, source="s3://examplebucket", environment={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": sidecar.url + "/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token), "HOME": str(self.dir)})
        round_trip(self, m)
        token.write_text("canary-two\n")
        harness.until(lambda: "canary-two" in sidecar.shown, 60, "the new token is shown")
        round_trip(self, m, b"again")
        self.assertEqual(sidecar.asked[0], "/v1/credentials")
        self.assertEqual(sidecar.shown[0], "canary-one")
        self.assertNotIn("canary", m.log() + json.dumps(m.status()))
        refused = self.mount(role=False, source="s3://examplebucket", background=False, name="elsewhere",
                             environment={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/x"})
        done = refused.run()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("AWS_CONTAINER_CREDENTIALS_FULL_URI names 192.0.2.1 in plain http", done.stderr)

    def test_what_makes_no_sense_is_refused_before_mounting(self):
        for answer, words in (((200, b"<html/>"), "no JSON object"),
                              ((200, b"{" * 100_000), "longer than 64 KiB"),
                              ((302, b""), "a redirect, which is never followed"),
                              ((200, b'{"Code":"Failed"}'), "says Failed")):
            with self.subTest(words):
                sidecar = self.sidecar(lambda answer=answer: answer)
                m = self.mount("--credentials-uri", sidecar.url + "/", role=False, environment={},
                               background=False, name=str(len(words)))
                done = m.run()
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(len(sidecar.asked), 1)


@needs("--oidc-provider-arn")
class Identity(harness.Case):
    emulator_options = ("--min-duration", "1s", "--oidc-token", IDENTITY)

    def options(self, file):
        account = self.emulator.role_arn.split(":")[3]
        return ("--oidc-provider-arn", f"acs:ram::{account}:oidc-provider/cluster",
                "--oidc-token-file", str(file))

    def swap(self, link, name, text):
        """As a volume of Kubernetes does it."""
        (self.dir / name).write_text(text)
        new = self.dir / "new"
        new.symlink_to(name)
        new.rename(link)

    def test_a_token_file_is_rotated_while_mounted(self):
        file = self.dir / "token"
        self.swap(file, "one", IDENTITY + "\n")
        m = self.mount(*self.options(file), environment={}, duration="6s")
        round_trip(self, m)
        self.swap(file, "two", "")  # half written
        harness.until(lambda: m.status()["credentials"]["last_error"], 30,
                      "an empty file is noticed")
        self.assertIn("it is empty", m.status()["credentials"]["last_error"])
        self.swap(file, "three", "an-identity-that-nobody-knows")
        harness.until(lambda: "identity provider" in m.status()["credentials"]["last_error"], 40,
                      "a refusal by STS")
        self.swap(file, "four", IDENTITY)
        harness.until(lambda: not m.status()["credentials"]["last_error"], 60, "recovery")
        round_trip(self, m, b"again")
        self.assertNotIn(IDENTITY, m.log())

    def test_bad_files_and_tokens_are_refused_before_mounting(self):
        file = self.dir / "token"
        for text, words in (("", "it is empty"), ("x" * 30_000, "longer than"),
                            ("nobody-knows-this-token", "identity provider")):
            with self.subTest(words):
                file.write_text(text)
                m = self.mount(*self.options(file), environment={}, background=False,
                               name=str(len(text)))
                done = m.run()
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn(words, done.stderr)


class Signing(harness.Case):
    def test_sts_is_asked_with_acs3(self):
        self.emulator.admin("POST", "/stats/reset")
        round_trip(self, self.mount("--sts-signature", "acs3"))
        self.assertGreaterEqual(self.emulator.count("AssumeRole"), 1)
        self.assertEqual(self.emulator.errors("AssumeRole"), 0)
        # It signs the host, which RPC does not: behind a relay that has another name, it fails.
        relay = harness.Witness(self.emulator.sts_endpoint)
        self.addCleanup(relay.stop)
        done = self.mount("--sts-signature", "acs3", "--sts-endpoint", relay.url, background=False,
                          name="relayed").run()
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("SignatureDoesNotMatch", done.stderr)
        round_trip(self, self.mount("--sts-endpoint", relay.url, name="rpc"))

    def test_a_wrong_secret_is_refused_whichever_way(self):
        for way in ("rpc", "acs3"):
            environment = {**self.emulator.environment(), "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}
            m = self.mount("--sts-signature", way, environment=environment, background=False, name=way)
            done = m.run()
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("SignatureDoesNotMatch", done.stderr)
            self.assertIn("the access key secret does not belong", done.stderr)

    def test_a_hundred_first_requests_are_one_call(self):
        m = self.mount()
        self.emulator.admin("POST", "/stats/reset")
        self.emulator.revoke()
        results = []

        def look(number):
            try:
                os.stat(m.path / f"none{number}")
            except OSError as error:
                results.append(error.errno)

        threads = [threading.Thread(target=look, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [errno.ENOENT] * 100)
        self.assertEqual(self.emulator.count("AssumeRole"), 1)


if __name__ == "__main__":
    harness.main()
