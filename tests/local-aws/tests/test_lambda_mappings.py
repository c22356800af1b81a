"""Event source mappings, which consume nothing here: the harness does.

Our reading of Lambda API Reference, CreateEventSourceMapping.
"""

from __future__ import annotations

from .plain import correction
from .world import LocalAwsTest


@correction
class Mappings(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()
        lam, self.sqs = self.aws("lambda"), self.aws("sqs")
        lam.publish_version(FunctionName="orders")
        lam.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
        self.queue = self.sqs.create_queue(QueueName="work")["QueueUrl"]
        self.mapping = lam.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:eu-west-1:{self.account}:work", FunctionName="orders:live", Enabled=True
        )

    def test_one_of_an_alias_names_the_alias(self) -> None:
        self.assertTrue(self.mapping["FunctionArn"].endswith(":function:orders:live"))

    def test_one_that_is_enabled_leaves_the_messages_to_the_harness(self) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="x")
        self.assertEqual(len(self.sqs.receive_message(QueueUrl=self.queue).get("Messages", [])), 1)
