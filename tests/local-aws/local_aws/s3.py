"""Corrections of S3: bucket policies, ranges of empty objects, deletions while versioning is suspended.

s3_events.py holds its events, s3_settings.py a bucket's settings.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from moto.core.common_types import TYPE_RESPONSE
from moto.iam.access_control import PermissionResult
from moto.s3 import models, responses
from moto.s3.exceptions import InvalidRange

from . import s3_events, s3_settings
from .s3_settings import NAMESPACE, Settings


class S3(Settings):
    def _handle_range_header(self, request: Any, response_headers: dict[str, Any], response_content: Any) -> TYPE_RESPONSE:
        """GetObject, "Range": no range of an empty object can be satisfied."""
        wanted = request.headers.get("range")
        if request.method == "GET" and not response_content and wanted.startswith("bytes="):
            raise InvalidRange(actual_size="0", range_requested=wanted)
        return super()._handle_range_header(request, response_headers, response_content)

    def get_bucket_notification(self) -> TYPE_RESPONSE:
        """GetBucketNotificationConfiguration: has EventBridgeConfiguration if events go to EventBridge."""
        status, headers, body = super().get_bucket_notification()
        configured = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if configured and configured.event_bridge is not None:
            root = ElementTree.fromstring(body)
            ElementTree.SubElement(root, f"{{{NAMESPACE}}}EventBridgeConfiguration")
            body = ElementTree.tostring(root, default_namespace=NAMESPACE)
        return status, headers, body


def _undecided(*_: Any) -> PermissionResult:
    """Leaves bucket policies to access.py, because moto ignores their principals and conditions."""
    return PermissionResult.NEUTRAL


def _dispose(*_: Any) -> None:
    """Keeps the key's other versions, which moto drops while versioning is suspended; moto also fails on a delete marker.

    Amazon S3 User Guide, "Deleting objects from versioning-suspended buckets": a version id deletes that version only.
    """


def install() -> None:
    models.FakeDeleteMarker.dispose = _dispose  # type: ignore[attr-defined]
    responses.S3Response = S3  # type: ignore[misc]  # moto.s3.urls is loaded again whenever it is asked for
    models.FakeBucket.get_permission = _undecided  # type: ignore[assignment,method-assign]
    s3_events.install()
    s3_settings.install()
