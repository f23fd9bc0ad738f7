"""Runs a driver beside an emulator of its own, as `vendor_names.py [--plain] COMMAND…`.

In a network namespace (world.py makes it) the vendor's host names lead to the emulator, which
answers https for them with a certificate of a throw-away authority, and its metadata server has
the address that all ECS instances know. With --plain there is an address and a port, no more.

The driver finds in its environment: EMULATOR, the ready line; VENDOR_NAMES=1 where the names work;
and the authority under all the names that clients look for.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
import harness  # noqa: E402

REGION = "cn-hangzhou"
DOMAIN = f"oss-{REGION}.aliyuncs.com"
BUCKETS = ("examplebucket", "otherbucket")
METADATA = "100.100.100.200"
VPC = "vpc-conformance"
OIDC_TOKEN = "a-token-that-is-accepted"
NAMES = ("sts.aliyuncs.com", f"sts.{REGION}.aliyuncs.com", f"sts-vpc.{REGION}.aliyuncs.com", DOMAIN,
         *(f"{bucket}.{DOMAIN}" for bucket in (*BUCKETS, "nosuchbucket")))
AUTHORITY_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "ALIBABA_CLOUD_CA_BUNDLE",
                       "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def run(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def certificate(folder):
    """Paths of an authority, a certificate for all names, and its key."""
    ca, ca_key, key, request, crt, extension = (
        str(folder / name) for name in ("ca.pem", "ca.key", "key.pem", "req.pem", "crt.pem", "ext"))
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", ca_key, "-out", ca,
        "-days", "2", "-subj", "/CN=conformance", "-addext", "basicConstraints=critical,CA:TRUE")
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
        "-subj", f"/CN={DOMAIN}")
    names = ",".join(f"DNS:{name}" for name in ("localhost", *NAMES, f"*.{DOMAIN}"))
    pathlib.Path(extension).write_text(f"subjectAltName=IP:127.0.0.1,{names}\n")
    run("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
        "-out", crt, "-days", "2", "-extfile", extension)
    return ca, crt, key


def take_names(folder):
    """In our own network and mounts: loopback up, the metadata address ours, the names resolved."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {name}\n" for name in NAMES))
    run("mount", "--bind", str(hosts), "/etc/hosts")


def main(words):
    plain = words[:1] == ["--plain"]
    driver = words[1:] if plain else words
    with tempfile.TemporaryDirectory(prefix="stsfs-conformance-") as name:
        folder = pathlib.Path(name)
        options = ["--virtual-host-domain", DOMAIN, "--client-vpc", VPC, "--oidc-token", OIDC_TOKEN]
        environment = {**os.environ, "CLIENT_VPC": VPC, "OIDC_TOKEN": OIDC_TOKEN, "HOME": name}
        listen = "127.0.0.1:0"
        if not plain:
            take_names(folder)
            authority, crt, key = certificate(folder)
            options += ["--metadata-listen", f"{METADATA}:80", "--tls-cert", crt, "--tls-key", key]
            listen = "127.0.0.1:443"
            environment |= dict.fromkeys(AUTHORITY_VARIABLES, authority)
            environment |= {"VENDOR_NAMES": "1"}
        emulator = harness.Emulator(folder / "emulator", *options, buckets=BUCKETS, listen=listen)
        try:
            environment["EMULATOR"] = json.dumps(emulator.facts)
            done = subprocess.run(driver, env=environment, stdin=subprocess.DEVNULL, check=False)
        finally:
            emulator.stop()
        said = (folder / "emulator" / "emulator.log").read_text(errors="replace")
        reports = emulator.reports()
    if done.returncode != 0 or reports:
        print(f"--- the emulator said:\n{said[-3000:]}{reports}", flush=True)
    return done.returncode or (1 if reports else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
