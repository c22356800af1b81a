"""Queues.

Our reading of Amazon SQS API Reference, SetQueueAttributes, GetQueueAttributes, SendMessage and ChangeMessageVisibility.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from .plain import correction
from .world import LocalAwsTest


class Queues(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.sqs = self.aws("sqs")
        self.queue = self.sqs.create_queue(QueueName="work")["QueueUrl"]

    def attributes(self) -> dict[str, str]:
        return dict(self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"])

    def set(self, **attributes: str) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes=attributes)


@correction
class Attributes(Queues):
    def test_setting_another_attribute_keeps_the_policy(self) -> None:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}]}
        self.set(Policy=json.dumps(policy))
        self.set(VisibilityTimeout="7")
        self.assertEqual(json.loads(self.attributes().get("Policy", "{}")), policy)

    def test_a_redrive_policy_comes_back_compact(self) -> None:
        self.sqs.create_queue(QueueName="dead")
        target = f"arn:aws:sqs:eu-west-1:{self.account}:dead"
        self.set(RedrivePolicy=json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 5}))
        self.assertEqual(self.attributes()["RedrivePolicy"], f'{{"deadLetterTargetArn":"{target}","maxReceiveCount":5}}')

    def test_a_redrive_allow_policy_comes_back(self) -> None:
        self.set(RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
        self.assertEqual(self.attributes().get("RedriveAllowPolicy"), '{"redrivePermission":"denyAll"}')
        self.set(RedriveAllowPolicy="")
        self.assertNotIn("RedriveAllowPolicy", self.attributes())


class Receiving(Queues):
    def test_a_receiver_that_waits_gets_what_is_sent_meanwhile(self) -> None:
        got: list[str] = []

        def receive() -> None:
            answer = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=10)
            got.extend(m["Body"] for m in answer["Messages"])

        waiting = threading.Thread(target=receive)
        waiting.start()
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="hello")
        waiting.join()
        self.assertEqual(got, ["hello"])

    def test_many_receivers_get_each_message_once(self) -> None:
        for number in range(40):
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=str(number))
        with ThreadPoolExecutor(8) as many:
            answers = many.map(lambda _: self.sqs.receive_message(QueueUrl=self.queue), range(40))
            got = [m["Body"] for a in answers for m in a["Messages"]]
        self.assertEqual(sorted(got, key=int), [str(n) for n in range(40)])

    def test_an_emptied_policy_is_gone(self) -> None:
        self.set(Policy=json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}]}))
        self.set(Policy="")
        self.assertNotIn("Policy", self.attributes())


@correction
class TheClock(Queues):
    """Tests of SQS's movable clock, which AWS does not have."""

    def received(self) -> list[str]:
        return [m["Body"] for m in self.sqs.receive_message(QueueUrl=self.queue).get("Messages", [])]

    def forward(self, seconds: float) -> None:
        try:
            self.control("POST", "queue-clock", {"seconds": seconds})
        except OSError as e:
            raise AssertionError(f"the clock does not go forward: {e}") from e

    def test_a_delayed_message_comes_when_its_delay_is_over(self) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="later", DelaySeconds=300)
        self.forward(299)
        early = self.received()
        self.forward(2)
        self.assertEqual((early, self.received()), ([], ["later"]))

    def test_message_with_its_own_delay_ignores_the_queues(self) -> None:
        self.set(VisibilityTimeout="1800")
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="again")
        handle = self.sqs.receive_message(QueueUrl=self.queue)["Messages"][0]["ReceiptHandle"]
        self.sqs.change_message_visibility(QueueUrl=self.queue, ReceiptHandle=handle, VisibilityTimeout=20)
        self.forward(19)
        early = self.received()
        self.forward(2)
        self.assertEqual((early, self.received()), ([], ["again"]))


class AlsoOnPlainMoto(Queues):
    def test_a_delayed_message_is_counted_as_such_and_not_received(self) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="later", DelaySeconds=900)
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=self.queue))
        shown = self.attributes()
        self.assertEqual(shown["ApproximateNumberOfMessagesDelayed"], "1")
        self.assertEqual(shown["ApproximateNumberOfMessagesNotVisible"], "0")

    def test_nothing_is_delayed_for_more_than_15_minutes(self) -> None:
        with self.refused("InvalidParameterValue", 400, "DelaySeconds must be >= 0 and <= 900"):
            self.sqs.send_message(QueueUrl=self.queue, MessageBody="later", DelaySeconds=901)

    def test_a_message_shown_again_counts_its_receptions(self) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="again")
        counts = []
        for _ in range(3):
            wanted = ["ApproximateReceiveCount"]
            (message,) = self.sqs.receive_message(QueueUrl=self.queue, AttributeNames=wanted)["Messages"]
            counts.append(message["Attributes"]["ApproximateReceiveCount"])
            handle = message["ReceiptHandle"]
            self.sqs.change_message_visibility(QueueUrl=self.queue, ReceiptHandle=handle, VisibilityTimeout=0)
        self.assertEqual(counts, ["1", "2", "3"])

    def test_the_visibility_of_a_message_that_was_deleted_cannot_be_changed(self) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="gone")
        handle = self.sqs.receive_message(QueueUrl=self.queue)["Messages"][0]["ReceiptHandle"]
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=handle)
        with self.assertRaises(ClientError):
            self.sqs.change_message_visibility(QueueUrl=self.queue, ReceiptHandle=handle, VisibilityTimeout=0)
