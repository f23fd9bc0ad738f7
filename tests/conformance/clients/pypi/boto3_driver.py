"""AWS's own Python client: its STS and instance metadata, and S3 by what they give."""
import json
import os
import unittest

import boto3
import botocore.config
import botocore.exceptions
import botocore.session

import emulated
from emulated import BUCKET, FACTS, ID, SECRET

ROLE = FACTS["aws_role_arn"]
PLAIN = botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1},
                               request_checksum_calculation="when_required",
                               response_checksum_validation="when_required")


def client(service, endpoint, held=None):
    keys = held or {"AccessKeyId": ID, "SecretAccessKey": SECRET, "SessionToken": None}
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", config=PLAIN,
                        verify=os.environ.get("SSL_CERT_FILE"),
                        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                        aws_session_token=keys["SessionToken"])


def sts(held=None):
    return client("sts", FACTS["sts_endpoint"], held)


def s3(held=None):
    return client("s3", FACTS["oss_endpoint"], held)


class Boto(unittest.TestCase):
    def refused(self, code, call, **more):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**more)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response

    def test_assume_role_and_its_session_policy(self):
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": [f"arn:aws:s3:::{BUCKET}/boto/*"]},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}",
             "Condition": {"StringLike": {"s3:prefix": "boto/*"}}}]}
        answer = sts().assume_role(RoleArn=ROLE, RoleSessionName="a_session", DurationSeconds=900,
                                   Policy=json.dumps(policy))
        self.assertTrue(answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/stsfs-full/a_session"))
        store = s3(answer["Credentials"])
        store.put_object(Bucket=BUCKET, Key="boto/a", Body=b"content")
        self.assertEqual(store.get_object(Bucket=BUCKET, Key="boto/a")["Body"].read(), b"content")
        listed = store.list_objects_v2(Bucket=BUCKET, Prefix="boto/")
        self.assertEqual([item["Key"] for item in listed["Contents"]], ["boto/a"])
        self.refused("AccessDenied", store.put_object, Bucket=BUCKET, Key="other/a", Body=b"x")
        self.refused("AccessDenied", store.list_objects_v2, Bucket=BUCKET)
        self.refused("AccessDenied", store.delete_object, Bucket=BUCKET, Key="boto/a")

    def test_who_am_i(self):
        self.assertTrue(sts().get_caller_identity()["Arn"].startswith("arn:aws:iam::"))
        held = sts().assume_role(RoleArn=ROLE, RoleSessionName="me", DurationSeconds=900)["Credentials"]
        self.assertTrue(sts(held).get_caller_identity()["Arn"].endswith("/stsfs-full/me"))

    def test_refusals(self):
        self.refused("ValidationError", sts().assume_role, RoleArn=ROLE, RoleSessionName="se", DurationSeconds=43201)
        self.refused("AccessDenied", sts().assume_role, RoleArn=ROLE + "x", RoleSessionName="se")
        self.refused("MalformedPolicyDocument", sts().assume_role, RoleArn=ROLE, RoleSessionName="se", Policy="{}")
        wrong = {"AccessKeyId": ID, "SecretAccessKey": "wrong", "SessionToken": None}
        self.refused("SignatureDoesNotMatch", sts(wrong).get_caller_identity)
        unknown = {"AccessKeyId": "AKIAX", "SecretAccessKey": "wrong", "SessionToken": None}
        self.refused("InvalidClientTokenId", sts(unknown).get_caller_identity)

    def test_a_web_identity_that_nobody_signed(self):
        self.refused("InvalidIdentityToken", sts().assume_role_with_web_identity, RoleArn=ROLE,
                     RoleSessionName="pod", WebIdentityToken="nobody-knows-this-token")

    def test_an_instance(self):
        os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = FACTS["imds_endpoint"]
        session = botocore.session.get_session()
        provider = session.get_component("credential_provider").get_provider("iam-role")
        held = provider.load().get_frozen_credentials()
        store = s3({"AccessKeyId": held.access_key, "SecretAccessKey": held.secret_key, "SessionToken": held.token})
        store.put_object(Bucket=BUCKET, Key="imds", Body=b"x")

    def test_a_bucket_without_settings(self):
        for code, call in (("NoSuchLifecycleConfiguration", s3().get_bucket_lifecycle_configuration),
                           ("NoSuchCORSConfiguration", s3().get_bucket_cors),
                           ("NoSuchBucketPolicy", s3().get_bucket_policy),
                           ("NoSuchTagSet", s3().get_bucket_tagging),
                           ("ServerSideEncryptionConfigurationNotFoundError", s3().get_bucket_encryption)):
            self.refused(code, call, Bucket=BUCKET)
        self.assertNotIn("LoggingEnabled", s3().get_bucket_logging(Bucket=BUCKET))
        s3().delete_bucket_cors(Bucket=BUCKET)

    def test_conditional_puts(self):
        store = s3()
        tag = store.put_object(Bucket=BUCKET, Key="once", Body=b"1")["ETag"]
        self.refused("PreconditionFailed", store.put_object, Bucket=BUCKET, Key="once", Body=b"2", IfNoneMatch="*")
        self.refused("PreconditionFailed", store.put_object, Bucket=BUCKET, Key="once", Body=b"2", IfMatch='"0"')
        store.put_object(Bucket=BUCKET, Key="once", Body=b"2", IfMatch=tag)

    def test_restoration(self):
        store = s3()
        store.put_object(Bucket=BUCKET, Key="cold", Body=b"cold", StorageClass="GLACIER")
        self.refused("InvalidObjectState", store.get_object, Bucket=BUCKET, Key="cold")
        request = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
        answer = store.restore_object(Bucket=BUCKET, Key="cold", RestoreRequest=request)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 202)
        while 'ongoing-request="true"' in store.head_object(Bucket=BUCKET, Key="cold")["Restore"]:
            pass
        self.assertEqual(store.get_object(Bucket=BUCKET, Key="cold")["Body"].read(), b"cold")


if __name__ == "__main__":
    emulated.main()
