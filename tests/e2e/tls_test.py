"""TLS is verified: a certificate that does not fit is refused before the mount."""
import shutil
import subprocess

import harness
from harness import Emulator, Mount

def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Certified(harness.Case):
    """Tests with an authority of their own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if shutil.which("openssl") is None:
            raise harness.unittest.SkipTest("needs the openssl command")
        cls.ca = cls.root / "ca.pem"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test authority", "-days", 2,
                "-keyout", cls.root / "ca.key", "-out", cls.ca)

    def serve(self, name, address="IP:127.0.0.1", days=2, self_signed=False):
        """An emulator behind a certificate of that kind."""
        folder = self.dir / name
        folder.mkdir()
        key, request, certificate, extension = (folder / x for x in ("key", "csr", "crt", "ext"))
        extension.write_text(f"subjectAltName={address}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=emulator", "-keyout", key, "-out", request)
        signer = ["-signkey", key] if self_signed else ["-CA", self.ca, "-CAkey", self.root / "ca.key",
                                                        "-CAcreateserial"]
        openssl("x509", "-req", "-in", request, *signer, "-days", days, "-extfile", extension, "-out", certificate)
        emulator = Emulator(folder / "e", "--min-duration", "1s", "--tls-cert", str(certificate),
                            "--tls-key", str(key))
        self.addCleanup(emulator.stop)
        self.assertTrue(emulator.oss_endpoint.startswith("https://"))
        return emulator


class Tls(Certified):
    def test_a_good_certificate(self):
        m = Mount(self.serve("good"), self.dir / "m", "--ca-file", str(self.ca))
        self.addCleanup(m.stop)
        (m.path / "f").write_bytes(b"over TLS")
        self.assertEqual((m.path / "f").read_bytes(), b"over TLS")

    def test_certificates_that_are_refused(self):
        for name, more, ca in (("wrong-name", {"address": "DNS:elsewhere.example"}, True),
                               ("self-signed", {"self_signed": True}, True),
                               ("expired", {"days": -1}, True),
                               ("unknown-authority", {}, False)):
            with self.subTest(name):
                emulator = self.serve(name, **more)
                options = ["--ca-file", str(self.ca)] if ca else []
                for role in (True, False):
                    m = Mount(emulator, self.dir / f"m-{name}-{role}", "--mount-timeout", "3s", *options,
                              role=role, background=False)
                    done = m.run()
                    self.assertEqual(done.returncode, 7, done.stderr)
                    self.assertIn("certificate", done.stderr.lower())
                    self.assertFalse(m.mounted)


if __name__ == "__main__":
    harness.main()
