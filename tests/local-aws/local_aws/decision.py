"""Decides whether all policies that apply to a call allow it, and names the one that does not; grants.py finds the policies.

Our reading of IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic". The messages follow
"Troubleshoot access denied error messages".
"""

from __future__ import annotations

from dataclasses import dataclass

from .policy import Context, Decision, Request, evaluate

_ARTICLES = {
    "identity-based policy": "an identity-based policy",
    "permissions boundary": "a permissions boundary",
    "session policy": "a session policy",
    "resource-based policy": "a resource-based policy",
}


@dataclass(frozen=True)
class AccessRequest:
    """An action on a resource by a caller: `names` are all its names, `own` those that mean nobody else."""

    action: str
    resource: str
    context: Context
    names: set[str]
    own: set[str]


@dataclass(frozen=True)
class Policies:
    """The policies that apply to a call; `identity` is None for a caller that needs none (an account's root)."""

    identity: list[str] | None = None
    boundary: str | None = None
    session: str | None = None
    resource: str | None = None
    # The resource is another account's: its policy and the caller's must both allow the call.
    foreign: bool = False
    # `resource` is a role's trust policy, which names no resource and must allow the call in the same account too.
    trust: bool = False


@dataclass(frozen=True)
class Refusal:
    """The kind of policy that denies a call, and whether a Deny does or a missing Allow."""

    policy_kind: str
    explicit: bool

    def because(self, action: str) -> str:
        if self.explicit:
            return f"with an explicit deny in {_ARTICLES[self.policy_kind]}"
        return f"because no {self.policy_kind} allows the {action} action"


def decide(asked: AccessRequest, policies: Policies) -> Refusal | None:
    """Returns the refusal, or None if every policy lets the call pass."""
    request = Request(asked.action, asked.resource, context=asked.context)
    resource = None if policies.trust else asked.resource
    by_all = Request(asked.action, resource, asked.names, asked.context)
    by_name = Request(asked.action, resource, asked.own, asked.context)

    identity = _combined(policies.identity, request)
    boundary = _combined([policies.boundary] if policies.boundary is not None else None, request)
    session = _combined([policies.session] if policies.session is not None else None, request)
    granted = Decision.NOTHING if policies.resource is None else evaluate(policies.resource, by_all)

    for policy_kind, decision in (
        ("identity-based policy", identity),
        ("permissions boundary", boundary),
        ("session policy", session),
        ("resource-based policy", granted),
    ):
        if decision is Decision.DENY:
            return Refusal(policy_kind, explicit=True)

    if (policies.foreign or policies.trust) and granted is not Decision.ALLOW:
        return Refusal("resource-based policy", explicit=False)
    # An Allow for the account's root leaves the decision to the role's policies. An Allow for the role itself decides.
    named = granted is Decision.ALLOW and policies.resource is not None and evaluate(policies.resource, by_name) is Decision.ALLOW
    if identity is not Decision.ALLOW and (policies.foreign or not named):
        return Refusal("identity-based policy", explicit=False)
    for policy_kind, decision in (("permissions boundary", boundary), ("session policy", session)):
        if decision is not Decision.ALLOW:
            return Refusal(policy_kind, explicit=False)
    return None


def _combined(documents: list[str] | None, request: Request) -> Decision:
    """Returns the decision of several policies of one kind; without any of that kind it is ALLOW."""
    if documents is None:
        return Decision.ALLOW
    found = {evaluate(document, request) for document in documents}
    return next((d for d in (Decision.DENY, Decision.ALLOW) if d in found), Decision.NOTHING)
