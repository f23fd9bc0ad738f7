"""What the Python drivers share: the emulator's facts, and calls that must be refused."""
import json
import os
import random
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


def main():
    program = unittest.main(module="__main__", verbosity=2, exit=False)
    sys.exit(0 if program.result.wasSuccessful() else 1)
