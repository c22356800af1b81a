"""Policies of queues, event buses and roles together with roles' own policies.

Our reading of IAM User Guide, "Cross-account policy evaluation logic"; Amazon SQS Developer Guide, "Using identity-based policies
with Amazon SQS"; STS API Reference, AssumeRole; Amazon EventBridge API Reference, PutEvents.
"""

from __future__ import annotations

import json
from typing import Any

from .plain import correction
from .roles import RolesTest, document, may, to
from .world import Aws, allow, must

DENIED = ("AccessDenied", 403)
NO_IDENTITY = "because no identity-based policy allows the {} action"
NO_RESOURCE = "because no resource-based policy allows the {} action"


@correction
class Queues(RolesTest):
    def setUp(self) -> None:
        super().setUp()
        self.sqs = self.aws("sqs")
        self.queue = self.sqs.create_queue(QueueName="work")["QueueUrl"]
        self.arn = f"arn:aws:sqs:eu-west-1:{self.account}:work"

    def attach(self, *statements: dict[str, Any]) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": document(*statements)})

    def send(self, by: Aws) -> Any:
        return by("sqs").send_message(QueueUrl=self.queue, MessageBody="x")

    def test_each_call_and_its_batch_need_the_same_action(self) -> None:
        sqs, queue = self.caller("sqs"), {"QueueUrl": self.queue}
        self.send(self.aws)
        handle = self.sqs.receive_message(**queue)["Messages"][0]["ReceiptHandle"]
        later = {"ReceiptHandle": handle, "VisibilityTimeout": 9}
        many = [{"Id": "1", "ReceiptHandle": handle}]
        calls: list[tuple[str, Any]] = [
            ("SendMessage", lambda: self.send(self.caller)),
            ("SendMessage", lambda: sqs.send_message_batch(**queue, Entries=[{"Id": "1", "MessageBody": "x"}])),
            ("ReceiveMessage", lambda: sqs.receive_message(**queue)),
            ("GetQueueAttributes", lambda: sqs.get_queue_attributes(**queue, AttributeNames=["All"])),
            ("ChangeMessageVisibility", lambda: sqs.change_message_visibility(**queue, **later)),
            ("ChangeMessageVisibility", lambda: sqs.change_message_visibility_batch(**queue, Entries=many)),
            ("DeleteMessage", lambda: sqs.delete_message_batch(**queue, Entries=many)),
        ]
        for action, call in calls:
            self.grant(may("sqs:PurgeQueue"))
            with self.refused(*DENIED, f"sqs:{action} on resource: {self.arn}", NO_IDENTITY.format(f"sqs:{action}")):
                call()
            self.grant(may(f"sqs:{action}", self.arn))
            must(call)

    def test_queue_that_allows_the_role_is_enough(self) -> None:
        self.attach(to(f"arn:aws:iam::{self.account}:root", "sqs:SendMessage", self.arn))
        with self.refused(*DENIED, NO_IDENTITY.format("sqs:SendMessage")):
            self.send(self.caller)
        self.attach(to(self.caller_role, "sqs:SendMessage", self.arn))
        must(lambda: self.send(self.caller))

    def test_deny_of_the_queue_is_named(self) -> None:
        self.grant(may("sqs:*"))
        self.attach(to("*", "sqs:SendMessage", self.arn, "Deny"))
        with self.refused(*DENIED, "with an explicit deny in a resource-based policy"):
            self.send(self.caller)

    def test_another_accounts_queue_must_allow_it_too(self) -> None:
        role = self.role("foreign", allow({"AWS": self.other.account}), aws=self.other)
        foreign = self.session(role, self.other)
        self.grant(may("sqs:SendMessage", self.arn), role="foreign", aws=self.other)
        with self.refused(*DENIED, NO_RESOURCE.format("sqs:SendMessage")):
            self.send(foreign)
        self.attach(to(role, "sqs:SendMessage", self.arn))
        must(lambda: self.send(foreign))
        self.assertEqual(self.sqs.receive_message(QueueUrl=self.queue)["Messages"][0]["Body"], "x")


