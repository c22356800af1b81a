"""Settling of writes to Lambda: for a while the function is Pending or its update InProgress.

Our reading of Lambda Developer Guide, "Lambda function states". By default the first read shows it settled, and a write
that comes before any read gets one 409, unless 50 ms have passed: enough to catch a client that does not wait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .rules import Settle

GRACE_SECONDS = 0.05


@dataclass
class Settling:
    """One write under way; `rule` is set by a test."""

    rule: Settle | None
    started: float = field(default_factory=time.monotonic)
    reads: int = 0
    refused: bool = False

    @property
    def _age(self) -> float:
        return time.monotonic() - self.started

    @property
    def failure(self) -> tuple[str, str] | None:
        """Returns code and reason if the write is to end in Failed."""
        fail = self.rule.fail if self.rule else None
        return (fail.get("code", "InternalError"), fail.get("reason", "")) if fail else None

    def hides_from_read(self) -> bool:
        """Counts a read and returns whether it still sees the write under way."""
        if self.rule is None:
            return False
        self.reads += 1
        return self.reads <= self.rule.reads or self._age < self.rule.seconds

    def refuses_write(self) -> bool:
        """Whether another write comes too early."""
        if self.rule is not None:
            return self.reads < self.rule.reads or self._age < self.rule.seconds
        early = not self.refused and self._age < GRACE_SECONDS
        self.refused = True
        return early
