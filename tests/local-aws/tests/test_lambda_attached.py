"""Permissions, URLs and asynchronous invocation settings of functions and aliases.

Our reading of Lambda API Reference, AddPermission, GetPolicy, RemovePermission, CreateFunctionUrlConfig and
PutFunctionEventInvokeConfig; Lambda Developer Guide, "Using Lambda aliases in event sources and permissions policies".
"""

from __future__ import annotations

import json
from typing import Any

from .plain import correction
from .world import LocalAwsTest, must


class AnAlias(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()
        self.lam = self.aws("lambda")
        self.version(b"2")
        self.lam.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")

    def allow(self, sid: str, **where: str) -> None:
        self.lam.add_permission(
            FunctionName="orders", StatementId=sid, Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", **where
        )

    def statements(self, **where: str) -> list[str]:
        policy = must(lambda: self.lam.get_policy(FunctionName="orders", **where))["Policy"]
        return [statement["Sid"] for statement in json.loads(policy)["Statement"]]

    def url(self, **where: str) -> dict[str, Any]:
        found = must(lambda: self.lam.get_function_url_config(FunctionName="orders", **where))
        return {k: v for k, v in found.items() if k != "ResponseMetadata"}

    def move(self) -> None:
        number = self.version(b"3")
        self.lam.update_alias(FunctionName="orders", Name="live", FunctionVersion=number)


@correction
class Attached(AnAlias):
    def test_a_permission_of_an_alias_is_its_own_and_stays_when_it_moves(self) -> None:
        self.allow("function")
        self.allow("alias", Qualifier="live")
        self.move()
        self.assertEqual((self.statements(), self.statements(Qualifier="live")), (["function"], ["alias"]))

    def test_a_permission_of_an_alias_is_taken_from_the_alias(self) -> None:
        self.allow("same")
        self.allow("same", Qualifier="live")
        must(lambda: self.lam.remove_permission(FunctionName="orders", StatementId="same", Qualifier="live"))
        self.assertEqual(self.statements(), ["same"])
        with self.refused("ResourceNotFoundException", 404):
            self.lam.get_policy(FunctionName="orders", Qualifier="live")

    def test_second_statement_with_the_same_id_is_refused(self) -> None:
        self.allow("same")
        with self.refused("ResourceConflictException", 409):
            self.allow("same")

    def test_function_and_alias_have_a_url_each(self) -> None:
        for where, auth in (({}, "NONE"), ({"Qualifier": "live"}, "AWS_IAM")):
            self.lam.create_function_url_config(FunctionName="orders", AuthType=auth, **where)
        of_function, of_alias = self.url(), self.url(Qualifier="live")
        self.assertEqual((of_function["AuthType"], of_alias["AuthType"]), ("NONE", "AWS_IAM"))
        self.assertNotEqual(of_function["FunctionUrl"], of_alias["FunctionUrl"])
        self.assertTrue(of_alias["FunctionArn"].endswith(":orders:live"))
        self.move()
        self.assertEqual(self.url(Qualifier="live"), of_alias)

    def test_url_buffers_by_default(self) -> None:
        self.lam.create_function_url_config(FunctionName="orders", AuthType="NONE")
        self.assertEqual(self.url()["InvokeMode"], "BUFFERED")

    def test_asynchronous_invocations_of_an_alias_are_configured_apart(self) -> None:
        for where, retries in (({}, 2), ({"Qualifier": "live"}, 0)):
            self.lam.put_function_event_invoke_config(FunctionName="orders", MaximumRetryAttempts=retries, **where)
        self.move()
        read = self.lam.get_function_event_invoke_config
        found = [read(FunctionName="orders", **where)["MaximumRetryAttempts"] for where in ({}, {"Qualifier": "live"})]
        self.assertEqual(found, [2, 0])


class AlsoOnPlainMoto(AnAlias):
    def test_a_permission_of_the_function_stays(self) -> None:
        self.allow("function")
        self.move()
        self.assertEqual(self.statements(), ["function"])
        self.lam.remove_permission(FunctionName="orders", StatementId="function")
        with self.refused("ResourceNotFoundException", 404):
            self.lam.get_policy(FunctionName="orders")

    def test_missing_url_is_not_found(self) -> None:
        with self.refused("ResourceNotFoundException", 404):
            self.lam.get_function_url_config(FunctionName="orders")
