"""What every part of the emulator shares: one lock, and the call that is being answered.

A call runs alone, from the check of who may make it to its answer, as if it were a transaction: moto has no locks of its own, and
conditional writes (`If-None-Match`, `RevisionId`) must not race here when they cannot on AWS.
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


def current() -> Call | None:
    """The call that this thread is answering; None where moto works on its own account."""
    return _current.get()
