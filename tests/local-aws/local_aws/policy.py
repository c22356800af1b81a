"""Evaluates one policy document, be it a role's, a session's, a trust policy or a bucket's; knows nothing of the call.

Our reading of IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators" and "IAM policy
elements: Variables and tags".
"""

from __future__ import annotations

import json
import operator
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, lru_cache
from typing import Any

Context = Mapping[str, "str | list[str]"]

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class Decision(Enum):
    ALLOW = "allow"
    DENY = "explicit deny"
    NOTHING = "no statement"


@dataclass(frozen=True)
class Request:
    """An action to evaluate; `resource` is None for trust policies, `principals` for policies without Principal."""

    action: str
    resource: str | None = None
    principals: set[str] | None = None
    context: Context = field(default_factory=dict)


def evaluate(document: str | bytes | Mapping[str, Any], request: Request) -> Decision:
    """Returns the policy's decision; a Deny that applies wins over every Allow."""
    policy = _parsed(document) if isinstance(document, (str, bytes)) else document
    effects = {s["Effect"] for s in _listed(policy.get("Statement")) if _applies(s, request)}
    if "Deny" in effects:
        return Decision.DENY
    return Decision.ALLOW if "Allow" in effects else Decision.NOTHING


@lru_cache(maxsize=4096)  # every call of a session is held to the same few documents
def _parsed(document: str | bytes) -> Any:
    return json.loads(document)


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _names(statement, "Action", request.action)
        and (request.resource is None or _names(statement, "Resource", request.resource, request.context))
        and (request.principals is None or _principal(statement, request.principals))
        and all(
            _condition(test, key, _listed(wanted), request.context, statement["Effect"])
            for test, tests in statement.get("Condition", {}).items()
            for key, wanted in tests.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, value: str, context: Context | None = None) -> bool:
    """Whether an element names `value`; without `context` (actions) case does not matter and variables are unknown."""
    negated = f"Not{element}" in statement
    patterns = _listed(statement.get(f"Not{element}" if negated else element))
    if context is None:
        value, patterns = value.lower(), [p.lower() for p in patterns]
    else:
        patterns = _expanded(patterns, context)
    return any(like(value, p) for p in patterns) != negated


def _principal(statement: Mapping[str, Any], principals: set[str]) -> bool:
    negated = "NotPrincipal" in statement
    element = statement.get("NotPrincipal" if negated else "Principal")
    named = ["*"] if element == "*" else [n for ns in (element or {}).values() for n in _listed(ns)]
    return bool(principals.intersection(named)) != negated


def like(value: str, pattern: str) -> bool:
    """Whether a value matches a pattern with IAM's `*` and `?`."""
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(c) or re.escape(c) for c in pattern), re.DOTALL)


def _expanded(patterns: Iterable[Any], context: Context) -> list[str]:
    """Replaces variables by their values; a pattern with a variable that the request lacks matches nothing and is left out."""
    found = []
    for pattern in map(str, patterns):
        text: str | None = pattern
        for name in _VARIABLE.findall(pattern):
            value = _values(name, context)
            text = text.replace(f"${{{name}}}", value[0]) if value and text is not None else None
        if text is not None:
            found.append(text)
    return found


def _values(key: str, context: Context) -> list[str]:
    """Returns a condition key's values; the key's case does not matter."""
    return next((_listed(v) for k, v in context.items() if k.lower() == key.lower()), [])


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


_POSITIVE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda v, p: v == p,
    "StringEqualsIgnoreCase": lambda v, p: v.lower() == p.lower(),
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda v, p: v.lower() == p.lower(),
    "NumericEquals": _number(operator.eq),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _condition(test: str, key: str, wanted: list[Any], context: Context, effect: str) -> bool:
    quantifier, _, name = test.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    values = _values(key, context)
    if name == "Null":
        return (not values) == (str(wanted[0]).lower() == "true")
    negated = name in _NEGATED
    positive = _POSITIVE.get(_NEGATED.get(name, name))
    if positive is None:
        # An unknown operator errs on the side of denial: an Allow does not apply, a Deny does.
        print(f"local_aws: condition operator {name} is not known here", file=sys.stderr)
        return effect == "Deny"
    if not values:
        return if_exists or negated or quantifier == "ForAllValues"
    expanded = _expanded(wanted, context)
    hits = [any(positive(v, w) for w in expanded) != negated for v in values]
    return all(hits) if quantifier == "ForAllValues" or not quantifier else any(hits)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, Mapping)) else [value]
