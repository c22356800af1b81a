"""Stops a client at one of its calls, so that a test can kill it exactly there.

Calls, or those of one operation, count in the order in which they arrive. The calls before the held one are executed and answered. The held one is executed,
or not if the test says so, and gets no answer. No later call is executed. The module knows nothing of moto.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum

from .calls import Call


class Treatment(Enum):
    """The treatment of a call."""

    PASSES = "executed and answered"
    LAST = "executed, never answered"
    NEVER = "neither"


class Hold:
    """A hold on the calls of sessions whose names begin with a given text; there is one at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._session: str | None = None
        self._operation: str | None = None
        self._left = 0
        self._execute = True
        self._under_way: set[int] = set()
        self._held: set[int] = set()

    def set(self, session: str, calls: int, execute: bool, operation: str | None = None) -> None:
        """Holds the session from its call number `calls` on; the first call is 1. With `operation` only its calls are counted."""
        if calls < 1:
            raise ValueError("calls are counted from 1")
        with self._changed:
            if self._session is not None:
                raise ValueError("there is a hold already")
            self._session, self._left, self._execute, self._operation = session, calls, execute, operation

    def release(self) -> None:
        """Ends the hold; the connections of the held calls are closed."""
        with self._changed:
            self._session = None
            self._held.clear()
            self._changed.notify_all()

    def is_held(self, seconds: float, calls: int) -> bool:
        """Whether so many calls are held and all before them are done; waits for that for at most `seconds`."""
        until = time.monotonic() + seconds
        with self._changed:
            while not (len(self._held) >= calls and not self._under_way) and self._session is not None:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return self._session is not None and len(self._held) >= calls and not self._under_way

    def arriving(self, identify: Callable[[], Call]) -> tuple[Call, Treatment]:
        """Counts an arriving call and returns it with its treatment."""
        with self._changed:
            call = identify()
            if self._session is None or not (call.session_name or "").startswith(self._session):
                return call, Treatment.PASSES
            treatment = self._treatment(call.operation)
            if treatment is not Treatment.NEVER:
                self._under_way.add(call.seq)
            if treatment is not Treatment.PASSES:
                self._held.add(call.seq)
                self._changed.notify_all()
            return call, treatment

    def _treatment(self, operation: str) -> Treatment:
        """Counts a call of the session."""
        if self._left == 0:
            return Treatment.NEVER
        if self._operation in (None, operation):
            self._left -= 1
        if self._left > 0:
            return Treatment.PASSES
        return Treatment.LAST if self._execute else Treatment.NEVER

    def executed(self, call: Call) -> None:
        """Notes that the call is done."""
        with self._changed:
            self._under_way.discard(call.seq)
            self._changed.notify_all()

    def wait(self, call: Call) -> None:
        """Waits until the hold on this call is released."""
        with self._changed:
            while call.seq in self._held:
                self._changed.wait()


HOLD = Hold()
