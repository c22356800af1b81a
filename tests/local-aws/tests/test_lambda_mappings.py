"""Event source mappings, which consume nothing here: the harness does.

Our reading of Lambda API Reference, CreateEventSourceMapping, UpdateEventSourceMapping and DeleteEventSourceMapping.
"""

from __future__ import annotations

from typing import Any

from .plain import correction
from .world import LocalAwsTest, must

ABSENT = "12345678-1234-1234-1234-123456789012"


class Mapped(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()
        self.lam, self.sqs = self.aws("lambda"), self.aws("sqs")
        self.lam.publish_version(FunctionName="orders")
        self.lam.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
        self.queue = self.sqs.create_queue(QueueName="work")["QueueUrl"]

    def mapping(self, **fields: Any) -> dict[str, Any]:
        source = f"arn:aws:sqs:eu-west-1:{self.account}:work"
        made = self.lam.create_event_source_mapping(EventSourceArn=source, FunctionName="orders:live", **fields)
        return dict(self.lam.get_event_source_mapping(UUID=made["UUID"]))


@correction
class Mappings(Mapped):
    def test_one_of_an_alias_names_the_alias_and_still_does_after_an_update(self) -> None:
        mapping = self.mapping()
        self.assertTrue(mapping["FunctionArn"].endswith(":function:orders:live"))
        alias = f"arn:aws:lambda:eu-west-1:{self.account}:function:orders:live"
        for fields in ({"BatchSize": 5}, {"FunctionName": alias}, {"FunctionName": "orders:live"}):
            updated = self.lam.update_event_source_mapping(UUID=mapping["UUID"], **fields)
            self.assertEqual(updated["FunctionArn"], alias)

    def test_one_that_is_enabled_leaves_the_messages_to_the_harness(self) -> None:
        self.mapping(Enabled=True)
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="x")
        self.assertEqual(len(self.sqs.receive_message(QueueUrl=self.queue).get("Messages", [])), 1)

    def test_a_limit_that_is_emptied_is_gone(self) -> None:
        mapping = self.mapping(ScalingConfig={"MaximumConcurrency": 2})
        self.lam.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={})
        self.assertNotIn("ScalingConfig", self.lam.get_event_source_mapping(UUID=mapping["UUID"]))

    def test_one_that_is_not_there_is_neither_deleted_nor_updated(self) -> None:
        with self.refused("ResourceNotFoundException", 404):
            self.lam.delete_event_source_mapping(UUID=ABSENT)
        with self.refused("ResourceNotFoundException", 404):
            self.lam.update_event_source_mapping(UUID=ABSENT, BatchSize=5)


class WhatPlainMotoAlsoDoes(Mapped):
    def test_what_was_asked_for_is_read_back(self) -> None:
        fields = {
            "BatchSize": 10,
            "MaximumBatchingWindowInSeconds": 1,
            "ScalingConfig": {"MaximumConcurrency": 2},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        mapping = self.mapping(**fields, Enabled=False, Tags={"team": "x"})
        self.assertEqual({k: mapping[k] for k in fields}, fields)
        self.assertEqual(mapping["State"], "Disabled")
        self.assertEqual(self.lam.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"], {"team": "x"})
        must(lambda: self.lam.delete_event_source_mapping(UUID=mapping["UUID"]))
        with self.refused("ResourceNotFoundException", 404):
            self.lam.get_event_source_mapping(UUID=mapping["UUID"])
