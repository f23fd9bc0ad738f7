"""The steps of the vendor's article on temporary access, by the same calls of the same clients.

With SEED naming the article (a file, or a folder of text files) its own Python samples run too, as
they stand: placeholders filled, and its one comment that is not Python made one.
"""
import calendar
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

import oss2
import requests
from aliyunsdkcore import client
from aliyunsdkcore.request import CommonRequest

import emulated
from emulated import BUCKET, ID, REGION, ROLE, SECRET

ENDPOINT = f"https://oss-{REGION}.aliyuncs.com"
KEY = "exampledir/exampleobject.txt"


def temporary_key():
    """Steps 1 to 5: the article's policy, its session name, its 3000 seconds."""
    request = CommonRequest(product="Sts", version="2015-04-01", action_name="AssumeRole")
    request.set_method("POST")
    request.set_protocol_type("https")
    request.add_query_param("RoleArn", ROLE)
    request.add_query_param("RoleSessionName", "sessiontest")
    request.add_query_param("DurationSeconds", "3000")
    request.add_query_param("Policy", json.dumps({"Version": "1", "Statement": [
        {"Action": ["oss:PutObject", "oss:GetObject"], "Effect": "Allow",
         "Resource": [f"acs:oss:*:*:{BUCKET}/*"]}]}))
    request.set_accept_format("JSON")
    body = client.AcsClient(ID, SECRET, REGION).do_action_with_exception(request)
    return json.loads(oss2.to_unicode(body))["Credentials"]


def owner():
    return oss2.Bucket(oss2.Auth(ID, SECRET), ENDPOINT, BUCKET)


@emulated.needs_names
class Steps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.token = temporary_key()
        held = (cls.token["AccessKeyId"], cls.token["AccessKeySecret"], cls.token["SecurityToken"])
        cls.auths = {"key pair": oss2.Auth(ID, SECRET), "temporary key": oss2.StsAuth(*held)}
        cls.b = oss2.Bucket(cls.auths["temporary key"], ENDPOINT, BUCKET)

    def each(self):
        for who, auth in self.auths.items():
            with self.subTest(who=who):
                yield oss2.Bucket(auth, ENDPOINT, BUCKET)

    def test_step_5_lasts_as_long_as_was_asked_for(self):
        expires = calendar.timegm(time.strptime(self.token["Expiration"], "%Y-%m-%dT%H:%M:%SZ"))
        self.assertTrue(2900 < expires - time.time() <= 3001)

    def test_step_6_upload_and_download_and_nothing_else(self):
        self.assertEqual(self.b.put_object("example-test.txt", "hello world").status, 200)
        self.assertEqual(self.b.get_object("example-test.txt").read(), b"hello world")
        elsewhere = oss2.Bucket(self.auths["temporary key"], ENDPOINT, "otherbucket")
        for call in (self.b.list_objects, lambda: self.b.delete_object("example-test.txt"),
                     lambda: elsewhere.put_object("example-test.txt", "hello world")):
            with self.assertRaises(oss2.exceptions.AccessDenied):
                call()

    def test_a_version_id_among_the_headers_changes_nothing(self):
        for bucket in self.each():
            headers = {"versionId": "CAEQARiBgID8rumR2hYiIGUyOTAy"}
            url = bucket.sign_url("PUT", KEY, 60, slash_safe=True, headers=headers)
            self.assertIn(f"/{KEY}?", url)
            self.assertEqual(requests.put(url, b"v", headers={**headers, "Content-Type": ""}).status_code, 200)
            self.assertEqual(owner().get_object(KEY).read(), b"v")

    def test_upload_by_url_with_headers_that_are_signed(self):
        for bucket in self.each():
            headers = {"Content-Type": "text/txt", "x-oss-storage-class": "Standard"}
            url = bucket.sign_url("PUT", KEY, 60, slash_safe=True, headers=headers)
            self.assertEqual(requests.put(url, b"uploaded", headers=headers).status_code, 200)
            self.assertEqual(owner().head_object(KEY).content_type, "text/txt")
            self.assertEqual(requests.put(url, b"x", headers={**headers, "Content-Type": "text/plain"}).status_code, 403)

    def get(self, bucket, **params):
        url = bucket.sign_url("GET", KEY, 60, slash_safe=True, headers={"Accept-Encoding": "gzip"}, params=params)
        return requests.get(url, headers={"Accept-Encoding": "gzip"})

    def test_download_by_url_with_each_restriction(self):
        owner().put_object(KEY, b"to be fetched")
        for bucket in self.each():
            good = ({}, {"x-oss-traffic-limit": "819200"}, {"x-oss-ac-forward-allow": "true"},
                    {"x-oss-ac-source-ip": "127.0.0.1", "x-oss-ac-subnet-mask": "32"},
                    {"x-oss-ac-source-ip": "127.9.9.9", "x-oss-ac-subnet-mask": "8"},
                    {"x-oss-ac-vpc-id": os.environ["CLIENT_VPC"]})
            for params in good:
                self.assertEqual(self.get(bucket, **params).content, b"to be fetched", params)
            self.assertEqual(self.get(bucket, **{"x-oss-traffic-limit": "819199"}).status_code, 400)
            for params in ({"x-oss-ac-source-ip": "10.1.2.3", "x-oss-ac-subnet-mask": "32"},
                           {"x-oss-ac-vpc-id": "vpc-of-somebody-else"}):
                self.assertEqual(self.get(bucket, **params).status_code, 403, params)

    def test_urls_that_stsfs_makes_are_the_same(self):
        held = (self.token["AccessKeyId"], self.token["AccessKeySecret"], self.token["SecurityToken"])
        for version, kind in (("v1", oss2.AUTH_VERSION_1), ("v4", oss2.AUTH_VERSION_4)):
            bucket = oss2.Bucket(oss2.StsAuth(*held, auth_version=kind), ENDPOINT, BUCKET, region=REGION)
            for method, headers, params, options in emulated.URLS:
                with self.subTest(version=version, method=method, options=options):
                    ours, theirs = emulated.beside(
                        lambda: emulated.stsfs_url(method, KEY, *options, style="virtual", version=version, held=held),
                        lambda: bucket.sign_url(method, KEY, 300, slash_safe=True, headers=dict(headers),
                                                params=dict(params)))
                    self.assertEqual(ours, theirs)

    def test_a_url_ends_and_its_plus_signs_are_escaped(self):
        owner().put_object(KEY, b"to be fetched")
        for bucket in self.each():
            urls = (bucket.sign_url("GET", KEY, 60 + i, slash_safe=True) for i in range(500))
            url = next(url for url in urls if "%2B" in url.split("Signature=")[1].split("&")[0])
            self.assertEqual(requests.get(url).status_code, 200)
            self.assertEqual(requests.get(url.replace("%2B", "+")).status_code, 403)
        ended = owner().sign_url("GET", KEY, -5, slash_safe=True)
        self.assertIn(b"expired", requests.get(ended).content)


