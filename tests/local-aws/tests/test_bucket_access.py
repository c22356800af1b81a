"""Bucket policies together with roles' own policies.

Our reading of IAM User Guide, "Cross-account policy evaluation logic"; Amazon S3 User Guide, "How Amazon S3 authorizes a request"
and "Enforce conditional writes on Amazon S3 buckets"; Lambda API Reference, UpdateFunctionCode.
"""

from __future__ import annotations

from typing import Any

from .plain import correction
from .roles import RolesTest, deny, document, may, to
from .world import Aws, allow, must, zipped

DENIED = ("AccessDenied", 403)
NO_IDENTITY = "because no identity-based policy allows the {} action"
NO_RESOURCE = "because no resource-based policy allows the {} action"


class Bucketed(RolesTest):
    def setUp(self) -> None:
        super().setUp()
        self.name = self.bucket("objects")
        self.objects = f"arn:aws:s3:::{self.name}/*"
        self.aws("s3").put_object(Bucket=self.name, Key="k", Body=zipped(b"1"))

    def attach(self, *statements: dict[str, Any]) -> None:
        self.aws("s3").put_bucket_policy(Bucket=self.name, Policy=document(*statements))

    def get(self, by: Aws, **more: str) -> Any:
        return by("s3").get_object(Bucket=self.name, Key="k", **more)

    def put(self, **more: Any) -> Any:
        return self.caller("s3").put_object(Bucket=self.name, Key="new", Body=b"x", **more)


@correction
class SameAccount(Bucketed):
    def test_bucket_without_a_policy_leaves_the_decision_to_the_role(self) -> None:
        with self.refused(*DENIED, NO_IDENTITY.format("s3:GetObject")):
            self.get(self.caller)
        self.grant(may("s3:GetObject", self.objects))
        must(lambda: self.get(self.caller))

    def test_bucket_that_allows_the_role_is_enough(self) -> None:
        self.attach(to(self.caller_role, "s3:GetObject", self.objects))
        must(lambda: self.get(self.caller))
        with self.refused(*DENIED, NO_IDENTITY.format("s3:PutObject")):
            self.put()

    def test_bucket_that_allows_the_account_leaves_it_to_the_role(self) -> None:
        self.attach(to(f"arn:aws:iam::{self.account}:root", "s3:*", self.objects))
        with self.refused(*DENIED, NO_IDENTITY.format("s3:GetObject")):
            self.get(self.caller)

    def test_deny_of_the_bucket_is_named(self) -> None:
        self.grant(may("s3:*"))
        self.attach(to("*", "s3:GetObject", self.objects, "Deny"))
        with self.refused(*DENIED, "with an explicit deny in a resource-based policy"):
            self.get(self.caller)

    def test_deny_of_old_tls_allows_new_tls(self) -> None:
        self.grant(may("s3:*"))
        self.attach(to("*", "s3:*", self.objects, "Deny", NumericLessThan={"s3:TlsVersion": "1.2"}))
        must(lambda: self.get(self.caller))
        self.attach(to("*", "s3:*", self.objects, "Deny", NumericLessThan={"s3:TlsVersion": "1.4"}))
        with self.refused(*DENIED, "explicit deny"):
            self.get(self.caller)

    def test_a_boundary_limits_what_the_bucket_grants(self) -> None:
        boundary = self.policy("boundary", may("lambda:*"))
        self.aws("iam").put_role_permissions_boundary(RoleName="caller", PermissionsBoundary=boundary)
        self.attach(to(self.caller_role, "s3:GetObject", self.objects))
        with self.refused(*DENIED, "because no permissions boundary allows the s3:GetObject action"):
            self.get(self.caller)

    def test_many_deletions_need_the_right_to_each_object(self) -> None:
        def delete(key: str) -> Any:
            return self.caller("s3").delete_objects(Bucket=self.name, Delete={"Objects": [{"Key": "a/1"}, {"Key": key}]})

        self.grant(may("s3:DeleteObject", f"arn:aws:s3:::{self.name}/a/*"))
        must(lambda: delete("a/2"))
        with self.refused(*DENIED, f"s3:DeleteObject on resource: arn:aws:s3:::{self.name}/b"):
            delete("b")

    def test_actions_have_iams_names(self) -> None:
        self.grant(may("s3:GetLifecycleConfiguration"), may("s3:PutBucketNotification"))
        s3 = self.caller("s3")
        must(lambda: s3.put_bucket_notification_configuration(Bucket=self.name, NotificationConfiguration={}))
        with self.refused(*DENIED, "s3:GetBucketPublicAccessBlock"):
            s3.get_public_access_block(Bucket=self.name)


