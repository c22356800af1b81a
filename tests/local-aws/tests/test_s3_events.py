"""S3's events, through notifications and through EventBridge.

Our reading of Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure".
"""

from __future__ import annotations

import json
from typing import Any

from .plain import correction
from .world import LocalAwsTest


class Events(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.s3, self.sqs = self.aws("s3"), self.aws("sqs")
        self.name = self.bucket("uploads")
        self.queue, self.queue_arn = self.new_queue("events")

    def new_queue(self, name: str) -> tuple[str, str]:
        return self.sqs.create_queue(QueueName=name)["QueueUrl"], f"arn:aws:sqs:eu-west-1:{self.account}:{name}"

    def notify(self, **to: Any) -> None:
        self.s3.put_bucket_notification_configuration(Bucket=self.name, NotificationConfiguration=to)

    def put(self, key: str = "dev/a b+ü/1.zip") -> str:
        return str(self.s3.put_object(Bucket=self.name, Key=key, Body=b"x")["VersionId"])

    def upload_in_parts(self, key: str = "dev/parts.zip") -> None:
        upload = self.s3.create_multipart_upload(Bucket=self.name, Key=key)["UploadId"]
        part = self.s3.upload_part(Bucket=self.name, Key=key, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        self.s3.complete_multipart_upload(Bucket=self.name, Key=key, UploadId=upload, MultipartUpload=parts)

    def received(self) -> list[Any]:
        found: list[Any] = []
        while got := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(m["Body"]) for m in got]
        return found


@correction
class Notifications(Events):
    def setUp(self) -> None:
        super().setUp()
        self.notify(QueueConfigurations=[{"QueueArn": self.queue_arn, "Events": ["s3:ObjectCreated:*"]}])

    def records(self) -> list[Any]:
        return [r for m in self.received() for r in m.get("Records", [])]

    def test_record_has_all_fields_of_aws(self) -> None:
        version = self.put()
        (record,) = self.records()
        self.assertEqual(record["s3"]["object"].get("versionId"), version)
        parts = {"userIdentity", "requestParameters", "responseElements"}
        self.assertEqual(parts - record.keys(), set())
        self.assertIn("ownerIdentity", record["s3"]["bucket"])

    def test_sequencers_of_one_key_grow(self) -> None:
        for _ in range(20):
            self.put()
        found = {r["s3"]["object"].get("versionId"): r["s3"]["object"].get("sequencer", "") for r in self.records()}
        told = [s.ljust(20, "0") for s in found.values()]
        self.assertEqual((told, len(set(told))), (sorted(told), 20))

    def test_keys_are_form_encoded_but_for_their_slashes(self) -> None:
        self.put()
        self.assertEqual([r["s3"]["object"]["key"] for r in self.records()], ["dev/a+b%2B%C3%BC/1.zip"])

    def test_multipart_upload_sends_one_event(self) -> None:
        self.upload_in_parts()
        self.assertEqual([r["eventName"] for r in self.records()], ["ObjectCreated:CompleteMultipartUpload"])

    def test_deletion_in_a_versioned_bucket_sends_the_markers_event(self) -> None:
        self.put("k")
        self.notify(QueueConfigurations=[{"QueueArn": self.queue_arn, "Events": ["s3:ObjectRemoved:*"]}])
        self.s3.delete_object(Bucket=self.name, Key="k")
        self.assertEqual([r["eventName"] for r in self.records()[1:]], ["ObjectRemoved:DeleteMarkerCreated"])

    def test_test_event_has_request_ids(self) -> None:
        (event,) = self.received()
        self.assertEqual((event["Event"], "RequestId" in event, "HostId" in event), ("s3:TestEvent", True, True))

    def test_notifications_reach_a_queue_of_another_account(self) -> None:
        other = self.new_account()
        self.queue = other("sqs").create_queue(QueueName="theirs")["QueueUrl"]
        self.sqs = other("sqs")
        arn = f"arn:aws:sqs:eu-west-1:{other.account}:theirs"
        self.notify(QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}])
        self.put()
        self.assertEqual(len(self.records()), 1)


@correction
class ThroughEventBridge(Events):
    def setUp(self) -> None:
        super().setUp()
        events = self.aws("events")
        events.put_rule(Name="uploads", EventPattern=json.dumps({"source": ["aws.s3"]}))
        events.put_targets(Rule="uploads", Targets=[{"Id": "queue", "Arn": self.queue_arn}])
        self.notify(EventBridgeConfiguration={})

    def told(self) -> list[Any]:
        return [e for e in self.received() if e.get("detail-type") == "Object Created"]

    def test_sequencers_grow_and_ids_differ(self) -> None:
        for _ in range(3):
            self.put()
        told = self.told()
        sequencers = [e["detail"]["object"]["sequencer"].ljust(20, "0") for e in told]
        self.assertEqual((sequencers, len(set(sequencers))), (sorted(sequencers), 3))
        self.assertEqual(len({e["id"] for e in told}), 3)

    def test_the_reason_is_the_operation(self) -> None:
        self.put("k")
        self.s3.copy_object(Bucket=self.name, Key="copy", CopySource={"Bucket": self.name, "Key": "k"})
        self.upload_in_parts()
        reasons = [e["detail"]["reason"] for e in self.told()]
        self.assertEqual(reasons, ["PutObject", "CopyObject", "CompleteMultipartUpload"])

    def test_the_object_has_the_fields_that_aws_gives_it(self) -> None:
        version = self.put()
        (event,) = self.told()
        found = {k: event["detail"]["object"].get(k) for k in ("key", "version-id", "size")}
        self.assertEqual(found, {"key": "dev/a b+ü/1.zip", "version-id": version, "size": 1})
        self.assertIn("etag", event["detail"]["object"])

    def test_notification_configuration_shows_eventbridge(self) -> None:
        configured = self.s3.get_bucket_notification_configuration(Bucket=self.name)
        self.assertIn("EventBridgeConfiguration", configured)

    def test_upload_without_tags_sends_no_tagging_event(self) -> None:
        self.put()
        self.assertEqual([e["detail-type"] for e in self.received()], ["Object Created"])