@correction
class Roles(RolesTest):
    def setUp(self) -> None:
        super().setUp()
        everything = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
        self.target = self.role("target", allow({"AWS": self.caller_role}, everything), aws=self.other)

    def test_another_accounts_role_needs_the_callers_own_right_as_well(self) -> None:
        with self.refused(*DENIED, f"sts:AssumeRole on resource: {self.target}", NO_IDENTITY.format("sts:AssumeRole")):
            self.session(self.target, self.caller)
        self.grant(may("sts:AssumeRole", self.target))
        must(lambda: self.session(self.target, self.caller))

    def test_a_source_identity_and_tags_need_rights_of_their_own(self) -> None:
        tags = [{"Key": "team", "Value": "x"}]
        self.grant(may("sts:AssumeRole", self.target))
        with self.refused(*DENIED, NO_IDENTITY.format("sts:SetSourceIdentity")):
            self.session(self.target, self.caller, SourceIdentity="deployer-1")
        with self.refused(*DENIED, NO_IDENTITY.format("sts:TagSession")):
            self.session(self.target, self.caller, Tags=tags)
        self.grant(may(["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"], self.target))
        must(lambda: self.session(self.target, self.caller, SourceIdentity="deployer-1", Tags=tags))

    def test_trust_in_the_caller_is_enough_in_the_same_account(self) -> None:
        must(lambda: self.session(self.role("nearer", allow({"AWS": self.caller_role})), self.caller))
        near = self.role("near", allow({"AWS": f"arn:aws:iam::{self.account}:root"}))
        with self.refused(*DENIED, NO_IDENTITY.format("sts:AssumeRole")):
            self.session(near, self.caller)
        self.grant(may("sts:AssumeRole", near))
        must(lambda: self.session(near, self.caller))

    def test_a_session_policy_limits_what_may_be_assumed(self) -> None:
        self.grant(may("sts:AssumeRole", self.target))
        self.caller = self.session(self.caller_role, self.aws, Policy=document(may("s3:*")))
        with self.refused(*DENIED, "because no session policy allows the sts:AssumeRole action"):
            self.session(self.target, self.caller)

    def test_the_source_identity_is_a_condition_of_later_calls(self) -> None:
        self.bucket("seen")
        trust = [allow({"AWS": self.account}, action) for action in ("sts:AssumeRole", "sts:SetSourceIdentity")]
        role = self.role("known", trust)
        self.grant(may("s3:ListAllMyBuckets", StringLike={"aws:SourceIdentity": "deployer-*"}), role="known")
        must(lambda: self.session(role, self.aws, SourceIdentity="deployer-1")("s3").list_buckets())
        with self.refused(*DENIED):
            self.session(role, self.aws, SourceIdentity="person")("s3").list_buckets()


@correction
class Buses(RolesTest):
    def setUp(self) -> None:
        super().setUp()
        self.bus = self.aws("events").create_event_bus(Name="told")["EventBusArn"]

    def put(self, by: Aws, bus: str = "told", source: str = "deployer") -> Any:
        entry = {"Source": source, "DetailType": "Outcome", "Detail": json.dumps({}), "EventBusName": bus}
        return by("events").put_events(Entries=[entry])

    def test_an_event_needs_the_right_to_its_bus(self) -> None:
        words = (f"events:PutEvents on resource: {self.bus}", NO_IDENTITY.format("events:PutEvents"))
        with self.refused("AccessDeniedException", 400, *words):
            self.put(self.caller)
        self.grant(may("events:PutEvents", self.bus))
        for bus in ("told", self.bus):
            must(lambda bus=bus: self.put(self.caller, bus))

    def test_the_source_can_be_a_condition(self) -> None:
        self.grant(may("events:PutEvents", self.bus, StringEquals={"events:source": "deployer"}))
        must(lambda: self.put(self.caller))
        with self.refused("AccessDeniedException", 400):
            self.put(self.caller, source="somebody")

    def test_bus_that_allows_the_role_is_enough(self) -> None:
        for principal in (f"arn:aws:iam::{self.account}:root", self.caller_role):
            with self.refused("AccessDeniedException", 400):
                self.put(self.caller)
            policy = document(to(principal, "events:PutEvents", self.bus))
            self.aws("events").put_permission(EventBusName="told", Policy=policy)
        must(lambda: self.put(self.caller))

    def test_another_accounts_bus_must_allow_it_too(self) -> None:
        role = self.role("foreign", allow({"AWS": self.other.account}), aws=self.other)
        foreign = self.session(role, self.other)
        self.grant(may("events:PutEvents", self.bus), role="foreign", aws=self.other)
        with self.refused("AccessDeniedException", 400, NO_RESOURCE.format("events:PutEvents")):
            self.put(foreign, self.bus)
