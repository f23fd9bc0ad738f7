"""Every source of credentials that lies on the host, through a real mount, and its rotation while
programs read and write."""
import json
import os
import threading
import time

import harness
from harness import random_bytes


class Sources(harness.Case):
    emulator_options = (*harness.Case.emulator_options, "--oidc-token", "a-token-of-the-test")

    def works(self, mount):
        name = mount.path / f"f{time.monotonic_ns()}"
        name.write_bytes(b"content")
        self.assertEqual(name.read_bytes(), b"content")

    def mounted_by(self, *options, source, **more):
        mount = self.mount(*options, role=False, **{"environment": {}, **more})
        self.works(mount)
        self.assertIn(source, mount.status()["credentials"]["source"])
        return mount

    def refused(self, *words, options, **more):
        mount = harness.Mount(self.emulator, self.dir / "refused", *options, role=False,
                              background=False, **{"environment": {}, **more})
        done = mount.run()
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertFalse(mount.mounted)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertNotIn("canary", done.stderr)

    def private(self, name, text, mode=0o600):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    @property
    def keys(self):
        return self.emulator.access_key_id, self.emulator.access_key_secret

    def config(self, *profiles, current):
        defaults = {"access_key_id": self.keys[0], "access_key_secret": self.keys[1],
                    "ram_role_arn": self.emulator.role_arn, "ram_session_name": "test",
                    "sts_endpoint": self.emulator.sts_endpoint}
        return self.private("config.json", json.dumps(
            {"current": current, "profiles": [{**defaults, **profile} for profile in profiles]}))

    def program(self, text):
        path = self.dir / "program"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o700)
        return path

    def triple(self, seconds=900):
        held = self.emulator.assume_role(self.emulator.role_arn, seconds)
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return {"AccessKeyId": held["ALIBABA_CLOUD_ACCESS_KEY_ID"],
                "AccessKeySecret": held["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
                "SecurityToken": held["ALIBABA_CLOUD_SECURITY_TOKEN"], "Expiration": end}

    def rotate(self, number, seconds=900):
        """A new generation in a directory of its own, and the link swapped."""
        directory = self.dir / f"generation{number}"
        directory.mkdir()
        for name, text in self.triple(seconds).items():
            (directory / name).write_text(text)
            (directory / name).chmod(0o600)
        link = self.dir / "next"
        link.symlink_to(directory)
        link.rename(self.dir / "keys")
        return (directory / "AccessKeyId").read_text()

    # --- files ---

    def test_key_file(self):
        path = self.private("passwd", f"other:a:b\nexamplebucket:{self.keys[0]}:{self.keys[1]}\n")
        self.mounted_by("--passwd-file", str(path), source=str(path))
        path.chmod(0o644)
        self.refused("chmod 600", str(path), options=["-o", f"passwd_file={path}"])
        self.private("passwd", "examplebucket:canary\nx\n")
        self.refused(str(path), "line 2", options=["--passwd-file", str(path)])

    def test_profiles_of_the_cli(self):
        program = self.program(f"echo '{json.dumps(self.triple())}'\n")
        path = self.config({"name": "role", "mode": "RamRoleArn", "expired_seconds": 900},
                           {"name": "program", "mode": "External", "process_command": f"{program} a b"},
                           {"name": "ring", "mode": "ChainableRamRoleArn", "source_profile": "ring"},
                           current="role")
        told = {"ALIBABA_CLOUD_CONFIG_FILE": str(path)}
        m = self.mounted_by(source=str(path), environment=told)
        self.assertTrue(m.status()["credentials"]["access_key_id"].startswith("STS."))
        m = self.mounted_by("--profile", "program", source=str(path), environment=told, name="external")
        self.assertTrue(m.status()["credentials"]["access_key_id"].startswith("STS."))
        self.refused("circle", str(path), options=["--profile", "ring"], environment=told)
        self.refused("no profile 'gone'", options=["--profile", "gone"], environment=told)

    def test_a_bad_profile_while_mounted_leaves_the_good_one_in_use(self):
        profile = "[default]\naccess_key_id = {}\naccess_key_secret = {}\n"
        path = self.private("keys", profile.format(*self.keys))
        m = self.mounted_by("--credentials-file", str(path), source=str(path))
        path.write_text("[default]\ncanary-of-a-half-written-fi")
        harness.until(lambda: m.status()["credentials"]["degraded"], 20, "the bad file shows")
        held = m.status()["credentials"]
        self.assertIn("line 2", held["last_error"])
        self.assertNotIn("canary", json.dumps(m.status()))
        self.works(m)
        path.write_text(profile.format(*self.keys))
        harness.until(lambda: not m.status()["credentials"]["degraded"], 20, "recovery")
        self.works(m)

    def test_what_a_service_manager_loads(self):
        for name, text in zip(("access-key-id", "access-key-secret"), self.keys):
            self.private(f"loaded/{name}", text, 0o400)
        self.mounted_by(source="loaded", environment={"CREDENTIALS_DIRECTORY": str(self.dir / "loaded")})

    def test_a_rotated_directory(self):
        """Rotated twenty times, with each old token revoked, while programs read and write."""
        self.rotate(0)
        m = self.mounted_by("--credentials-dir", str(self.dir / "keys"), source="keys")
        content = random_bytes(3_000_000, 1)
        (m.path / "stable").write_bytes(content)
        end = threading.Event()
        troubles, rounds = [], [0, 0]

        def guard(index, action):
            try:
                while not end.is_set():
                    action()
                    rounds[index] += 1
            except Exception as trouble:  # whatever a program would have seen
                troubles.append(repr(trouble))

        def read():
            with open(m.path / "stable", "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                if file.read() != content:
                    raise AssertionError("wrong bytes")

        threads = [threading.Thread(target=guard, args=(i, action)) for i, action in
                   enumerate((read, lambda: self.works(m)))]
        for thread in threads:
            thread.start()
        for number in range(1, 21):
            wanted = self.rotate(number)
            harness.until(lambda: m.status()["credentials"]["access_key_id"] == wanted, 30,
                          "the rotated credentials are in use")
        end.set()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        self.assertGreater(min(rounds), 0)
        held = m.status()["credentials"]
        self.assertEqual((held["rejections"], held["degraded"]), (0, False))

    def test_the_three_files_of_ossfs(self):
        self.rotate(0)
        three = ",".join(f"oss_sts_multi_conf_{option}_file={self.dir / 'keys' / name}" for option, name in
                         (("ak", "AccessKeyId"), ("sk", "AccessKeySecret"), ("token", "SecurityToken")))
        m = self.mounted_by("-o", three, source="keys")
        wanted = self.rotate(1)
        harness.until(lambda: m.status()["credentials"]["access_key_id"] == wanted, 30,
                      "the rotated credentials are in use")
        self.works(m)

    def test_a_directory_that_is_rotated_late(self):
        """Its token is refused first: requests wait for the successor."""
        self.rotate(0)
        m = self.mounted_by("--credentials-dir", str(self.dir / "keys"), source="keys")
        self.emulator.revoke()
        threading.Timer(3, self.rotate, args=(1,)).start()
        self.works(m)
        self.assertGreaterEqual(m.status()["credentials"]["rejections"], 1)

    # --- programs and servers ---

    def test_a_program(self):
        program = self.program("echo \"nothing to worry about\" >&2\nenv > \"$1\"\n"
                               f"echo '{json.dumps(self.triple())}'\n")
        seen = self.dir / "seen"
        m = self.mounted_by("--credential-process", f"{program} {seen}", source=str(program),
                            environment={"OSS_SESSION_TOKEN": "canary", "PLAIN": "kept"})
        self.assertIn("nothing to worry about", m.log())
        self.assertIn("PLAIN=kept", seen.read_text())
        self.assertNotIn("canary", seen.read_text())

    def test_a_program_that_misbehaves(self):
        for text, word in (("exit 3", "exit code 3"), ("echo canary", "no JSON object"),
                           ("head -c 10000000 /dev/zero", "1.0 MiB")):
            self.refused(word, options=["--credential-process", str(self.program(text))])
        self.refused("not ended in time", options=["--credential-process", str(self.program("sleep 1000")),
                                                   "--mount-timeout", "12s"])
        mount = harness.Mount(self.emulator, self.dir / "relative", "--credential-process", "program x",
                              role=False, environment={}, background=False)
        done = mount.run()
        self.assertEqual(done.returncode, 2)
        self.assertIn("absolute path", done.stderr)

    def test_an_instance(self):
        self.mounted_by("--ecs-ram-role", "auto", "--metadata-endpoint", self.emulator.metadata_endpoint,
                        source="metadata server")
        # The last of the default chain.
        self.mounted_by("--metadata-endpoint", self.emulator.metadata_endpoint, source="metadata server",
                        environment={"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "false"}, name="chain")

    def test_an_identity_token(self):
        token = self.private("token", "a-token-of-the-test\n")
        provider = self.emulator.role_arn.split(":role/")[0] + ":oidc-provider/any"
        self.mounted_by("--oidc-provider-arn", provider, "--oidc-token-file", str(token),
                        "--role-arn", self.emulator.role_arn, "--role-duration", "900s",
                        "--sts-endpoint", self.emulator.sts_endpoint, source="OIDC")
        self.mounted_by("--sts-endpoint", self.emulator.sts_endpoint, source="OIDC", name="variables",
                        environment={"ALIBABA_CLOUD_OIDC_PROVIDER_ARN": provider,
                                     "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token),
                                     "ALIBABA_CLOUD_ROLE_ARN": self.emulator.role_arn})

    # --- none ---

    def test_no_credentials_say_where_they_were_looked_for(self):
        self.refused("ALIBABA_CLOUD_ACCESS_KEY_ID", ".aliyun/config.json", ".passwd-ossfs", options=[])

    def test_anonymous(self):
        """The bucket is private: what matters is that nothing is signed, and who is told what."""
        mount = harness.Mount(self.emulator, self.dir / "nobody", "-o", "public_bucket=1", role=False,
                              environment=self.emulator.environment(), background=False)
        done = mount.run()
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("AccessDenied", done.stderr)

    def open_to_all(self, acl):
        status, body = self.emulator.ask("PUT", "", resource="?acl", oss_headers={"x-oss-acl": acl})
        self.assertEqual(status, 200, body)

    def test_anonymous_in_a_public_bucket(self):
        """Everybody may read it, and nobody writes without a name."""
        content = random_bytes(300_000, 2)
        self.emulator.put_object("public/file", content)
        self.open_to_all("public-read")
        self.addCleanup(self.open_to_all, "private")
        m = self.mount("--anonymous", role=False, environment={})
        self.assertIn("public", os.listdir(m.path))
        self.assertEqual(os.listdir(m.path / "public"), ["file"])
        self.assertEqual((m.path / "public/file").read_bytes(), content)
        with self.assertRaises(PermissionError):
            (m.path / "public/new").write_bytes(b"x")
        with self.assertRaises(PermissionError):
            os.unlink(m.path / "public/file")
        self.assertIsNone(self.emulator.get_object("public/new"))
        held = m.status()["credentials"]
        self.assertEqual((held["source"], held["access_key_id"]), ("anonymous", ""))


if __name__ == "__main__":
    harness.main()
