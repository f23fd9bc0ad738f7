"""oss2 against the emulator: three ways of signing, both ways of addressing."""
import itertools
import os
import tempfile
import unittest

import oss2
import requests

import emulated
from emulated import BUCKET, ENDPOINTS, ID, REGION, SECRET, data

ODD = ("blank here", "plus+plus", "100%25", "a&b=c", "quote'!()*", "ümlaut/中文/😀", "semi;colon:at@",
       "back\\slash", "two//slashes", "hash#question?", "tilde~-_.", "tab\there")


class Ways:
    """Every test of a subclass, once for each way."""
    version = style = None

    def setUp(self):
        self.b = self.bucket(BUCKET)
        self.at = f"oss2/{self.version.__name__}-{self.style}/".__add__
        self.dir = tempfile.mkdtemp(dir=os.environ["HOME"])

    def bucket(self, name, id=ID, secret=SECRET):
        return oss2.Bucket(self.version(id, secret), ENDPOINTS[self.style], name, region=REGION,
                           is_path_style=self.style == "path")

    def refused(self, error, code, call, *arguments, **more):
        with self.assertRaises(error) as caught:
            call(*arguments, **more)
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def test_put_get_head_ranges(self):
        whole = data(123_457)
        self.b.put_object(self.at("f"), whole, headers={"x-oss-meta-colour": "dark blue", "Content-Type": "x/y"})
        got = self.b.get_object(self.at("f"))
        self.assertEqual(got.read(), whole)
        self.assertEqual((got.client_crc, got.headers["x-oss-meta-colour"]), (got.server_crc, "dark blue"))
        self.assertEqual(self.b.head_object(self.at("f")).content_type, "x/y")
        self.assertEqual(self.b.get_object_meta(self.at("f")).content_length, len(whole))
        self.assertEqual(self.b.get_object(self.at("f"), byte_range=(100, 199)).read(), whole[100:200])
        self.assertEqual(self.b.get_object(self.at("f"), byte_range=(None, 7)).read(), whole[-7:])
        self.assertEqual(self.b.get_object(self.at("f"), byte_range=(len(whole) - 3, None)).read(), whole[-3:])
        self.b.update_object_meta(self.at("f"), {"x-oss-meta-colour": "red"})
        self.assertEqual(self.b.head_object(self.at("f")).headers["x-oss-meta-colour"], "red")

    def test_conditions(self):
        etag = self.b.put_object(self.at("c"), b"one").etag
        self.refused(oss2.exceptions.NotModified, "", self.b.get_object, self.at("c"),
                     headers={"If-None-Match": etag})
        self.assertEqual(self.b.get_object(self.at("c"), headers={"If-Match": etag}).read(), b"one")
        self.refused(oss2.exceptions.PreconditionFailed, "PreconditionFailed", self.b.get_object,
                     self.at("c"), headers={"If-Match": "0" * 32})
        self.refused(oss2.exceptions.ServerError, "FileAlreadyExists", self.b.put_object, self.at("c"),
                     b"two", headers={"x-oss-forbid-overwrite": "true"})

    def test_odd_keys(self):
        for odd in ODD:
            with self.subTest(key=odd):
                key = self.at(f"odd/{odd}")
                self.b.put_object(key, odd.encode())
                self.b.copy_object(BUCKET, key, key + ".copy")
                self.assertEqual(self.b.get_object(key + ".copy").read(), odd.encode())
                self.b.put_symlink(key, self.at("odd/link"))
                self.assertEqual(self.b.get_symlink(self.at("odd/link")).target_key, key)
                self.assertEqual(self.b.get_object(self.at("odd/link")).read(), odd.encode())
        keys = [o.key for o in oss2.ObjectIteratorV2(self.b, prefix=self.at("odd/"), max_keys=5)]
        self.assertEqual(len(keys), 2 * len(ODD) + 1)
        self.assertEqual(sorted(self.b.batch_delete_objects(keys).deleted_keys), sorted(keys))
        self.assertEqual(list(oss2.ObjectIterator(self.b, prefix=self.at("odd/"))), [])

    def test_listings(self):
        for key in ("1", "2", "deep/3", "deep/4", "5"):
            self.b.put_object(self.at("list/" + key), b"x")
        below = len(self.at("list/"))
        for iterator in (oss2.ObjectIterator, oss2.ObjectIteratorV2):
            seen = [o.key[below:] for o in iterator(self.b, prefix=self.at("list/"), delimiter="/", max_keys=2)]
            self.assertEqual(sorted(seen), ["1", "2", "5", "deep/"])
            self.assertEqual(len(list(iterator(self.b, prefix=self.at("list/"), max_keys=2))), 5)
        page = self.b.list_objects_v2(prefix=self.at("list/"), start_after=self.at("list/2"), fetch_owner=True)
        self.assertEqual([o.key[below:] for o in page.object_list], ["5", "deep/3", "deep/4"])
        self.assertTrue(page.object_list[0].owner.id)

    def test_multipart_resumes(self):
        whole = data(1_100_000, 2)
        path = os.path.join(self.dir, "up")
        with open(path, "wb") as file:
            file.write(whole)
        store = oss2.ResumableStore(root=self.dir)
        ways = {"multipart_threshold": 200_000, "part_size": 200_000, "num_threads": 1, "store": store}

        class Stop(Exception):
            pass

        def stop(done, _):
            if done > 450_000:
                raise Stop

        with self.assertRaises(Stop):
            oss2.resumable_upload(self.b, self.at("mp"), path, progress_callback=stop, **ways)
        (upload,) = oss2.MultipartUploadIterator(self.b, prefix=self.at("mp"))
        parts = list(oss2.PartIterator(self.b, self.at("mp"), upload.upload_id))
        self.assertGreaterEqual(len(parts), 2)
        oss2.resumable_upload(self.b, self.at("mp"), path, **ways)
        self.assertEqual(list(oss2.MultipartUploadIterator(self.b, prefix=self.at("mp"))), [])
        down = os.path.join(self.dir, "down")
        oss2.resumable_download(self.b, self.at("mp"), down, multiget_threshold=200_000, part_size=200_000,
                                num_threads=3, store=oss2.ResumableDownloadStore(root=self.dir))
        with open(down, "rb") as file:
            self.assertEqual(file.read(), whole)

    def test_multipart_by_hand(self):
        self.b.put_object(self.at("source"), data(300_000, 3))
        upload = self.b.init_multipart_upload(self.at("parts"), headers={"x-oss-meta-a": "b"}).upload_id
        first = self.b.upload_part(self.at("parts"), upload, 1, data(102_400, 4))
        second = self.b.upload_part_copy(BUCKET, self.at("source"), (100, 150_099), self.at("parts"), upload, 2)
        parts = [oss2.models.PartInfo(1, first.etag, part_crc=first.crc, size=102_400),
                 oss2.models.PartInfo(2, second.etag)]
        self.refused(oss2.exceptions.ServerError, "InvalidPart", self.b.complete_multipart_upload,
                     self.at("parts"), upload, [oss2.models.PartInfo(1, "0" * 32)])
        done = self.b.complete_multipart_upload(self.at("parts"), upload, parts,
                                                headers={"x-oss-object-acl": "private"})
        self.assertTrue(done.etag.endswith("-2"))
        self.assertEqual(self.b.get_object(self.at("parts")).read(), data(102_400, 4) + data(300_000, 3)[100:150_100])
        self.assertEqual(self.b.head_object(self.at("parts")).headers["x-oss-meta-a"], "b")
        self.assertEqual(self.b.get_object_acl(self.at("parts")).acl, "private")
        self.refused(oss2.exceptions.NoSuchUpload, "NoSuchUpload", self.b.abort_multipart_upload,
                     self.at("parts"), upload)
        upload = self.b.init_multipart_upload(self.at("parts")).upload_id
        self.b.upload_part(self.at("parts"), upload, 1, b"x")
        self.b.abort_multipart_upload(self.at("parts"), upload)

    def test_append_tags_acl(self):
        grown = self.b.append_object(self.at("grown"), 0, b"hello ")
        grown = self.b.append_object(self.at("grown"), grown.next_position, b"world", init_crc=grown.crc)
        self.assertEqual(grown.next_position, 11)
        late = self.refused(oss2.exceptions.PositionNotEqualToLength, "PositionNotEqualToLength",
                            self.b.append_object, self.at("grown"), 6, b"late")
        self.assertEqual(late.next_position, 11)
        self.assertEqual(self.b.get_object(self.at("grown")).read(), b"hello world")
        tags = oss2.models.Tagging(oss2.models.TaggingRule())
        tags.tag_set.add("a key", "a=value/+")
        self.b.put_object_tagging(self.at("grown"), tags)
        self.assertEqual(self.b.get_object_tagging(self.at("grown")).tag_set.tagging_rule, {"a key": "a=value/+"})
        self.b.delete_object_tagging(self.at("grown"))
        self.b.put_object_acl(self.at("grown"), "public-read")
        self.assertEqual(self.b.get_object_acl(self.at("grown")).acl, "public-read")

    def test_versions(self):
        v = self.bucket("otherbucket")
        v.put_bucket_versioning(oss2.models.BucketVersioningConfig("Enabled"))
        first = v.put_object(self.at("v"), b"one").versionid
        second = v.put_object(self.at("v"), b"two").versionid
        marker = v.delete_object(self.at("v"))
        self.assertTrue(marker.delete_marker)
        self.refused(oss2.exceptions.NoSuchKey, "NoSuchKey", v.get_object, self.at("v"))
        self.assertEqual(v.get_object(self.at("v"), params={"versionId": first}).read(), b"one")
        copied = v.copy_object("otherbucket", self.at("v"), self.at("w"), params={"versionId": second})
        self.assertEqual(v.get_object(self.at("w"), params={"versionId": copied.versionid}).read(), b"two")
        listed = v.list_object_versions(prefix=self.at("v"))
        self.assertEqual([one.versionid for one in listed.versions], [second, first])
        self.assertEqual([one.versionid for one in listed.delete_marker], [marker.versionid])
        v.delete_object(self.at("v"), params={"versionId": marker.versionid})
        self.assertEqual(v.get_object(self.at("v")).read(), b"two")

    def test_urls_made_by_the_client_and_used_by_anybody(self):
        key = self.at("url/ä +&")
        there = self.b.sign_url("PUT", key, 300, slash_safe=True, headers={"Content-Type": "x/url"})
        self.assertEqual(requests.put(there, b"by url", headers={"Content-Type": "x/url"}).status_code, 200)
        self.assertEqual(requests.put(there, b"no", headers={"Content-Type": "x/other"}).status_code, 403)
        for safe in (True, False):
            back = self.b.sign_url("GET", key, 300, slash_safe=safe, params={"response-content-type": "x/back"})
            got = requests.get(back)
            self.assertEqual((got.content, got.headers["Content-Type"]), (b"by url", "x/back"))
            self.assertEqual(requests.delete(back).status_code, 403)
            self.assertEqual(requests.get(back.replace("url", "vrl", 1)).status_code, 403)
        self.assertEqual(self.b.get_object_with_url(self.b.sign_url("GET", key, 300)).read(), b"by url")
        self.b.put_object_with_url(self.b.sign_url("PUT", key, 300), b"again")
        self.assertEqual(self.b.get_object(key).read(), b"again")

    def test_urls_that_stsfs_makes_are_the_same(self):
        if self.version is oss2.AuthV2:
            self.skipTest("stsfs signs with versions 1 and 4")
        version = "v1" if self.version is oss2.Auth else "v4"
        key = self.at("url/ä +&~!'()*")
        for method, headers, params, options in emulated.URLS:
            with self.subTest(method=method, options=options):
                ours, theirs = emulated.beside(
                    lambda: emulated.stsfs_url(method, key, *options, style=self.style, version=version),
                    lambda: self.b.sign_url(method, key, 300, slash_safe=True, headers=dict(headers), params=dict(params)))
                self.assertEqual(ours, theirs)

    def test_urls_that_stsfs_makes_are_used_by_the_client(self):
        for version in ("v1", "v4"):
            key = self.at("url/by stsfs+" + version)

            def url(method, *options):
                return emulated.stsfs_url(method, key, *options, style=self.style, version=version)

            self.b.put_object_with_url(url("PUT", "--header", "x-oss-meta-a: b"), b"by url",
                                       headers={"x-oss-meta-a": "b"})
            got = self.b.get_object_with_url(url("GET"))
            self.assertEqual((got.read(), got.headers["x-oss-meta-a"]), (b"by url", "b"))
            self.refused(oss2.exceptions.SignatureDoesNotMatch, "SignatureDoesNotMatch", self.b.put_object_with_url,
                         url("GET"), b"no")

    def test_refusals(self):
        missing = self.refused(oss2.exceptions.NoSuchKey, "NoSuchKey", self.b.get_object, self.at("missing"))
        self.assertTrue(missing.request_id)
        self.refused(oss2.exceptions.NoSuchBucket, "NoSuchBucket", self.bucket("nosuchbucket").get_object, "x")
        self.refused(oss2.exceptions.SignatureDoesNotMatch, "SignatureDoesNotMatch",
                     self.bucket(BUCKET, secret="wrong").get_object, "x")
        self.refused(oss2.exceptions.ServerError, "InvalidAccessKeyId",
                     self.bucket(BUCKET, id="nobody").get_object, "x")


for _version, _style in itertools.product((oss2.Auth, oss2.AuthV2, oss2.AuthV4), ENDPOINTS):
    _name = f"{_version.__name__}_{_style}"
    globals()[_name] = type(_name, (Ways, unittest.TestCase), {"version": _version, "style": _style})

if __name__ == "__main__":
    emulated.main()
