"""Corrections of SQS: attributes that are not sent stay, redrive policies are compact JSON, a receive is atomic.

Tests can put its clock forward, so that they need not wait for a delay.

Our reading of Amazon SQS API Reference, SetQueueAttributes, GetQueueAttributes and ReceiveMessage.
"""

from __future__ import annotations

import json
import time
from typing import Any

from moto.sqs import models
from moto.sqs.models import Message, Queue, SQSBackend

from . import world

_set_attributes = Queue._set_attributes
_attributes = Queue.attributes.fget  # type: ignore[attr-defined]
_receive_message = SQSBackend.receive_message
_unix_time_millis = models.unix_time_millis


class Clock:
    """SQS's clock, for delays and visibility timeouts: the machine's, put forward by tests."""

    def __init__(self) -> None:
        self._ahead_ms = 0.0

    def forward(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("a clock goes forward only")
        self._ahead_ms += seconds * 1000

    def millis(self, *when: Any) -> float:
        return (float(_unix_time_millis(*when)) if when else time.time() * 1000) + self._ahead_ms


CLOCK = Clock()


def set_attributes(self: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
    """SetQueueAttributes: attributes that are not sent keep their values, the policy too."""
    kept = self.policy if "Policy" not in attributes and hasattr(self, "_policy_json") else None
    _set_attributes(self, attributes, now)
    if kept:
        self.policy = kept
    if attributes.get("KmsMasterKeyId") and "SqsManagedSseEnabled" not in attributes:
        self.sqs_managed_sse_enabled = False  # type: ignore[attr-defined]  # one kind of encryption at a time


def attributes(self: Queue) -> dict[str, Any]:
    """GetQueueAttributes."""
    shown: dict[str, Any] = _attributes(self)
    shown |= {name: int(shown[name]) for name in ("CreatedTimestamp", "LastModifiedTimestamp")}  # whole seconds
    if self.redrive_policy:
        shown["RedrivePolicy"] = _compact(self.redrive_policy)
    allowed = getattr(self, "redrive_allow_policy", None)
    # An emptied policy is not shown.
    shown["RedriveAllowPolicy"] = _compact(json.loads(allowed) if isinstance(allowed, str) else allowed) if allowed else None
    return shown


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def receive_message(
    self: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *rest: Any, **more: Any
) -> list[Message]:
    """ReceiveMessage: two receivers never get the same message, and a waiting receiver does not hold the lock."""
    until = time.monotonic() + wait_seconds_timeout
    while True:
        with world.LOCK:
            found = _receive_message(self, queue_name, count, 0, *rest, **more)
        left = until - time.monotonic()
        if found or left <= 0:
            return found
        time.sleep(min(0.02, left))


def install() -> None:
    models.unix_time_millis = CLOCK.millis
    Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    Queue.redrive_allow_policy = None  # type: ignore[attr-defined]
    # moto would consume the queues of event source mappings, whose trigger the harness plays.
    Queue.lambda_event_source_mappings = property(lambda _: {}, lambda *_: None)  # type: ignore[assignment]
    Queue._set_attributes = set_attributes  # type: ignore[method-assign]
    Queue.attributes = property(attributes)  # type: ignore[assignment]
    SQSBackend.receive_message = receive_message  # type: ignore[method-assign]
