"""Delayed calls: the connection closes at once, and the call is executed when a test says so.

The module knows nothing of HTTP or moto.
"""

from __future__ import annotations

from collections.abc import Callable


class Late:
    """The delayed calls, in the order in which they were sent."""

    def __init__(self) -> None:
        self._under_way: list[Callable[[], int]] = []

    def keep(self, call: Callable[[], int]) -> None:
        self._under_way.append(call)

    def carry_out(self) -> list[int]:
        """Executes the delayed calls and returns the status of each."""
        under_way, self._under_way = self._under_way, []
        return [call() for call in under_way]


LATE = Late()
