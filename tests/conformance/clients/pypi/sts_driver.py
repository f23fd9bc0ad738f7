"""AssumeRole by the vendor's Python clients, what the keys may do, and every source of credentials."""
import calendar
import json
import os
import tempfile
import time
import unittest

import oss2
from alibabacloud_credentials.client import Client as Credentials
from alibabacloud_credentials.models import Config as CredentialsConfig
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as Sts
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdksts.request.v20150401.AssumeRoleRequest import AssumeRoleRequest

import emulated
from emulated import BUCKET, ENDPOINTS, FACTS, ID, REGION, ROLE, SECRET, STS, grants, needs_names

HOLDER = ROLE.split(":role/")[0] + ":oidc-provider/any"


def bucket(id, secret, token):
    return oss2.Bucket(oss2.StsAuth(id, secret, token), ENDPOINTS["path"], BUCKET, is_path_style=True)


def use(test, held):
    where = bucket(*held)
    where.put_object("sts/probe", b"probe")
    test.assertEqual(where.get_object("sts/probe").read(), b"probe")


class Rpc(unittest.TestCase):
    """aliyun-python-sdk-sts: HMAC-SHA1."""

    def assume(self, method="POST", id=ID, secret=SECRET, role=ROLE, seconds=900, policy=None, session="rpc"):
        request = AssumeRoleRequest()
        request.set_method(method)
        request.set_protocol_type("https" if emulated.NAMES else "http")  # this client compares identities
        request.set_endpoint(STS.netloc)
        request.set_RoleArn(role)
        request.set_RoleSessionName(session)
        request.set_DurationSeconds(seconds)
        if policy is not None:
            request.set_Policy(policy)
        request.set_accept_format("JSON")
        return json.loads(AcsClient(id, secret, REGION).do_action_with_exception(request))

    def refused(self, codes, **more):
        with self.assertRaises(ServerException) as caught:
            self.assume(**more)
        self.assertIn(caught.exception.get_error_code(), codes)

    def test_policy_and_duration(self):
        for method in ("GET", "POST"):
            answer = self.assume(method, seconds=1800, policy=grants("oss:GetObject", "oss:PutObject", prefix="sts/"))
            held = answer["Credentials"]
            left = calendar.timegm(time.strptime(held["Expiration"], "%Y-%m-%dT%H:%M:%SZ")) - time.time()
            self.assertTrue(1700 < left <= 1801, left)
            self.assertTrue(answer["AssumedRoleUser"]["Arn"].endswith("/rpc"))
            where = bucket(held["AccessKeyId"], held["AccessKeySecret"], held["SecurityToken"])
            where.put_object("sts/in", b"in")
            self.assertEqual(where.get_object("sts/in").read(), b"in")
            for call in (lambda: where.put_object("elsewhere", b"x"), lambda: where.delete_object("sts/in"),
                         lambda: where.list_objects(prefix="sts/"), lambda: where.get_object_acl("sts/in")):
                with self.assertRaises(oss2.exceptions.AccessDenied):
                    call()
            with self.assertRaises(oss2.exceptions.ServerError) as caught:
                bucket(held["AccessKeyId"], held["AccessKeySecret"], "nonsense").get_object("sts/in")
            self.assertEqual(caught.exception.code, "InvalidSecurityToken")

    def test_refusals(self):
        self.refused(["EntityNotExist.Role"], role=ROLE + "-not")
        self.refused(["InvalidParameter.RoleArn"], role="role")
        self.refused(["InvalidParameter.DurationSeconds"], seconds=899)
        self.refused(["InvalidParameter.DurationSeconds"], seconds=3601)
        self.refused(["InvalidParameter.RoleSessionName"], session="x")
        self.refused(["InvalidParameter.PolicyGrammar"], policy="{")
        self.refused(["InvalidAccessKeyId.NotFound"], id="nobody")
        # The client compares the server's string with its own, and draws this conclusion.
        self.refused(["InvalidAccessKeySecret", "SignatureDoesNotMatch"], secret="wrong")


class Acs3(unittest.TestCase):
    """alibabacloud-sts20150401: HMAC-SHA256."""

    def client(self, **more):
        return Sts(Config(**{"access_key_id": ID, "access_key_secret": SECRET, "endpoint": STS.netloc,
                             "protocol": STS.scheme, **more}))

    def test_assume_role_then_who_am_i(self):
        request = sts_models.AssumeRoleRequest(role_arn=ROLE, role_session_name="acs3", duration_seconds=1000,
                                               policy=grants("oss:*", prefix="a+b é%20/"))
        held = self.client().assume_role(request).body.credentials
        self.assertTrue(held.access_key_id.startswith("STS."))
        mine = self.client(access_key_id=held.access_key_id, access_key_secret=held.access_key_secret,
                           security_token=held.security_token)
        self.assertEqual(mine.get_caller_identity().body.identity_type, "AssumedRoleUser")
        self.assertIn(":user/", self.client().get_caller_identity().body.arn)

    def test_web_identity_is_not_signed(self):
        request = sts_models.AssumeRoleWithOIDCRequest(
            role_arn=ROLE, role_session_name="web", oidcprovider_arn=HOLDER, oidctoken=os.environ["OIDC_TOKEN"])
        held = self.client().assume_role_with_oidc(request).body.credentials
        use(self, (held.access_key_id, held.access_key_secret, held.security_token))

    def test_a_wrong_secret(self):
        with self.assertRaises(Exception) as caught:
            self.client(access_key_secret="wrong").get_caller_identity()
        self.assertRegex(str(caught.exception), "SignatureDoesNotMatch|IncompleteSignature")


@needs_names
class Sources(unittest.TestCase):
    """alibabacloud-credentials, with the addresses that it has built in."""

    def held(self, **config):
        got = Credentials(CredentialsConfig(**config)).get_credential()
        use(self, (got.get_access_key_id(), got.get_access_key_secret(), got.get_security_token()))

    def test_ram_role_arn(self):
        pair = {"access_key_id": ID, "access_key_secret": SECRET, "role_arn": ROLE, "role_session_name": "pypi"}
        self.held(type="ram_role_arn", role_session_expiration=3600, **pair)
        self.held(type="ram_role_arn", sts_endpoint=f"sts-vpc.{REGION}.aliyuncs.com",
                  policy=grants("oss:GetObject", "oss:PutObject"), **pair)

    def test_ecs_ram_role(self):
        self.held(type="ecs_ram_role", role_name=FACTS["ecs_role_name"], disable_imds_v1=True)
        self.held(type="ecs_ram_role")

    def test_oidc_role_arn(self):
        with tempfile.NamedTemporaryFile("w", dir=os.environ["HOME"]) as file:
            file.write(os.environ["OIDC_TOKEN"])
            file.flush()
            self.held(type="oidc_role_arn", role_arn=ROLE, oidc_provider_arn=HOLDER,
                      oidc_token_file_path=file.name, role_session_name="web")


if __name__ == "__main__":
    emulated.main()
