"""Sessions' inline policies: our reading of IAM User Guide, "Session policies", and of the Service Authorization Reference."""

from __future__ import annotations

import json
from typing import Any

from .plain import correction
from .world import Aws, LocalAwsTest, allow, must, zipped


class Sessions(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()
        self.target = self.role("target", allow({"AWS": self.account}))
        self.arn = f"arn:aws:lambda:eu-west-1:{self.account}:function:orders"
        self.name = self.bucket("artifacts")
        self.aws("s3").put_object(Bucket=self.name, Key="dev/1.zip", Body=zipped(b"2"))

    def limited(self, *statements: tuple[str, str], **condition: Any) -> Aws:
        allowed = [{"Effect": "Allow", "Action": a, "Resource": r, "Condition": condition} for a, r in statements]
        return self.session(self.target, self.aws, Policy=json.dumps({"Version": "2012-10-17", "Statement": allowed}))


@correction
class SessionPolicies(Sessions):
    def test_call_outside_the_session_policy_is_denied_by_name(self) -> None:
        limited = self.limited(("lambda:GetFunction", self.arn))
        must(lambda: limited("lambda").get_function(FunctionName="orders"))
        with self.refused("AccessDeniedException", 403, "lambda:UpdateFunctionCode on resource: " + self.arn):
            limited("lambda").update_function_code(FunctionName="orders", ZipFile=zipped(b"2"))

    def test_policy_for_another_function_denies(self) -> None:
        limited = self.limited(("lambda:*", self.arn + "-other"))
        with self.refused("AccessDeniedException", 403):
            limited("lambda").get_function(FunctionName="orders")

    def test_qualified_read_needs_the_qualified_arn(self) -> None:
        self.aws("lambda").publish_version(FunctionName="orders")
        with self.refused("AccessDeniedException", 403, self.arn + ":1"):
            self.limited(("lambda:GetFunction", self.arn))("lambda").get_function(FunctionName="orders", Qualifier="1")

    def test_code_is_read_from_s3_with_the_callers_rights(self) -> None:
        limited = self.limited(("lambda:*", self.arn), ("s3:GetObject", f"arn:aws:s3:::{self.name}/prod/*"))
        with self.refused("InvalidParameterValueException", 400, "S3 Error Code: AccessDenied"):
            limited("lambda").update_function_code(FunctionName="orders", S3Bucket=self.name, S3Key="dev/1.zip")

    def test_sending_an_unchanged_role_needs_pass_role(self) -> None:
        with self.refused("AccessDeniedException", 403, "iam:PassRole on resource: " + self._role):
            self.limited(("lambda:*", self.arn))("lambda").update_function_configuration(FunctionName="orders", Role=self._role)

    def test_tags_are_shown_only_with_list_tags(self) -> None:
        self.aws("lambda").tag_resource(Resource=self.arn, Tags={"team": "orders"})
        read = self.limited(("lambda:GetFunction", self.arn))("lambda").get_function(FunctionName="orders")
        self.assertNotIn("Tags", read)

    def test_objects_outside_the_policy_are_denied(self) -> None:
        with self.refused("AccessDenied", 403, "s3:PutObject"):
            self.limited(("s3:GetObject", "*"))("s3").put_object(Bucket=self.name, Key="k", Body=b"x")

    def test_version_needs_get_object_version(self) -> None:
        version = self.aws("s3").put_object(Bucket=self.name, Key="k", Body=b"x")["VersionId"]
        with self.refused("AccessDenied", 403, "s3:GetObjectVersion"):
            self.limited(("s3:GetObject", "*"))("s3").get_object(Bucket=self.name, Key="k", VersionId=version)

    def test_missing_object_is_denied_without_list_bucket(self) -> None:
        with self.refused("AccessDenied", 403):
            self.limited(("s3:GetObject", "*"))("s3").get_object(Bucket=self.name, Key="absent")

    def test_list_can_be_limited_to_a_prefix(self) -> None:
        s3 = self.limited(("s3:ListBucket", "*"), StringLike={"s3:prefix": "dev/*"})("s3")
        must(lambda: s3.list_objects_v2(Bucket=self.name, Prefix="dev/1"))
        with self.refused("AccessDenied", 403):
            s3.list_objects_v2(Bucket=self.name, Prefix="prod/")


class Unlimited(Sessions):
    def test_session_without_a_policy_is_not_limited(self) -> None:
        self.session(self.target, self.aws)("lambda").update_function_code(FunctionName="orders", ZipFile=zipped(b"2"))

    def test_policy_with_all_actions_of_a_deployment_allows_it(self) -> None:
        functions, objects = [("lambda:*", self.arn), ("lambda:*", self.arn + ":*")], ("s3:*", f"arn:aws:s3:::{self.name}*")
        lam = self.limited(*functions, objects)("lambda")
        lam.update_function_code(FunctionName="orders", S3Bucket=self.name, S3Key="dev/1.zip")
        lam.get_function(FunctionName="orders")
        lam.publish_version(FunctionName="orders")
        lam.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
        lam.update_alias(FunctionName="orders", Name="live", Description="x")

    def test_enforcing_can_be_turned_off(self) -> None:
        limited = self.limited(("lambda:GetFunction", self.arn))
        self.control("POST", "enforce", {"on": False})
        self.addCleanup(self.control, "POST", "enforce", {"on": True})
        limited("lambda").update_function_code(FunctionName="orders", ZipFile=zipped(b"2"))
