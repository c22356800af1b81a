"""Calls that are on their way for long: their connection closes at once, and they are carried out when a test says so.

Knows nothing of HTTP or moto.
"""

from __future__ import annotations

from collections.abc import Callable


class Late:
    """The calls that are on their way, in the order in which they were sent."""

    def __init__(self) -> None:
        self._under_way: list[Callable[[], int]] = []

    def keep(self, call: Callable[[], int]) -> None:
        self._under_way.append(call)

    def carry_out(self) -> list[int]:
        """The status that each of them gets."""
        under_way, self._under_way = self._under_way, []
        return [call() for call in under_way]


LATE = Late()
