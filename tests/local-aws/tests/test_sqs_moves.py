"""Redrives of dead-letter queues.

Our reading of Amazon SQS API Reference, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask and ReceiveMessage.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from .plain import correction
from .world import Aws, LocalAwsTest, allow


class Redrives(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.sqs = self.aws("sqs")
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.arn = f"arn:aws:sqs:eu-west-1:{self.account}:dead"
        redrive = json.dumps({"deadLetterTargetArn": self.arn, "maxReceiveCount": 1})
        wishes = {"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
        self.sources = [self.sqs.create_queue(QueueName=name, Attributes=wishes)["QueueUrl"] for name in ("one", "two")]

    def bury(self, queue: str, *bodies: str) -> None:
        """Lets messages become dead letters."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=queue, MessageBody=body)
        for _ in range(2 * len(bodies) + 1):
            self.sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)

    def bodies(self, queue: str) -> list[str]:
        answer = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return sorted(m["Body"] for m in answer.get("Messages", []))

    def done(self, call: Callable[..., Any], **wishes: Any) -> dict[str, Any]:
        try:
            return dict(call(**wishes))
        except ClientError as e:
            raise AssertionError(f"refused what AWS allows: {e}") from e
        except Exception as e:  # moto answers what it does not know with something that is no answer
            raise AssertionError(f"no answer: {e}") from e

    def start(self, **wishes: Any) -> str:
        return str(self.done(self.sqs.start_message_move_task, SourceArn=self.arn, **wishes)["TaskHandle"])

    def task(self) -> dict[str, Any]:
        return dict(self.done(self.sqs.list_message_move_tasks, SourceArn=self.arn)["Results"][0])


@correction
class MoveTasks(Redrives):
    def test_a_dead_letter_names_its_queue(self) -> None:
        self.bury(self.sources[0], "a")
        (message,) = self.sqs.receive_message(QueueUrl=self.dead, AttributeNames=["All"])["Messages"]
        self.assertEqual(message["Attributes"].get("DeadLetterQueueSourceArn"), f"arn:aws:sqs:eu-west-1:{self.account}:one")

    def test_each_message_goes_back_to_its_own_queue(self) -> None:
        self.bury(self.sources[0], "a", "b")
        self.bury(self.sources[1], "c")
        handle = self.start()
        self.assertTrue(handle)
        task = self.task()
        counts = (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"])
        self.assertEqual((task["Status"], counts, "TaskHandle" in task), ("COMPLETED", (3, 3), False))
        self.assertEqual((self.bodies(self.sources[0]), self.bodies(self.sources[1])), (["a", "b"], ["c"]))
        self.assertEqual(self.bodies(self.dead), [])

    def test_a_task_with_a_limit_runs_until_all_have_moved(self) -> None:
        self.bury(self.sources[0], "a", "b", "c")
        handle = self.start(MaxNumberOfMessagesPerSecond=1)
        seen = [self.task() for _ in range(3)]
        self.assertEqual([t["Status"] for t in seen], ["RUNNING", "RUNNING", "COMPLETED"])
        self.assertEqual([t.get("TaskHandle") for t in seen], [handle, handle, None])

    def test_one_task_runs_at_a_time(self) -> None:
        self.bury(self.sources[0], "a", "b")
        self.start(MaxNumberOfMessagesPerSecond=1)
        with self.refused("InvalidParameterValue", 400, "There is already a task running"):
            self.sqs.start_message_move_task(SourceArn=self.arn)

    def test_a_cancelled_task_leaves_the_rest(self) -> None:
        self.bury(self.sources[0], "a", "b", "c")
        handle = self.start(MaxNumberOfMessagesPerSecond=1)
        self.task()
        moved = self.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
        self.assertEqual((moved, self.task()["Status"], len(self.bodies(self.dead))), (1, "CANCELLED", 2))
        with self.refused("ResourceNotFoundException", 400):
            self.sqs.cancel_message_move_task(TaskHandle=handle)

    def test_a_message_that_was_sent_to_the_dead_letter_queue_has_no_way_back(self) -> None:
        self.sqs.send_message(QueueUrl=self.dead, MessageBody="a")
        self.start()
        task = self.task()
        self.assertEqual((task["Status"], task["FailureReason"]), ("FAILED", "CouldNotDetermineMessageSource"))

    def test_only_a_dead_letter_queue_is_redriven(self) -> None:
        with self.refused("InvalidParameterValue", 400, "must be configured as a Dead Letter Queue"):
            self.sqs.start_message_move_task(SourceArn=f"arn:aws:sqs:eu-west-1:{self.account}:one")
        with self.refused("ResourceNotFoundException", 400, "doesn't exist"):
            self.sqs.start_message_move_task(SourceArn=f"{self.arn}-other")


@correction
class Permissions(Redrives):
    """What the caller of a redrive must be allowed (SQS Developer Guide, "Troubleshoot … DLQ redrive issues")."""

    def person(self, dead: list[str], sources: list[str]) -> Aws:
        role = self.role("operator", allow({"AWS": f"arn:aws:iam::{self.account}:root"}))
        queues = f"arn:aws:sqs:eu-west-1:{self.account}"
        may = [
            {"Effect": "Allow", "Action": [f"sqs:{a}" for a in dead], "Resource": self.arn},
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": [f"{queues}:{name}" for name in sources]},
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": may})
        self.aws("iam").put_role_policy(RoleName="operator", PolicyName="p", PolicyDocument=document)
        return self.session(role, self.aws)

    def test_a_redrive_needs_rights_on_both_sides(self) -> None:
        needed = ["StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]
        self.bury(self.sources[0], "a")
        self.control("POST", "enforce", {"on": True, "identity": True})
        self.addCleanup(self.control, "POST", "enforce", {"on": True, "identity": False})
        for missing in needed:
            person = self.person([a for a in needed if a != missing], ["one", "two"])
            with self.refused("AccessDenied", 403, f"sqs:{missing}"):
                person("sqs").start_message_move_task(SourceArn=self.arn)
            self.forget()
        with self.refused("AccessDenied", 403, "sqs:SendMessage", ":two"):
            self.person(needed, ["one"])("sqs").start_message_move_task(SourceArn=self.arn)
        self.forget()
        all_rights = self.person(needed, ["one", "two"])("sqs")
        self.assertTrue(self.done(all_rights.start_message_move_task, SourceArn=self.arn)["TaskHandle"])

    def forget(self) -> None:
        iam = self.aws("iam")
        iam.delete_role_policy(RoleName="operator", PolicyName="p")
        iam.delete_role(RoleName="operator")
