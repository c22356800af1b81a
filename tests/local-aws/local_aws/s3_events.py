"""S3's events about an object, through notifications and through EventBridge.

Our reading of Amazon S3 User Guide, "Event message structure", "EventBridge event message structure" and "Amazon S3 Event
Notifications"; Amazon EventBridge User Guide, "Event buses" (AWS services send to the default bus).
"""

from __future__ import annotations

import json
import secrets
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from moto.core.utils import iso_8601_datetime_with_milliseconds, unix_time
from moto.s3 import notifications
from moto.s3.models import FakeDeleteMarker, S3Backend
from moto.s3.notifications import S3NotificationEvent

from . import world

_REASONS = {"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject"}


class _Sequencer:
    """A growing number as text; S3 pads the shorter of two with zeros on its right to compare them, so trailing zeros can go."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"00{self._last:014X}{secrets.randbelow(16):X}".rstrip("0")


_SEQUENCER = _Sequencer()


def send_event(account_id: str, event_name: S3NotificationEvent, bucket: Any, key: Any) -> None:
    """Sends one event to every configured target that matches it."""
    configured = bucket.notification_configuration
    call = world.current()
    if configured is None or key is None:
        return
    if event_name is S3NotificationEvent.OBJECT_CREATED_PUT_EVENT and getattr(key, "multipart", None):
        return  # CompleteMultipartUpload sends the event
    if "ObjectTagging" in event_name and call and not call.operation.endswith("ObjectTagging"):
        return  # moto reports tags for every upload
    sequencer = _SEQUENCER.next()
    for listed, deliver in (
        (configured.queue, _to_queue),
        (configured.topic, _to_topic),
        (configured.cloud_function, _to_function),
    ):
        for target in listed:
            if target.matches(event_name, key.name):
                record = _record(event_name, bucket, key, target.id, sequencer)
                _deliver_safely(deliver, target.arn, json.dumps({"Records": [record]}))
    if configured.event_bridge is not None:
        _deliver_safely(_to_event_bus, bucket, _event(event_name, bucket, key, sequencer))


def send_test_event(account_id: str, bucket: Any) -> None:
    """Sends the event, without Records, that S3 sends when a notification is configured."""
    event = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso_8601_datetime_with_milliseconds(),
        "Bucket": bucket.name,
        **_request_ids("RequestId", "HostId"),
    }
    for target in bucket.notification_configuration.queue:
        _deliver_safely(_to_queue, target.arn, json.dumps(event))
    for target in bucket.notification_configuration.topic:
        _deliver_safely(_to_topic, target.arn, json.dumps(event))


def _record(name: str, bucket: Any, key: Any, configuration_id: str, sequencer: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "key": quote_plus(key.name, safe="/"),
        "size": getattr(key, "size", 0),
        "eTag": getattr(key, "etag", "").strip('"'),
        "versionId": _version(key),
        "sequencer": sequencer,
    }
    if "ObjectRemoved" in name:
        del shown["size"], shown["eTag"]
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": iso_8601_datetime_with_milliseconds(),
        "eventName": str(name.value if isinstance(name, S3NotificationEvent) else name).removeprefix("s3:"),
        "userIdentity": {"principalId": f"AWS:{_principal_id()}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": _request_ids("x-amz-request-id", "x-amz-id-2"),
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {"name": bucket.name, "ownerIdentity": {"principalId": "A3LOCALAWSOWNER"}, "arn": bucket.arn},
            "object": {k: v for k, v in shown.items() if v is not None},
        },
    }


def _event(name: S3NotificationEvent, bucket: Any, key: Any, sequencer: str) -> dict[str, Any]:
    kind = name.value.rsplit(":", 1)[-1]
    thing = {
        "key": key.name,
        "size": getattr(key, "size", 0),
        "etag": getattr(key, "etag", "").strip('"'),
        "version-id": _version(key),
        "sequencer": sequencer,
    }
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {k: v for k, v in thing.items() if v is not None},
        **_request_ids("request-id"),
        "requester": _principal_id().split(":")[0],
        "source-ip-address": "127.0.0.1",
        "reason": _REASONS.get(kind, kind),
    }
    if "ObjectRemoved" in name.value:
        detail["reason"] = "DeleteObject"
        detail["deletion-type"] = "Delete Marker Created" if kind == "DeleteMarkerCreated" else "Permanently Deleted"
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": notifications._detail_type(name),
        "source": "aws.s3",
        "account": bucket.account_id,
        "time": unix_time(),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": detail,
    }


def _version(key: Any) -> str | None:
    """Returns the version id, or None in a bucket without versioning."""
    return None if key.version_id in (None, "null") else key.version_id


def _principal_id() -> str:
    call = world.current()
    if call is None:
        return "local"
    return f"{call.account}:{call.session_name}" if call.session_name else call.account


def _request_ids(short: str, long: str | None = None) -> dict[str, str]:
    ids = {short: secrets.token_hex(8).upper()}
    return {**ids, long: secrets.token_urlsafe(48)} if long else ids


def _deliver_safely(deliver: Callable[..., None], *arguments: Any) -> None:
    """Prints a delivery's failure instead of raising it: delivery is asynchronous on AWS, and the upload succeeds."""
    try:
        deliver(*arguments)
    except Exception:
        traceback.print_exc(file=sys.stderr)


def _to_queue(arn: str, body: str) -> None:
    from moto.sqs.models import sqs_backends

    _, _, _, region, account, name = arn.split(":")
    sqs_backends[account][region].send_message(queue_name=name, message_body=body)


def _to_topic(arn: str, body: str) -> None:
    from moto.sns.models import sns_backends

    _, _, _, region, account, _ = arn.split(":")
    sns_backends[account][region].publish(arn=arn, message=body, subject="Amazon S3 Notification")


def _to_function(arn: str, body: str) -> None:
    """Does nothing, because the harness plays the trigger."""


def _to_event_bus(bucket: Any, event: dict[str, Any]) -> None:
    from moto.events.models import events_backends

    backend = events_backends[bucket.account_id][bucket.region_name]
    for rule in list(backend.event_buses["default"].rules.values()):
        if rule.state == "ENABLED":
            rule.send_to_targets(dict(event), transform_input=False)  # type: ignore[arg-type]


_set_delete_marker = S3Backend._set_delete_marker


def set_delete_marker(self: S3Backend, bucket_name: str, key_name: str) -> FakeDeleteMarker:
    """Sends the event for a delete marker (Amazon S3 User Guide, "Supported event types")."""
    marker = _set_delete_marker(self, bucket_name, key_name)
    created = S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT
    send_event(self.account_id, created, self.get_bucket(bucket_name), marker)
    return marker


def install() -> None:
    S3Backend._set_delete_marker = set_delete_marker  # type: ignore[method-assign]
    notifications.send_event = send_event
    notifications.send_test_event = send_test_event
