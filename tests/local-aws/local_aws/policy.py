"""Evaluates one policy document: session, trust and bucket policies alike. Knows nothing of who asks or why.

Our reading of IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any


class Decision(Enum):
    ALLOW = "allow"
    DENY = "explicit deny"
    NOTHING = "no statement"


@dataclass(frozen=True)
class Request:
    """What is asked. `resource` is None for trust policies, `principals` None for policies that name none."""

    action: str
    resource: str | None = None
    principals: set[str] | None = None
    context: Mapping[str, str | list[str]] = field(default_factory=dict)


def evaluate(document: str | bytes | Mapping[str, Any], request: Request) -> Decision:
    """A Deny that applies wins over every Allow."""
    policy = json.loads(document) if isinstance(document, (str, bytes)) else document
    effects = {s["Effect"] for s in _listed(policy.get("Statement")) if _applies(s, request)}
    if "Deny" in effects:
        return Decision.DENY
    return Decision.ALLOW if "Allow" in effects else Decision.NOTHING


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _names(statement, "Action", request.action.lower(), fold=True)
        and (request.resource is None or _names(statement, "Resource", request.resource))
        and (request.principals is None or _principal(statement, request.principals))
        and all(
            _condition(operator, key, _listed(wanted), request.context, statement["Effect"])
            for operator, tests in statement.get("Condition", {}).items()
            for key, wanted in tests.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, value: str, fold: bool = False) -> bool:
    negated = f"Not{element}" in statement
    patterns = _listed(statement.get(f"Not{element}" if negated else element))
    found = any(like(value, p.lower() if fold else p) for p in patterns)
    return found != negated


def _principal(statement: Mapping[str, Any], principals: set[str]) -> bool:
    negated = "NotPrincipal" in statement
    element = statement.get("NotPrincipal" if negated else "Principal")
    named = ["*"] if element == "*" else [n for ns in (element or {}).values() for n in _listed(ns)]
    return bool(principals.intersection(named)) != negated


def like(value: str, pattern: str) -> bool:
    """`*` and `?` as IAM knows them; `[` means itself."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


_POSITIVE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda v, p: v == p,
    "StringEqualsIgnoreCase": lambda v, p: v.lower() == p.lower(),
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda v, p: v.lower() == p.lower(),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def _condition(operator: str, key: str, wanted: list[str], context: Mapping[str, str | list[str]], effect: str) -> bool:
    quantifier, _, operator = operator.rpartition(":")
    if_exists = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    values = next((_listed(v) for k, v in context.items() if k.lower() == key.lower()), [])
    if operator == "Null":
        return (not values) == (str(wanted[0]).lower() == "true")
    negated = operator in _NEGATED
    test = _POSITIVE.get(_NEGATED.get(operator, operator))
    if test is None:
        # Safe on both sides: an Allow that cannot be judged does not apply, a Deny does.
        print(f"local_aws: condition operator {operator} is not known here", file=sys.stderr)
        return effect == "Deny"
    if not values:
        return if_exists or negated or quantifier == "ForAllValues"
    hits = [any(test(v, str(w)) for w in wanted) != negated for v in values]
    return all(hits) if quantifier == "ForAllValues" or not quantifier else any(hits)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, Mapping)) else [value]
