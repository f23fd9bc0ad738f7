"""What the Python drivers share: the emulator's facts, and calls that must be refused."""
import json
import os
import random
import subprocess
import sys
import unittest
import urllib.parse

FACTS = json.loads(os.environ["EMULATOR"])
NAMES = os.environ.get("VENDOR_NAMES") == "1"
REGION, BUCKET = FACTS["region"], FACTS["bucket"]
ID, SECRET = FACTS["access_key_id"], FACTS["access_key_secret"]
ROLE = FACTS["role_arn"]
ENDPOINTS = {"path": FACTS["oss_endpoint"]}
if NAMES:
    ENDPOINTS["virtual"] = f"https://oss-{REGION}.aliyuncs.com"
STS = urllib.parse.urlsplit(f"https://sts.{REGION}.aliyuncs.com" if NAMES else FACTS["sts_endpoint"])
needs_names = unittest.skipUnless(NAMES, "needs the vendor's names")


def data(size, seed=1):
    return random.Random(seed).randbytes(size)


def grants(*actions, prefix=""):
    """A session policy. Compact: alibabacloud-credentials signs blanks in a way of its own."""
    return json.dumps(separators=(",", ":"), obj={"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": list(actions), "Resource": [f"acs:oss:*:*:{BUCKET}/{prefix}*"]}]})


# Method, headers and parameters of a URL, and the options of stsfs that ask for the same one.
URLS = (
    ("GET", {}, {}, ()),
    ("HEAD", {}, {}, ()),
    ("DELETE", {}, {}, ()),
    ("PUT", {}, {}, ()),
    ("PUT", {"Content-Type": "x/url", "x-oss-meta-a": "b  c"}, {},
     ("--header", "Content-Type: x/url", "--header", "x-oss-meta-a: b  c")),
    ("GET", {}, {"response-content-type": "x/back; a=b+c", "versionId": "CAEQ+/="},
     ("--query", "response-content-type=x/back; a=b+c", "--version-id", "CAEQ+/=")),
    ("GET", {}, {"x-oss-traffic-limit": "819200", "x-oss-ac-source-ip": "127.0.0.0", "x-oss-ac-subnet-mask": "8",
                 "x-oss-ac-vpc-id": "vpc-1", "x-oss-ac-forward-allow": "true"},
     ("--traffic-limit", "100KiB/s", "--source-ip", "127.0.0.0/8", "--vpc-id", "vpc-1", "--forward-allow")),
    ("POST", {}, {"append": "", "position": "0"}, ("--query", "append", "--query", "position=0")),
)


def stsfs_url(method, key, *options, style, version, held=(ID, SECRET, "")):
    """What `stsfs sign-url` prints; it lives for 300 seconds."""
    names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
    words = [os.environ["STSFS"], "sign-url", method.lower(), f"oss://{BUCKET}/{key}", "--endpoint", ENDPOINTS[style],
             "--addressing", style, "--region", REGION, "--sign-version", version, "--expires", "300s", *options]
    done = subprocess.run(words, env={**os.environ, **dict(zip(names, held))}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def parts(url):
    """Where a URL leads and its query, signature and all."""
    split = urllib.parse.urlsplit(url)
    port = split.port or {"http": 80, "https": 443}[split.scheme]
    return (split.scheme, split.hostname, port, urllib.parse.unquote(split.path),
            dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True)))


def beside(ours, theirs):
    """What two programs make of one request in the same second, as parts()."""
    def second(url):
        return [url[4].get(name) for name in ("Expires", "x-oss-date", "x-oss-expires")]
    for _ in range(50):
        made = [parts(make()) for make in (theirs, ours, theirs)]
        for their in (made[0], made[2]):
            if second(their) == second(made[1]):
                return made[1], their
    raise AssertionError("never in the same second")


def main():
    program = unittest.main(module="__main__", verbosity=2, exit=False)
    sys.exit(0 if program.result.wasSuccessful() else 1)
