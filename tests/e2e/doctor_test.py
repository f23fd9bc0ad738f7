"""The doctor on a service that is well, and on ones that are not."""
import json
import os
import subprocess

import harness


class Doctor(harness.Case):
    def doctor(self, *words, source="oss://examplebucket/data", role=None, environment=None, endpoint=None,
               region=None):
        command = [harness.STSFS, "doctor", source, "--json", "--mount-timeout", "20s",
                   "--endpoint", endpoint or self.emulator.oss_endpoint,
                   "--sts-endpoint", self.emulator.sts_endpoint,
                   "--region", region or self.emulator.region, *words]
        if role:
            command += ["--role-arn", role]
        done = subprocess.run(command, env={**os.environ, **harness.sanitized(self.dir),
                                            **(environment or self.emulator.environment())},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
        self.assertTrue(done.stdout, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["exit_code"], done.returncode)
        trouble = {row["name"]: row["verdict"] for row in answer["checks"] if row["verdict"] != "ok"}
        trouble.pop("tls", None)  # the emulator serves plain http here
        return done.returncode, trouble, answer

    def test_everything_is_fine_and_nothing_is_left(self):
        code, trouble, answer = self.doctor(role=self.emulator.role_arn)
        self.assertEqual((code, trouble), (0, {}))
        self.assertGreater(len(answer["checks"]), 12)
        m = self.mount(source="oss://examplebucket/data")
        self.assertEqual(os.listdir(m.path), [])

    def test_reading_only(self):
        writes = self.emulator.count("PutObject")
        code, trouble, _ = self.doctor("--read-only", role=self.emulator.role_arn)
        self.assertEqual((code, trouble), (0, {"write": "skipped"}))
        self.assertEqual(self.emulator.count("PutObject"), writes)

    def test_the_seed_policy_may_not_list_or_delete(self):
        code, trouble, answer = self.doctor(role=self.emulator.seed_role_arn)
        self.assertEqual(code, 0)
        self.assertEqual(trouble.get("list"), "warning")
        self.assertEqual(trouble.get("delete"), "warning")
        self.assertIn("left behind", trouble)
        self.assertIn("within the limits", answer["conclusion"])

    def test_another_region(self):
        code, trouble, _ = self.doctor(region="cn-beijing")
        self.assertNotEqual(code, 0)
        self.assertTrue(trouble)

    def test_a_wrong_key(self):
        keys = {**self.emulator.environment(), "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAInobody"}
        self.assertEqual(self.doctor(environment=keys)[:2], (4, {"credentials": "failed"}))

    def test_no_bucket(self):
        self.assertEqual(self.doctor(source="oss://nosuchbucket")[:2], (6, {"bucket": "failed"}))

    def test_nobody_there(self):
        self.assertEqual(self.doctor(endpoint="http://127.0.0.1:1")[:2], (7, {"endpoint": "failed"}))

    def test_a_clock_that_is_off(self):
        self.emulator.fault("*", "clock-offset:20m")
        self.addCleanup(self.emulator.no_faults)
        code, trouble, _ = self.doctor()
        self.assertEqual((code, trouble), (0, {"clock": "warning"}))


if __name__ == "__main__":
    harness.main()
