"""A bucket's settings as Terraform reads them back: lifecycle rules, versioning and default encryption.

Our reading of Amazon S3 API Reference, PutBucketLifecycleConfiguration and GetBucketLifecycleConfiguration, and Amazon S3 User
Guide, "Setting default server-side encryption behavior for Amazon S3 buckets".
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from moto.core.common_types import TYPE_RESPONSE
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response

from . import world

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_SMALLEST = "x-amz-transition-default-minimum-object-size"
_ENCRYPTED = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}}

_set_lifecycle = FakeBucket.set_lifecycle
_get_bucket_encryption = S3Backend.get_bucket_encryption


class Settings(S3Response):
    def get_bucket_lifecycle(self) -> TYPE_RESPONSE:
        """GetBucketLifecycleConfiguration: shows NewerNoncurrentVersions and the smallest object that moves."""
        status, headers, body = super().get_bucket_lifecycle()
        bucket: Any = self.backend.get_bucket(self.bucket_name)
        root = ElementTree.fromstring(body)
        for shown, kept in zip(root.iter(f"{{{NAMESPACE}}}Rule"), bucket.rules, strict=True):
            expiration = shown.find(f"{{{NAMESPACE}}}NoncurrentVersionExpiration")
            if expiration is not None and kept.newer_versions is not None:
                ElementTree.SubElement(expiration, f"{{{NAMESPACE}}}NewerNoncurrentVersions").text = kept.newer_versions
        body = ElementTree.tostring(root, default_namespace=NAMESPACE)
        return status, {**headers, _SMALLEST: bucket.smallest_transition}, body

    def get_bucket_versioning(self) -> TYPE_RESPONSE:
        """GetBucketVersioning: the element is VersioningConfiguration; moto names it after the operation."""
        root = ElementTree.Element(f"{{{NAMESPACE}}}VersioningConfiguration")
        status = self.backend.get_bucket_versioning(self.bucket_name)
        if status:
            ElementTree.SubElement(root, f"{{{NAMESPACE}}}Status").text = status
        return 200, {}, ElementTree.tostring(root, default_namespace=NAMESPACE)

    def _bucket_response_put(self, request: Any, bucket_name: str, querystring: dict[str, Any]) -> str | TYPE_RESPONSE:
        """PutBucketLifecycleConfiguration: answers with the smallest object that moves."""
        answer = super()._bucket_response_put(request, bucket_name, querystring)
        if "lifecycle" in querystring and answer == "":
            bucket: Any = self.backend.get_bucket(bucket_name)
            return 200, {_SMALLEST: bucket.smallest_transition}, ""
        return answer


def set_lifecycle(self: Any, rules: list[dict[str, Any]]) -> None:
    _set_lifecycle(self, rules)
    call = world.current()
    self.smallest_transition = (call.headers.get(_SMALLEST) if call else None) or "all_storage_classes_128K"
    for sent, kept in zip(rules, self.rules, strict=True):
        kept.newer_versions = (sent.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")


def get_bucket_encryption(self: S3Backend, bucket_name: str) -> dict[str, Any]:
    """GetBucketEncryption: the default of every bucket is SSE-S3."""
    return _get_bucket_encryption(self, bucket_name) or _ENCRYPTED


def install() -> None:
    FakeBucket.set_lifecycle = set_lifecycle  # type: ignore[method-assign]
    S3Backend.get_bucket_encryption = get_bucket_encryption  # type: ignore[method-assign]
