"""alibabacloud-oss-v2 against the emulator: both ways of signing, both ways of addressing."""
import datetime
import io
import itertools
import os
import tempfile
import unittest

import alibabacloud_oss_v2 as oss
import requests

import emulated
from emulated import BUCKET, ENDPOINTS, ID, REGION, SECRET, data


def client(version, style, secret=SECRET):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(ID, secret)
    config.region = REGION
    config.endpoint = ENDPOINTS[style]
    config.use_path_style = style == "path"
    config.signature_version = version
    config.retry_max_attempts = 1
    return oss.Client(config)


class Ways:
    version = style = None

    def setUp(self):
        self.c = client(self.version, self.style)
        self.at = f"v2/{self.version}-{self.style}/".__add__

    def put(self, key, body, **more):
        return self.c.put_object(oss.PutObjectRequest(bucket=BUCKET, key=self.at(key), body=body, **more))

    def get(self, key, **more):
        return self.c.get_object(oss.GetObjectRequest(bucket=BUCKET, key=self.at(key), **more)).body.read()

    def refused(self, code, call, *arguments):
        with self.assertRaises(oss.exceptions.OperationError) as caught:
            call(*arguments)
        error = caught.exception.unwrap()
        self.assertIsInstance(error, oss.exceptions.ServiceError)
        self.assertEqual(error.code, code)

    def test_put_get_head(self):
        whole = data(80_001)
        put = self.put("ä +&/whole", whole, metadata={"colour": "blue"}, content_type="x/y")
        self.assertTrue(put.hash_crc64)
        self.assertEqual(self.get("ä +&/whole"), whole)
        self.assertEqual(self.get("ä +&/whole", range_header="bytes=9-18", range_behavior="standard"), whole[9:19])
        head = self.c.head_object(oss.HeadObjectRequest(bucket=BUCKET, key=self.at("ä +&/whole")))
        self.assertEqual((head.content_length, head.metadata["colour"], head.content_type),
                         (len(whole), "blue", "x/y"))
        self.refused("FileAlreadyExists", lambda: self.put("ä +&/whole", b"x", forbid_overwrite=True))
        self.refused("NoSuchKey", lambda: self.get("missing"))

    def test_paginators(self):
        for key in ("1", "2", "deep/3", "deep/4", "5"):
            self.put("list/" + key, b"x")
        prefix = self.at("list/")
        objects = self.c.list_objects_v2_paginator().iter_page(
            oss.ListObjectsV2Request(bucket=BUCKET, prefix=prefix, delimiter="/", max_keys=2))
        pages = list(objects)
        self.assertEqual(sorted(o.key[len(prefix):] for page in pages for o in page.contents or []), ["1", "2", "5"])
        self.assertEqual([p.prefix for page in pages for p in page.common_prefixes or []], [prefix + "deep/"])
        old = self.c.list_objects_paginator().iter_page(
            oss.ListObjectsRequest(bucket=BUCKET, prefix=prefix, max_keys=2))
        self.assertEqual(len([o for page in old for o in page.contents or []]), 5)
        versions = self.c.list_object_versions_paginator().iter_page(
            oss.ListObjectVersionsRequest(bucket=BUCKET, prefix=prefix, max_keys=2))
        self.assertEqual(len([v for page in versions for v in page.version or []]), 5)

    def test_uploader_downloader_copier(self):
        whole = data(900_000, 2)
        folder = tempfile.mkdtemp(dir=os.environ["HOME"])
        self.c.uploader().upload_from(oss.PutObjectRequest(bucket=BUCKET, key=self.at("up")), io.BytesIO(whole),
                                      part_size=200 * 1024, parallel_num=3)
        path = os.path.join(folder, "down")
        self.c.downloader().download_file(oss.GetObjectRequest(bucket=BUCKET, key=self.at("up")), path,
                                          part_size=200 * 1024, parallel_num=3)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), whole)
        self.c.copier().copy(oss.CopyObjectRequest(bucket=BUCKET, key=self.at("copied"), source_bucket=BUCKET,
                                                   source_key=self.at("up")),
                             part_size=300 * 1024, multipart_copy_threshold=1, disable_shallow_copy=True)
        self.assertEqual(self.get("copied"), whole)

    def test_multipart_by_hand(self):
        key = self.at("parts")
        upload = self.c.initiate_multipart_upload(
            oss.InitiateMultipartUploadRequest(bucket=BUCKET, key=key)).upload_id
        for number, body in ((1, data(102_400, 3)), (2, b"end")):
            self.c.upload_part(oss.UploadPartRequest(bucket=BUCKET, key=key, upload_id=upload,
                                                     part_number=number, body=body))
        pages = self.c.list_parts_paginator().iter_page(
            oss.ListPartsRequest(bucket=BUCKET, key=key, upload_id=upload, max_parts=1))
        self.assertEqual([p.part_number for page in pages for p in page.parts], [1, 2])
        open_ones = self.c.list_multipart_uploads_paginator().iter_page(
            oss.ListMultipartUploadsRequest(bucket=BUCKET, prefix=key))
        self.assertEqual([u.upload_id for page in open_ones for u in page.uploads or []], [upload])
        self.c.complete_multipart_upload(oss.CompleteMultipartUploadRequest(
            bucket=BUCKET, key=key, upload_id=upload, complete_all="yes"))
        self.assertEqual(self.get("parts"), data(102_400, 3) + b"end")
        self.refused("NoSuchUpload", lambda: self.c.abort_multipart_upload(
            oss.AbortMultipartUploadRequest(bucket=BUCKET, key=key, upload_id=upload)))

    def test_append_symlink_copy_delete(self):
        with self.c.append_file(BUCKET, self.at("grown")) as file:
            file.write(b"hello ")
            file.write(b"world")
        self.c.put_symlink(oss.PutSymlinkRequest(bucket=BUCKET, key=self.at("link"),
                                                 symlink_target=self.at("grown")))
        self.assertEqual(self.get("link"), b"hello world")
        with self.c.open_file(BUCKET, self.at("grown")) as file:
            file.seek(6)
            self.assertEqual(file.read(5), b"world")
        self.c.copy_object(oss.CopyObjectRequest(bucket=BUCKET, key=self.at("twin"), source_key=self.at("grown")))
        self.assertEqual(self.get("twin"), b"hello world")
        keys = [oss.DeleteObject(key=self.at(name)) for name in ("grown", "link", "twin")]
        gone = self.c.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(bucket=BUCKET, objects=keys))
        self.assertEqual(len(gone.deleted_objects), 3)
        self.assertFalse(self.c.is_object_exist(BUCKET, self.at("twin")))

    def test_presigned(self):
        there = self.c.presign(oss.PutObjectRequest(bucket=BUCKET, key=self.at("url ä+"), content_type="x/url"))
        self.assertEqual(requests.put(there.url, b"by url", headers=there.signed_headers).status_code, 200)
        back = self.c.presign(oss.GetObjectRequest(bucket=BUCKET, key=self.at("url ä+")))
        self.assertEqual(requests.get(back.url, headers=back.signed_headers).content, b"by url")
        self.assertEqual(requests.delete(back.url).status_code, 403)
        forged = client(self.version, self.style, "wrong")
        self.assertEqual(requests.get(forged.presign(
            oss.GetObjectRequest(bucket=BUCKET, key=self.at("url ä+"))).url).status_code, 403)
        self.refused("SignatureDoesNotMatch", forged.get_object,
                     oss.GetObjectRequest(bucket=BUCKET, key=self.at("url ä+")))

    def test_urls_that_stsfs_makes_are_the_same(self):
        key = self.at("url/ä +&~!'()*")
        at = {"bucket": BUCKET, "key": key}
        for request, method, options in (
                (oss.GetObjectRequest(**at), "get", ()),
                (oss.HeadObjectRequest(**at), "head", ()),
                (oss.GetObjectRequest(**at, version_id="CAEQ+/=", response_content_type="x/back; a=b+c"), "get",
                 ("--version-id", "CAEQ+/=", "--query", "response-content-type=x/back; a=b+c")),
                (oss.PutObjectRequest(**at, content_type="x/url", metadata={"a": "b"}), "put",
                 ("--header", "Content-Type: x/url", "--header", "x-oss-meta-a: b")),
                (oss.InitiateMultipartUploadRequest(**at, content_type="x/url"), "post",
                 ("--header", "Content-Type: x/url", "--query", "uploads")),
                (oss.UploadPartRequest(**at, upload_id="U", part_number=7), "put",
                 ("--query", "uploadId=U", "--query", "partNumber=7")),
                (oss.AbortMultipartUploadRequest(**at, upload_id="U"), "delete", ("--query", "uploadId=U"))):
            with self.subTest(method=method, options=options):
                # The client cuts fractions of its clock's seconds off the end.
                ours, theirs = emulated.beside(
                    lambda: emulated.stsfs_url(method, key, *options, style=self.style, version=self.version),
                    lambda: self.c.presign(request, expires=datetime.timedelta(seconds=300.5)).url)
                self.assertEqual(ours, theirs)


for _version, _style in itertools.product(("v1", "v4"), ENDPOINTS):
    _name = f"{_version}_{_style}"
    globals()[_name] = type(_name, (Ways, unittest.TestCase), {"version": _version, "style": _style})

if __name__ == "__main__":
    emulated.main()
