"""Rules that a test sets for the emulator: faults, latency, the settling of writes, answers of invocations.

A rule has a selector. The newest rule that selects a call and is not used up applies. The module knows nothing of HTTP or moto.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from .calls import Call

R = TypeVar("R", bound="Rule")


@dataclass
class Rule:
    """A selector, whose absent fields select anything; `times` says how often it still applies, None means always."""

    account: str | None = None
    region: str | None = None
    function: str | None = None
    operation: str | None = None
    times: int | None = None

    @classmethod
    def parse(cls: type[R], sent: dict[str, Any]) -> R:
        unknown = sent.keys() - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"unknown field {', '.join(sorted(unknown))}")
        return cls(**sent)

    def selects(self, **facts: str | None) -> bool:
        return self.times != 0 and all(getattr(self, k) in (None, "*", v) for k, v in facts.items())

    def use(self) -> None:
        if self.times is not None:
            self.times -= 1


class Rules(list[R], Generic[R]):
    def take(self, **facts: str | None) -> R | None:
        """Uses and returns the newest rule that selects `facts`."""
        rule = next((r for r in reversed(self) if r.selects(**facts)), None)
        if rule:
            rule.use()
        return rule


@dataclass
class Fault(Rule):
    """An error answer for a call.

    `after` calls pass first. `execute` executes the call and loses its answer. Status 0 closes the connection. `late` closes the
    connection and executes the call at `POST late`. `session` limits it to sessions whose names begin with that text.
    """

    service: str | None = None
    session: str | None = None
    key_prefix: str | None = None
    after: int = 0
    status: int = 500
    code: str = "InternalFailure"
    message: str = "injected by a test"
    execute: bool = False
    late: bool = False

    def matches(self, call: Call) -> bool:
        # For an AssumeRole `account` may be the caller's or the role's.
        account = call.account
        if call.operation == "AssumeRole" and f"::{self.account}:" in call.parameters.get("role_arn", ""):
            account = self.account or account
        return self.selects(
            service=call.service,
            operation=call.operation,
            account=account,
            region=call.region,
            function=call.function,
        ) and self._is_about(call)

    def _is_about(self, call: Call) -> bool:
        of_session = self.session is None or (call.session_name or "").startswith(self.session)
        return of_session and (call.key or "").startswith(self.key_prefix or "")


@dataclass
class Settle(Rule):
    """A number of reads or seconds for which a write stays Pending or InProgress; with `fail` it ends in Failed."""

    reads: int = 0
    seconds: float = 0.0
    fail: dict[str, str] | None = None


@dataclass
class Answer(Rule):
    """An invocation's answer: `payload`, or with `error` a function error of that type and message.

    `version` limits it to the version that runs, whatever the call's qualifier is.
    """

    version: str | None = None
    payload: Any = None
    error: dict[str, Any] | None = None


@dataclass
class Behaviour:
    """Everything that tests have set."""

    faults: Rules[Fault]
    settle: Rules[Settle]
    invoke: Rules[Answer]
    latency_ms: float = 0.0
    enforce: bool = True
    enforce_identity: bool = False

    @property
    def identity(self) -> bool:
        """Whether the roles' own policies are checked too."""
        return self.enforce and self.enforce_identity

    def fault(self, call: Call) -> Fault | None:
        for rule in self.faults:
            if rule.matches(call):
                if rule.after > 0:
                    rule.after -= 1
                    continue
                rule.use()
                return rule
        return None


BEHAVIOUR = Behaviour(Rules(), Rules(), Rules())
ORGANIZATIONS: dict[str, str] = {}
