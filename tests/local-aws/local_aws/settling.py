"""How a write to Lambda settles: for a while the function is Pending or its update InProgress.

Our reading of Lambda Developer Guide, "Lambda function states". By default the first read shows it settled, and a write
that comes before any read meets one 409, unless 50 ms have passed: enough to catch a client that does not wait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .rules import Settle

GRACE_SECONDS = 0.05


@dataclass
class Settling:
    """One write under way; `rule` is what a test wished for it."""

    rule: Settle | None
    started: float = field(default_factory=time.monotonic)
    reads: int = 0
    refused: bool = False

    @property
    def _age(self) -> float:
        return time.monotonic() - self.started

    @property
    def failure(self) -> tuple[str, str] | None:
        """Code and reason, where it is to end in Failed."""
        fail = self.rule.fail if self.rule else None
        return (fail.get("code", "InternalError"), fail.get("reason", "")) if fail else None

    def hides_from_read(self) -> bool:
        """Whether a read made now still sees it under way."""
        if self.rule is None:
            return False
        self.reads += 1
        return self.reads <= self.rule.reads or self._age < self.rule.seconds

    def refuses_write(self) -> bool:
        """Whether a write made now comes too early."""
        if self.rule is not None:
            return self.reads < self.rule.reads or self._age < self.rule.seconds
        early = not self.refused and self._age < GRACE_SECONDS
        self.refused = True
        return early
