"""What moto lacks of SQS: message move tasks (redrives), and a dead letter's source queue.

A task moves nothing by the clock: each ListMessageMoveTasks lets it move as many messages as it may move in a second, and all of
them without such a limit. So tests see a task that runs, and need not wait.

Our reading of Amazon SQS API Reference, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask and ReceiveMessage
(DeadLetterQueueSourceArn), and SQS Developer Guide, "Learn how to configure a dead-letter queue redrive in Amazon SQS".
"""

from __future__ import annotations

import json
import uuid
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs import models
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

_add_message = Queue.add_message
_receive_message = SQSResponse.receive_message


@dataclass
class MoveTask:
    """A redrive of a dead-letter queue."""

    source: Queue
    destination: str | None
    per_second: int | None
    to_move: int
    started: int
    moved: int = 0
    status: str = "RUNNING"
    reason: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def handle(self) -> str:
        return b64encode(json.dumps({"taskId": self.id, "sourceArn": self.source.queue_arn}).encode()).decode()

    def advance(self, backend: SQSBackend) -> None:
        """Moves the messages of one second; those that somebody is looking at stay."""
        if self.status != "RUNNING":
            return
        visible = [m for m in self.source._messages if m.visible and not m.delayed]
        for message in visible[: self.per_second]:
            arn = self.destination or _came_from(message)
            if arn is None:
                self.status, self.reason = "FAILED", "CouldNotDetermineMessageSource"
                return
            target = backend.queues.get(arn.split(":")[-1])
            if target is None:
                self.status, self.reason = "FAILED", "AWS.SimpleQueueService.NonExistentQueue"
                return
            self.source._messages.remove(message)
            target.add_message(_anew(message))
            self.moved += 1
        if self.per_second is None or len(visible) <= self.per_second:
            self.status = "COMPLETED"

    def shown(self) -> dict[str, Any]:
        shown = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source.queue_arn,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.per_second,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.reason,
            "StartedTimestamp": self.started,
        }
        return {k: v for k, v in shown.items() if v is not None}


def source_of(handle: str) -> str | None:
    """Returns the ARN of the queue that a task's handle belongs to."""
    try:
        arn = json.loads(b64decode(handle)).get("sourceArn")
    except (ValueError, AttributeError):
        return None
    return str(arn) if arn else None


def _anew(message: Message) -> Message:
    """Returns a message that is sent again: SQS gives it a new id and a new time."""
    new = Message(str(uuid.uuid4()), message.body, message.system_attributes)
    new.message_attributes = message.message_attributes
    new.mark_sent()
    return new


def _came_from(message: Message) -> str | None:
    return getattr(message, "came_from", None)


def add_message(self: Queue, message: Message) -> None:
    """Remembers the queue that a message has left for this one, its dead-letter queue."""
    message.came_from, message.lies_in = getattr(message, "lies_in", None), self.queue_arn  # type: ignore[attr-defined]
    _add_message(self, message)


def receive_message(self: SQSResponse) -> ActionResult:
    """ReceiveMessage: a dead letter names the queue that it comes from."""
    answer = _receive_message(self)
    wanted = {*(self._get_param("AttributeNames") or []), *(self._get_param("MessageSystemAttributeNames") or [])}
    if wanted & {"All", "DeadLetterQueueSourceArn"}:
        lying = {m.id: m for m in self.sqs_backend.get_queue(self._get_queue_name())._messages}
        for shown in answer.result.get("Messages", []):  # type: ignore[attr-defined]
            arn = _came_from(lying[shown["MessageId"]]) if shown["MessageId"] in lying else None
            if arn:
                shown.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = arn
    return answer


def _dead_letters(backend: SQSBackend, arn: str) -> Queue:
    queue = backend.queues.get(arn.split(":")[-1])
    if queue is None:
        said = "The resource that you specified for the SourceArn parameter doesn't exist."
        raise SQSException("ResourceNotFoundException", said)
    return queue


def _tasks(queue: Queue) -> list[MoveTask]:
    return queue.__dict__.setdefault("move_tasks", [])  # type: ignore[no-any-return]


def start_message_move_task(self: SQSResponse) -> ActionResult:
    queue = _dead_letters(self.sqs_backend, self._get_param("SourceArn"))
    if not self.sqs_backend.list_dead_letter_source_queues(queue.name):
        raise SQSException("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if any(task.status == "RUNNING" for task in _tasks(queue)):
        said = "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
        raise SQSException("InvalidParameterValue", said)
    started = int(models.unix_time_millis())
    lying = queue.approximate_number_of_messages
    limit, destination = self._get_param("MaxNumberOfMessagesPerSecond"), self._get_param("DestinationArn")
    task = MoveTask(queue, destination, limit, lying, started)
    _tasks(queue).insert(0, task)
    return ActionResult({"TaskHandle": task.handle})


def list_message_move_tasks(self: SQSResponse) -> ActionResult:
    tasks = _tasks(_dead_letters(self.sqs_backend, self._get_param("SourceArn")))
    for task in tasks:
        task.advance(self.sqs_backend)
    return ActionResult({"Results": [task.shown() for task in tasks[: self._get_param("MaxResults") or 1]]})


def cancel_message_move_task(self: SQSResponse) -> ActionResult:
    handle = self._get_param("TaskHandle")
    arn = source_of(handle)
    found = [t for t in (_tasks(_dead_letters(self.sqs_backend, arn)) if arn else []) if t.handle == handle]
    if not found or found[0].status != "RUNNING":
        raise SQSException("ResourceNotFoundException", "The task handle specified is not valid or doesn't exist.")
    found[0].status = "CANCELLED"
    return ActionResult({"ApproximateNumberOfMessagesMoved": found[0].moved})


def install() -> None:
    Queue.add_message = add_message  # type: ignore[method-assign]
    SQSResponse.receive_message = receive_message  # type: ignore[method-assign]
    for operation in (start_message_move_task, list_message_move_tasks, cancel_message_move_task):
        setattr(SQSResponse, operation.__name__, operation)
