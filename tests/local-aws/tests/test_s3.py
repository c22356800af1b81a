"""Buckets and objects.

Our reading of Amazon S3 API Reference, GetObject and PutObject, and Amazon S3 User Guide, "Bucket policies".
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from .plain import correction
from .world import LocalAwsTest, allow, must

DENIED = ("AccessDenied", 403)


class Objects(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.s3 = self.aws("s3")
        self.name = self.bucket("objects")

    def policy(self, *statements: dict[str, object]) -> None:
        resources = [f"arn:aws:s3:::{self.name}", f"arn:aws:s3:::{self.name}/*"]
        full = [{"Resource": resources, "Principal": "*", **s} for s in statements]
        self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps({"Version": "2012-10-17", "Statement": full}))

    def put(self, body: bytes = b"0123456789", key: str = "k") -> str:
        return str(must(lambda: self.s3.put_object(Bucket=self.name, Key=key, Body=body))["VersionId"])


@correction
class BucketPolicies(Objects):
    def test_deny_of_plain_http_allows_https(self) -> None:
        self.put()
        self.policy({"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
        self.put()

    def test_deny_applies_only_to_its_principals(self) -> None:
        role = self.role("writer", allow({"AWS": self.account}))
        writer = self.session(role, self.aws)
        self.policy({"Effect": "Deny", "Action": "s3:PutObject", "Principal": {"AWS": role}})
        self.put()
        with self.refused(*DENIED):
            writer("s3").put_object(Bucket=self.name, Key="k", Body=b"x")

    def test_deny_applies_only_if_its_condition_holds(self) -> None:
        self.control("POST", "organization", {"accounts": {self.account: "o-ours"}})
        self.put()
        self.policy({"Effect": "Deny", "Action": "s3:*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-ours"}}})
        self.put()
        with self.refused(*DENIED):
            self.new_account()("s3").get_object(Bucket=self.name, Key="k")


@correction
class Owner(Objects):
    def test_a_bucket_of_another_account_than_expected_is_denied(self) -> None:
        self.s3.put_object(Bucket=self.name, Key="k", Body=b"x", ExpectedBucketOwner=self.account)
        other = "999999999999"
        for call in (
            lambda: self.s3.put_object(Bucket=self.name, Key="k", Body=b"y", ExpectedBucketOwner=other),
            lambda: self.s3.get_object(Bucket=self.name, Key="k", ExpectedBucketOwner=other),
            lambda: self.s3.list_objects_v2(Bucket=self.name, ExpectedBucketOwner=other),
        ):
            with self.refused(*DENIED):
                call()
        got = self.s3.get_object(Bucket=self.name, Key="k", ExpectedBucketOwner=self.account)
        self.assertEqual(got["Body"].read(), b"x")


@correction
class Ranges(Objects):
    def test_no_range_of_an_empty_object_is_satisfiable(self) -> None:
        self.put(b"")
        with self.refused("InvalidRange", 416):
            self.s3.get_object(Bucket=self.name, Key="k", Range="bytes=-5")


@correction
class Suspended(Objects):
    def test_a_bucket_whose_versioning_is_suspended_can_be_emptied(self) -> None:
        """Amazon S3 User Guide, "Deleting objects from versioning-suspended buckets"."""
        self.put()
        self.s3.delete_object(Bucket=self.name, Key="k")
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Suspended"})
        listed = self.s3.list_object_versions(Bucket=self.name)
        all_of_it = [{"Key": "k", "VersionId": v["VersionId"]} for v in listed["Versions"] + listed["DeleteMarkers"]]
        must(lambda: self.s3.delete_objects(Bucket=self.name, Delete={"Objects": all_of_it}))
        left = self.s3.list_object_versions(Bucket=self.name)
        self.assertNotIn("Versions", left)
        self.assertNotIn("DeleteMarkers", left)


class OneAtATime(Objects):
    def test_one_of_many_conditional_creations_succeeds(self) -> None:
        def create(_: int) -> bool:
            try:
                self.s3.put_object(Bucket=self.name, Key="claim", Body=b"x", IfNoneMatch="*")
            except ClientError:
                return False
            return True

        with ThreadPoolExecutor(8) as many:
            self.assertEqual(sum(many.map(create, range(40))), 1)


class AlsoOnPlainMoto(Objects):
    def test_suffix_range_of_a_version_answers_206_with_content_range(self) -> None:
        version = self.put()
        self.put(b"abc")
        got = self.s3.get_object(Bucket=self.name, Key="k", VersionId=version, Range="bytes=-4")
        self.assertEqual((got["Body"].read(), got["ContentRange"], got["VersionId"]), (b"6789", "bytes 6-9/10", version))
        self.assertEqual(got["ResponseMetadata"]["HTTPStatusCode"], 206)

    def test_a_suffix_longer_than_the_object_is_all_of_it(self) -> None:
        self.put()
        got = self.s3.get_object(Bucket=self.name, Key="k", Range="bytes=-65536")
        self.assertEqual((got["Body"].read(), got["ContentRange"]), (b"0123456789", "bytes 0-9/10"))

    def test_a_range_beyond_the_object_is_not_satisfiable(self) -> None:
        self.put()
        with self.refused("InvalidRange", 416):
            self.s3.get_object(Bucket=self.name, Key="k", Range="bytes=10-")

    def test_metadata_and_checksum_come_back(self) -> None:
        self.s3.put_object(Bucket=self.name, Key="k", Body=b"x", Metadata={"build-url": "u"}, ChecksumAlgorithm="SHA256")
        got = self.s3.get_object(Bucket=self.name, Key="k", ChecksumMode="ENABLED")
        self.assertEqual((got["Metadata"], got["Body"].read()), ({"build-url": "u"}, b"x"))
        self.assertIn("ChecksumSHA256", got)

    def test_missing_object_is_404(self) -> None:
        self.put()
        with self.refused("NoSuchKey", 404):
            self.s3.get_object(Bucket=self.name, Key="absent")
        with self.refused("NoSuchVersion", 404):
            self.s3.get_object(Bucket=self.name, Key="k", VersionId="absent")

    def test_conditional_writes_see_through_a_delete_marker(self) -> None:
        self.put()
        self.s3.delete_object(Bucket=self.name, Key="k")
        with self.refused("NoSuchKey", 404):
            self.s3.put_object(Bucket=self.name, Key="k", Body=b"x", IfMatch='"x"')
        self.s3.put_object(Bucket=self.name, Key="k", Body=b"x", IfNoneMatch="*")
        with self.refused("PreconditionFailed", 412):
            self.s3.put_object(Bucket=self.name, Key="k", Body=b"x", IfNoneMatch="*")

    def test_a_deletion_leaves_a_marker_over_the_versions(self) -> None:
        first = self.put()
        self.s3.delete_object(Bucket=self.name, Key="k")
        with self.refused("NoSuchKey", 404):
            self.s3.get_object(Bucket=self.name, Key="k")
        self.assertNotIn("Contents", self.s3.list_objects_v2(Bucket=self.name))
        listed = self.s3.list_object_versions(Bucket=self.name)
        self.assertEqual([v["VersionId"] for v in listed["Versions"]], [first])
        self.assertEqual([m["IsLatest"] for m in listed["DeleteMarkers"]], [True])
        self.assertEqual(self.s3.get_object(Bucket=self.name, Key="k", VersionId=first)["Body"].read(), b"0123456789")

    def test_deleting_a_missing_object_succeeds(self) -> None:
        self.s3.delete_object(Bucket=self.name, Key="absent")

    def test_an_object_put_over_a_marker_is_the_latest(self) -> None:
        self.put()
        self.s3.delete_object(Bucket=self.name, Key="k")
        self.put(b"anew")
        self.assertEqual(self.s3.get_object(Bucket=self.name, Key="k")["Body"].read(), b"anew")

    def test_missing_object_matches_no_etag(self) -> None:
        with self.refused("NoSuchKey", 404):
            self.s3.put_object(Bucket=self.name, Key="absent", Body=b"x", IfMatch='"x"')

    def test_another_etag_is_a_failed_precondition(self) -> None:
        etag = self.s3.put_object(Bucket=self.name, Key="k", Body=b"1")["ETag"]
        self.s3.put_object(Bucket=self.name, Key="k", Body=b"2", IfMatch=etag)
        with self.refused("PreconditionFailed", 412):
            self.s3.put_object(Bucket=self.name, Key="k", Body=b"3", IfMatch=etag)
