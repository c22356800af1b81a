"""Sources of a function's code: our reading of Lambda API Reference, CreateFunction and UpdateFunctionCode."""

from __future__ import annotations

import json

from .plain import correction
from .world import LocalAwsTest, allow, must, zipped

TROUBLE = "Error occurred while GetObject. S3 Error Code: "
INVALID = ("InvalidParameterValueException", 400)


@correction
class CodeFromS3(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.lam, self.s3 = self.aws("lambda"), self.aws("s3")
        self.name = self.bucket("code")
        self.function()

    def put(self, content: bytes) -> str:
        return str(self.s3.put_object(Bucket=self.name, Key="a.zip", Body=zipped(content))["VersionId"])

    def update(self, **code: str) -> dict[str, str]:
        return dict(self.lam.update_function_code(FunctionName="orders", **{"S3Bucket": self.name, "S3Key": "a.zip", **code}))

    def test_an_update_takes_the_version_that_it_names_and_not_the_newest(self) -> None:
        first, second = self.put(b"first"), self.put(b"second")
        newest = self.update(S3ObjectVersion=second)["CodeSha256"]
        self.lam.get_function(FunctionName="orders")
        self.assertNotEqual(self.update(S3ObjectVersion=first)["CodeSha256"], newest)

    def test_a_creation_takes_the_version_that_it_names(self) -> None:
        first = self.put(b"first")
        self.put(b"second")
        code = {"S3Bucket": self.name, "S3Key": "a.zip"}
        old = self.function("old", Code={**code, "S3ObjectVersion": first})
        self.assertNotEqual(old["CodeSha256"], self.function("new", Code=code)["CodeSha256"])

    def test_missing_key_is_named_in_the_text(self) -> None:
        with self.refused(*INVALID, TROUBLE + "NoSuchKey"):
            self.update(S3Key="absent.zip")

    def test_missing_version_is_named_in_the_text(self) -> None:
        self.put(b"first")
        with self.refused(*INVALID, TROUBLE + "NoSuchVersion"):
            self.update(S3ObjectVersion="absent")

    def test_missing_bucket_is_named_in_the_text(self) -> None:
        with self.refused(*INVALID, TROUBLE + "NoSuchBucket"):
            self.update(S3Bucket="absent-bucket")

    def test_a_bucket_of_another_region_is_a_permanent_redirect(self) -> None:
        elsewhere = self.bucket("far", region="us-east-1")
        self.aws("s3", "us-east-1").put_object(Bucket=elsewhere, Key="a.zip", Body=zipped(b"1"))
        with self.refused(*INVALID, TROUBLE + "PermanentRedirect", "us-east-1"):
            self.update(S3Bucket=elsewhere)

    def test_denied_bucket_is_named_in_the_text(self) -> None:
        self.put(b"first")
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.name}/*"}
        self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps({"Statement": [deny]}))
        with self.refused(*INVALID, TROUBLE + "AccessDenied"):
            self.update()

    def test_code_that_is_not_a_zip_is_refused(self) -> None:
        self.s3.put_object(Bucket=self.name, Key="a.zip", Body=b"no zip")
        with self.refused(*INVALID, "Could not unzip uploaded file."):
            self.update()


@correction
class CodeSentInline(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()

    def update(self, content: bytes) -> None:
        self.aws("lambda").update_function_code(FunctionName="orders", ZipFile=content)

    def test_code_that_is_not_a_zip_is_refused(self) -> None:
        with self.refused(*INVALID, "Could not unzip uploaded file."):
            self.update(b"no zip")

    def test_more_than_50_mb_is_too_large_a_request(self) -> None:
        with self.refused("RequestEntityTooLargeException", 413):
            self.update(b"\0" * (50 * 1024 * 1024 + 1))

    def test_more_than_250_mb_unzipped_is_refused(self) -> None:
        with self.refused(*INVALID, "Unzipped size must be smaller than 262144000 bytes"):
            self.update(zipped(b"\0" * 262_144_001))


@correction
class ExecutionRole(LocalAwsTest):
    def test_a_role_that_does_not_trust_lambda_cannot_be_assumed_by_it(self) -> None:
        role = self.role("people", allow({"AWS": self.account}))
        with self.refused(*INVALID, "The role defined for the function cannot be assumed by Lambda."):
            self.function(Role=role)

    def test_an_update_to_a_role_that_does_not_exist_is_refused(self) -> None:
        self.function()
        with self.refused(*INVALID, "cannot be assumed by Lambda."):
            self.aws("lambda").update_function_configuration(
                FunctionName="orders", Role=f"arn:aws:iam::{self.account}:role/absent"
            )

    def test_a_role_of_another_account_is_refused(self) -> None:
        role = self.role("exec", aws=self.new_account())
        with self.refused("AccessDeniedException", 403, "Cross-account pass role is not allowed."):
            self.function(Role=role)


class AcceptedCode(LocalAwsTest):
    def test_code_from_another_accounts_bucket_is_accepted(self) -> None:
        other = self.new_account()
        name = self.bucket("theirs", aws=other)
        version = other("s3").put_object(Bucket=name, Key="a.zip", Body=zipped(b"1"))["VersionId"]
        code = {"S3Bucket": name, "S3Key": "a.zip", "S3ObjectVersion": version}
        self.assertEqual(must(lambda: self.function(Code=code))["State"], "Active")
