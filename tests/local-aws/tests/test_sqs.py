"""Queues. Our reading of Amazon SQS API Reference, SetQueueAttributes and GetQueueAttributes."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

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
