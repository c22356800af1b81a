"""The base of tests with roles' own policies, which are checked while such a test runs."""

from __future__ import annotations

import json
from typing import Any

from .world import Aws, LocalAwsTest, allow


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def may(action: Any, resource: Any = "*", effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def deny(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return may(action, resource, "Deny", **condition)


def to(principal: Any, action: Any, resource: Any, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    """Returns a statement of a resource's own policy."""
    return {"Sid": "Test", **may(action, resource, effect, **condition), "Principal": {"AWS": principal}}


class RolesTest(LocalAwsTest):
    """Tests with `self.caller`, a session of a role of `self.account` without policies, and `self.other`, another account."""

    def setUp(self) -> None:
        super().setUp()
        self.control("POST", "enforce", {"on": True, "identity": True})
        self.addCleanup(self.control, "POST", "enforce", {"on": True, "identity": False})
        self.other = self.new_account()
        self.caller_role = self.role("caller", allow({"AWS": self.account}))
        self.caller = self.session(self.caller_role, self.aws)

    def grant(self, *statements: dict[str, Any], role: str = "caller", aws: Aws | None = None) -> None:
        (aws or self.aws)("iam").put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=document(*statements))

    def policy(self, name: str, *statements: dict[str, Any]) -> str:
        made = self.aws("iam").create_policy(PolicyName=name, PolicyDocument=document(*statements))
        return str(made["Policy"]["Arn"])
