"""Event source mappings; the harness reads the queues in their place.

Our reading of Lambda API Reference, CreateEventSourceMapping, UpdateEventSourceMapping, ListEventSourceMappings and
DeleteEventSourceMapping.
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
    def test_mapping_of_an_alias_keeps_the_alias_after_an_update(self) -> None:
        mapping = self.mapping()
        self.assertTrue(mapping["FunctionArn"].endswith(":function:orders:live"))
        alias = f"arn:aws:lambda:eu-west-1:{self.account}:function:orders:live"
        for fields in ({"BatchSize": 5}, {"FunctionName": alias}, {"FunctionName": "orders:live"}):
            updated = self.lam.update_event_source_mapping(UUID=mapping["UUID"], **fields)
            self.assertEqual(updated["FunctionArn"], alias)

    def test_mappings_of_an_alias_are_listed_by_its_name_and_by_its_arn(self) -> None:
        mapping = self.mapping()
        for name in ("orders:live", f"arn:aws:lambda:eu-west-1:{self.account}:function:orders:live"):
            listed = self.lam.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            self.assertEqual([one["UUID"] for one in listed], [mapping["UUID"]], name)
        listed = self.lam.list_event_source_mappings(FunctionName="orders:other")["EventSourceMappings"]
        self.assertEqual(listed, [])

    def test_enabled_mapping_leaves_messages_to_the_harness(self) -> None:
        self.mapping(Enabled=True)
        self.sqs.send_message(QueueUrl=self.queue, MessageBody="x")
        self.assertEqual(len(self.sqs.receive_message(QueueUrl=self.queue).get("Messages", [])), 1)

    def test_emptied_limit_is_removed(self) -> None:
        mapping = self.mapping(ScalingConfig={"MaximumConcurrency": 2})
        self.lam.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={})
        self.assertNotIn("ScalingConfig", self.lam.get_event_source_mapping(UUID=mapping["UUID"]))

    def test_missing_mapping_is_neither_deleted_nor_updated(self) -> None:
        with self.refused("ResourceNotFoundException", 404):
            self.lam.delete_event_source_mapping(UUID=ABSENT)
        with self.refused("ResourceNotFoundException", 404):
            self.lam.update_event_source_mapping(UUID=ABSENT, BatchSize=5)


class AlsoOnPlainMoto(Mapped):
    def test_settings_of_a_mapping_are_read_back(self) -> None:
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