@correction
class ConditionalWrites(Bucketed):
    def setUp(self) -> None:
        super().setUp()
        self.grant(may("s3:*"))

    def test_a_write_without_the_header_can_be_denied(self) -> None:
        self.attach(to("*", "s3:PutObject", self.objects, "Deny", Null={"s3:if-none-match": "true"}))
        must(lambda: self.put(IfNoneMatch="*"))
        with self.refused(*DENIED, "explicit deny"):
            self.put()
        with self.refused(*DENIED, "explicit deny"):
            self.put(IfMatch='"x"')

    def test_either_conditional_header_can_be_required(self) -> None:
        missing = {"Null": {"s3:if-none-match": "true", "s3:if-match": "true"}}
        self.grant(may("s3:*"), deny("s3:PutObject", self.objects, **missing))
        etag = must(lambda: self.put(IfNoneMatch="*"))["ETag"]
        must(lambda: self.put(IfMatch=etag))
        with self.refused(*DENIED, "explicit deny in an identity-based policy"):
            self.put()

    def test_parts_of_an_upload_can_be_allowed_unconditionally(self) -> None:
        makes = {"Bool": {"s3:ObjectCreationOperation": "true"}}
        self.attach(to("*", "s3:PutObject", self.objects, "Deny", Null={"s3:if-none-match": "true"}, **makes))
        s3, what = self.caller("s3"), {"Bucket": self.name, "Key": "large"}
        upload = {**what, "UploadId": must(lambda: s3.create_multipart_upload(**what))["UploadId"]}
        etag = must(lambda: s3.upload_part(**upload, PartNumber=1, Body=b"x"))["ETag"]
        parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
        with self.refused(*DENIED, "explicit deny"):
            s3.complete_multipart_upload(**upload, MultipartUpload=parts)
        must(lambda: s3.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*"))

    def test_a_storage_class_can_be_denied(self) -> None:
        self.attach(to("*", "s3:*", self.objects, "Deny", StringEquals={"s3:x-amz-storage-class": "GLACIER"}))
        must(self.put)
        with self.refused(*DENIED, "explicit deny"):
            self.put(StorageClass="GLACIER")


@correction
class OtherAccount(Bucketed):
    """Tests of a bucket of `self.account` and a role of `self.other`."""

    def setUp(self) -> None:
        super().setUp()
        self.function_role = self.role("exec", aws=self.other)
        self.foreign_role = self.role("foreign", allow({"AWS": self.other.account}), aws=self.other)
        self.foreign = self.session(self.foreign_role, self.other)

    def test_both_sides_must_allow_an_object(self) -> None:
        with self.refused(*DENIED, NO_RESOURCE.format("s3:GetObject")):
            self.get(self.foreign)
        self.grant(may("s3:*"), role="foreign", aws=self.other)
        with self.refused(*DENIED, NO_RESOURCE.format("s3:GetObject")):
            self.get(self.foreign)
        self.attach(to(self.foreign_role, "s3:GetObject", self.objects))
        must(lambda: self.get(self.foreign))
        self.grant(may("lambda:*"), role="foreign", aws=self.other)
        with self.refused(*DENIED, NO_IDENTITY.format("s3:GetObject")):
            self.get(self.foreign)

    def test_bucket_that_allows_the_root_allows_the_whole_account(self) -> None:
        self.grant(may("s3:*"), role="foreign", aws=self.other)
        self.attach(to(f"arn:aws:iam::{self.other.account}:root", "s3:PutObject", self.objects))
        with self.refused(*DENIED, NO_RESOURCE.format("s3:GetObject")):
            self.get(self.foreign)
        self.attach(to(f"arn:aws:iam::{self.other.account}:root", "s3:GetObject", self.objects))
        must(lambda: self.get(self.foreign))

    def test_another_accounts_root_needs_the_bucket_too(self) -> None:
        with self.refused(*DENIED, NO_RESOURCE.format("s3:GetObject")):
            self.get(self.other)
        self.attach(to(self.other.account, "s3:GetObject", self.objects))
        must(lambda: self.get(self.other))

    def test_owner_of_a_resource_can_be_a_condition(self) -> None:
        self.attach(to(self.foreign_role, "s3:GetObject", self.objects))
        for account, denied in ((self.other.account, True), (self.account, False)):
            same = {"StringEquals": {"aws:ResourceAccount": account}}
            self.grant(may("s3:*", **same), role="foreign", aws=self.other)
            if denied:
                with self.refused(*DENIED, NO_IDENTITY.format("s3:GetObject")):
                    self.get(self.foreign)
            else:
                must(lambda: self.get(self.foreign))

    def test_code_is_read_with_the_callers_rights_on_both_sides(self) -> None:
        arn = f"arn:aws:lambda:eu-west-1:{self.other.account}:function:orders"
        version = self.aws("s3").head_object(Bucket=self.name, Key="k")["VersionId"]
        code = {"ZipFile": zipped(b"0")}
        self.other("lambda").create_function(
            FunctionName="orders", Runtime="provided.al2023", Handler="bootstrap", Role=self.function_role, Code=code
        )

        def update(**more: str) -> Any:
            lam = self.foreign("lambda")
            lam.get_function_configuration(FunctionName="orders")
            return lam.update_function_code(FunctionName="orders", S3Bucket=self.name, S3Key="k", **more)

        trouble = ("InvalidParameterValueException", 400, "S3 Error Code: AccessDenied")
        reads = may(["lambda:UpdateFunctionCode", "lambda:GetFunctionConfiguration"], arn)
        self.attach(to(self.foreign_role, "s3:GetObject", self.objects))
        self.grant(reads, role="foreign", aws=self.other)
        with self.refused(*trouble):
            update()
        self.grant(reads, may("s3:GetObject", self.objects), role="foreign", aws=self.other)
        must(update)
        with self.refused(*trouble):
            update(S3ObjectVersion=version)
        both = ["s3:GetObject", "s3:GetObjectVersion"]
        self.grant(reads, may(both, self.objects), role="foreign", aws=self.other)
        with self.refused(*trouble):
            update(S3ObjectVersion=version)
        self.attach(to(self.foreign_role, both, self.objects))
        must(lambda: update(S3ObjectVersion=version))
