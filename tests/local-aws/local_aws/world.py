"""The lock and the current call, which every part of the emulator shares.

A call runs alone from the check of its permissions to its answer, like a transaction: moto has no locks of its own, and
conditional writes (`If-None-Match`, `RevisionId`) must not race here because they do not on AWS.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .calls import Call

LOCK = threading.RLock()

_current: ContextVar[Call | None] = ContextVar("call", default=None)


def enter(call: Call) -> None:
    _current.set(call)


def leave() -> None:
    _current.set(None)


def current() -> Call | None:
    """Returns the call that this thread is answering; None while moto works for no call."""
    return _current.get()
