"""AssumeRole under the role's trust policy, and GetCallerIdentity.

Our reading of STS API Reference, AssumeRole; IAM User Guide, "The confused deputy problem" (ExternalId), "Monitor and control
actions taken with assumed roles" (source identity) and "Pass session tags in AWS STS".
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from moto.core.responses import ActionResult
from moto.sts import urls
from moto.sts.responses import TokenResponse
from werkzeug.exceptions import HTTPException

from . import access, decision, grants, policy, signature, wire, world
from .calls import Call
from .identity import SESSIONS, Session
from .rules import BEHAVIOUR


class Refused(HTTPException):
    """A refused request (STS API Reference, AssumeRole, "Errors", and "Common Error Types")."""

    def __init__(self, message: str, code: str = "AccessDenied", status: int = 403) -> None:
        self.code = status
        answer = wire.error("sts", status, code, message)
        super().__init__(answer.get_data(as_text=True))
        self._headers = list(answer.headers.items())

    def get_headers(self, *_: Any) -> list[tuple[str, str]]:
        return self._headers


class Sts(TokenResponse):
    def assume_role(self) -> ActionResult:
        call = world.current()
        assert call is not None
        role_arn = call.wire.get("RoleArn", "")
        tags = _tags(call.wire)
        source_identity = call.wire.get("SourceIdentity")
        if call.caller.session and call.caller.session.source_identity:  # cannot be changed once set
            source_identity = source_identity or call.caller.session.source_identity
        _validate(call.wire, source_identity)
        if call.caller.session and int(call.wire.get("DurationSeconds", 3600)) > 3600:
            message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            raise Refused(message, "ValidationError", 400)
        _check_trust(call, role_arn, source_identity, tags)
        result = super().assume_role()
        credentials = result.result["Credentials"]  # type: ignore[index]
        SESSIONS[credentials.access_key_id] = Session(
            account=credentials.account_id,
            role_arn=role_arn,
            name=call.wire["RoleSessionName"],
            policy=call.wire.get("Policy"),
            source_identity=source_identity,
            tags=tags,
            secret=credentials.secret_access_key,
        )
        result.result["SourceIdentity"] = source_identity  # type: ignore[index]
        return result

    def get_caller_identity(self) -> ActionResult:
        """GetCallerIdentity: an account's own keys belong to its root; the signature of a session is checked."""
        call = world.current()
        assert call is not None
        if call.caller.session and call.caller.session.secret:
            wrong = signature.mismatch(call.caller.session.secret, self.method, dict(self.headers), urlencode(call.wire).encode())
            if wrong:
                raise Refused(wrong, "SignatureDoesNotMatch")
        if call.caller.arn.endswith(":root"):
            return ActionResult({"UserId": call.account, "Account": call.account, "Arn": call.caller.arn})
        if call.caller.session:
            identity = f"AROA{call.caller.session.role_arn.rsplit('/', 1)[-1].upper()}:{call.caller.session.name}"
            return ActionResult({"UserId": identity, "Account": call.account, "Arn": call.caller.arn})
        return super().get_caller_identity()


def _check_trust(call: Call, role_arn: str, source_identity: str | None, tags: dict[str, str]) -> None:
    """Requires that trust policy and caller's policies allow every action of the request; a missing role is a denial too.

    The actions are sts:AssumeRole and, where they are sent, sts:SetSourceIdentity and sts:TagSession.
    """
    needed = ["sts:AssumeRole"]
    needed += ["sts:SetSourceIdentity"] if source_identity else []
    needed += ["sts:TagSession"] if tags else []
    trust = grants.trust(role_arn)
    for action in needed:
        context: dict[str, str | list[str]] = {**access.context(call), "sts:RoleSessionName": call.wire["RoleSessionName"]}
        if source_identity:
            context["sts:SourceIdentity"] = source_identity
        if "ExternalId" in call.wire and action == "sts:AssumeRole":  # that key belongs to AssumeRole only
            context["sts:ExternalId"] = call.wire["ExternalId"]
        if tags:
            context["aws:TagKeys"] = list(tags)
            context |= {f"aws:RequestTag/{k}": v for k, v in tags.items()}
        request = policy.Request(action, None, call.caller.principals, context)
        found = policy.evaluate(trust, request) if trust else policy.Decision.NOTHING
        if found is not policy.Decision.ALLOW:
            refused = decision.Refusal("resource-based policy", explicit=found is policy.Decision.DENY)
            access.Denial(call, action, role_arn, refused.policy_kind, refused.because(action)).record()
            # STS does not name the policy that denied it.
            raise Refused(f"User: {call.caller.arn} is not authorized to perform: {action} on resource: {role_arn}")
        if BEHAVIOUR.identity and (denied := access.denial(call, action, role_arn, trust, context)):
            raise Refused(denied.record().message)


def service_may_assume(role_arn: str, service: str) -> bool:
    """Whether a service such as lambda.amazonaws.com may assume the role."""
    trust = grants.trust(role_arn)
    request = policy.Request("sts:AssumeRole", None, {service, "*"}, {"aws:SourceAccount": role_arn.split(":")[4]})
    return trust is not None and policy.evaluate(trust, request) is policy.Decision.ALLOW


def _tags(wire: dict[str, Any]) -> dict[str, str]:
    """Returns the tags from Tags.member.N.Key and .Value of the query protocol."""
    keys = {k: v for k, v in wire.items() if re.fullmatch(r"Tags\.member\.\d+\.Key", k)}
    return {v: wire.get(k[:-3] + "Value", "") for k, v in keys.items()}


def _validate(wire: dict[str, Any], source_identity: str | None) -> None:
    """Refuses malformed parameters (STS API Reference, AssumeRole, "Request Parameters")."""
    for name, value, longest in (
        ("roleSessionName", wire.get("RoleSessionName", ""), 64),
        ("sourceIdentity", source_identity, 64),
    ):
        if value is not None and not re.fullmatch(rf"[\w+=,.@-]{{2,{longest}}}", value, re.ASCII):
            message = f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint"
            raise Refused(message, "ValidationError", 400)
    document = wire.get("Policy")
    if document is None:
        return
    if len(document) > 2048:
        raise Refused("Packed policy consumes more than 100% of allotted space", "PackedPolicyTooLarge", 400)
    try:
        json.loads(document)["Statement"]
    except (ValueError, KeyError, TypeError):
        raise Refused("This policy contains invalid Json", "MalformedPolicyDocument", 400) from None


def install() -> None:
    for path in urls.url_paths:
        urls.url_paths[path] = Sts.dispatch