def samples(path):
    """The Python samples of the article: each from its coding line to the next line of prose."""
    files = sorted(glob.glob(os.path.join(path, "*.txt"))) if os.path.isdir(path) else [path]
    lines = []
    for file in files:
        with open(file, encoding="utf-8") as text:
            lines += text.read().split("\n")
    starts = [i for i, line in enumerate(lines) if line.strip() == "# -*- coding: utf-8 -*-"]
    found = []
    for start in starts:
        end = start + 1
        while end < len(lines) and end not in starts and not re.match(r"Step \d|Use |Generate |  • ", lines[end]):
            end += 1
        found.append(textwrap.dedent("\n".join(line if line.strip() else "" for line in lines[start:end])))
    return found


@unittest.skipUnless(os.environ.get("SEED"), "SEED does not say where the article is")
@emulated.needs_names
class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.samples = samples(os.environ["SEED"])
        cls.token = temporary_key()
        cls.folder = tempfile.mkdtemp(dir=os.environ["HOME"])
        cls.local = os.path.join(cls.folder, "examplefile.txt")

    def run_sample(self, number, sts, choose=()):
        held = (self.token["AccessKeyId"], self.token["AccessKeySecret"], self.token["SecurityToken"])
        id, secret, token = held if sts else (ID, SECRET, "")
        text = re.sub(r"(?m)^//", "#", self.samples[number])
        if sts:
            text = text.replace("# auth = oss2.StsAuth(", "auth = oss2.StsAuth(")
        for line in choose:
            self.assertIn(f"# {line}", text)
            text = text.replace(f"# {line}", line)
        for placeholder, value in (("yourEndpoint", ENDPOINT), ("yourAccessKeyId", id), ("yourAccessKeySecret", secret),
                                   ("yourSecurityToken", token), ("yourToken", token),
                                   ("acs:ram::175708322470****:role/ramtest", ROLE),
                                   ("D:\\\\exampledir\\\\examplefile.txt", self.local)):
            text = text.replace(placeholder, value)
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60,
                              cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-800:])
        return done.stdout

    def test_the_article_has_six(self):
        self.assertEqual(len(self.samples), 6)

    def test_steps_5_and_6(self):
        self.assertEqual(re.findall(r"(?m)^(\w+): .", self.run_sample(0, False)),
                         ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"])
        self.assertEqual(self.run_sample(1, True).strip(), "200")
        owner().put_object("exampleobject.txt", b"as uploaded")
        self.assertEqual(self.run_sample(2, True).strip(), repr(b"as uploaded"))

    def test_signed_urls(self):
        for sts in (False, True):
            with self.subTest(sts=sts):
                url = self.run_sample(3, sts).split("The signed URL: ")[1].strip()
                self.assertEqual(requests.put(url, b"v", headers={"Content-Type": ""}).status_code, 200)
                with open(self.local, "wb") as file:
                    file.write(b"from a local file")
                self.run_sample(4, sts, ("headers['Content-Type']", 'headers["x-oss-storage-class"]'))
                self.assertEqual(owner().head_object(KEY).content_type, "text/txt")
                os.unlink(self.local)
                self.run_sample(5, sts, ("params['x-oss-traffic-limit']", "params['x-oss-ac-source-ip']",
                                         "params['x-oss-ac-subnet-mask']"))
                with open(self.local, "rb") as file:
                    self.assertEqual(file.read(), b"from a local file")


if __name__ == "__main__":
    emulated.main()
