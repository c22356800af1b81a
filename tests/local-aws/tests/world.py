"""The base of the tests: one server process for all, and new accounts for each."""

from __future__ import annotations

import atexit
import io
import itertools
import json
import os
import subprocess
import sys
import unittest
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader

PLAIN = os.environ.get("LOCAL_AWS_PLAIN") == "1"
REGION = "eu-west-1"
HERE = Path(__file__).parent.parent
# Shared, for a session of its own would read the models of every service again.
_LOADER = create_loader()
_QUICK = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


def start(*options: str) -> tuple[subprocess.Popen[bytes], str]:
    """Starts a server process, which ends with this one, and returns it with its endpoint."""
    server = subprocess.Popen(
        [sys.executable, "-m", "local_aws", *options], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(server.kill)
    assert server.stdout
    return server, json.loads(server.stdout.readline())["endpoint"]


class Aws:
    """Clients of one account, with keys of its root or of a session."""

    def __init__(self, endpoint: str, key: str, secret: str = "none", token: str | None = None) -> None:
        session = botocore.session.Session()
        session.register_component("data_loader", _LOADER)
        self._session = boto3.Session(key, secret, token, botocore_session=session)
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self.account = key

    def __call__(self, service: str, region: str = REGION) -> Any:
        if (service, region) not in self._clients:
            client = self._session.client(service, region, endpoint_url=self._endpoint, config=_QUICK)
            self._clients[service, region] = client
        return self._clients[service, region]


class LocalAwsTest(unittest.TestCase):
    endpoint: str
    _accounts = itertools.count(100000000001)

    @classmethod
    def setUpClass(cls) -> None:
        if not hasattr(LocalAwsTest, "endpoint"):
            _, LocalAwsTest.endpoint = start(*(["--plain"] if PLAIN else []))

    def setUp(self) -> None:
        self.aws = self.new_account()
        self.account = self.aws.account
        for what in ("settle", "faults", "invoke"):
            self.control("DELETE", what)

    # ---- set-up

    def new_account(self) -> Aws:
        return Aws(self.endpoint, str(next(self._accounts)))

    def control(self, method: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.endpoint}/local-aws/{what}", json.dumps(body).encode() if body is not None else None, method=method
        )
        with urllib.request.urlopen(request) as answer:
            return dict(json.load(answer))

    def role(self, name: str, trust: Any = None, aws: Aws | None = None) -> str:
        trust = trust or allow({"Service": "lambda.amazonaws.com"})
        document = json.dumps({"Version": "2012-10-17", "Statement": trust if isinstance(trust, list) else [trust]})
        role = (aws or self.aws)("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        return str(role["Role"]["Arn"])

    def session(self, role_arn: str, by: Aws, **wishes: Any) -> Aws:
        wishes.setdefault("RoleSessionName", "tests")
        keys = by("sts").assume_role(RoleArn=role_arn, **wishes)["Credentials"]
        return Aws(self.endpoint, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def function(self, name: str = "orders", **fields: Any) -> dict[str, Any]:
        """Creates a function, waits until it has settled, and returns its configuration."""
        fields.setdefault("Role", self.__dict__.get("_role") or self.role("exec"))
        self._role = fields["Role"]
        fields.setdefault("Code", {"ZipFile": zipped(b"1")})
        lam = self.aws("lambda")
        lam.create_function(FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", **fields)
        return dict(lam.get_function_configuration(FunctionName=name))

    def version(self, content: bytes, name: str = "orders") -> str:
        """Updates a function to `content`, publishes a version and returns its number."""
        lam = self.aws("lambda")
        lam.update_function_code(FunctionName=name, ZipFile=zipped(content))
        lam.get_function(FunctionName=name)
        number = lam.publish_version(FunctionName=name)["Version"]
        lam.get_function(FunctionName=name, Qualifier=number)
        return str(number)

    def bucket(self, name: str, versioned: bool = True, region: str = REGION, aws: Aws | None = None) -> str:
        s3 = (aws or self.aws)("s3", region)
        name = f"{name}-{self.account}"
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    # ---- checks

    @contextmanager
    def refused(self, code: str, status: int, *words: str) -> Iterator[None]:
        with self.assertRaises(ClientError) as caught:
            yield
        error = caught.exception.response
        self.assertEqual((error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]), (code, status), error["Error"])
        for word in words:
            self.assertIn(word, error["Error"]["Message"])


def must(call: Callable[[], Any]) -> Any:
    """Returns the answer of a call that AWS allows; a refusal fails the test."""
    try:
        return call()
    except ClientError as e:
        raise AssertionError(f"refused what AWS allows: {e}") from e


def allow(principal: Any, action: Any = "sts:AssumeRole", **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **rest}


def zipped(content: bytes, name: str = "bootstrap") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
